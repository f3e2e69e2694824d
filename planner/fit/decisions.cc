// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/decisions.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "planner/laws/chinchilla.h"

namespace rhumb {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

std::optional<ChinchillaLaw> ToChinchillaLaw(const Form& form, const ParameterVector& theta) {
  ChinchillaLaw law;
  int found = 0;
  const std::vector<ParameterInfo>& parameters = form.parameters();
  for (size_t j = 0; j < parameters.size(); ++j) {
    const double raw = theta[static_cast<Eigen::Index>(j)];
    const double value = parameters[j].is_log ? std::exp(raw) : raw;
    const std::string& symbol = parameters[j].symbol;
    double* field = symbol == "A"       ? &law.a
                    : symbol == "B"     ? &law.b
                    : symbol == "E"     ? &law.irreducible_loss_nats
                    : symbol == "alpha" ? &law.alpha
                    : symbol == "beta"  ? &law.beta
                                        : nullptr;
    if (symbol == "gamma") law.interaction_exponent = value;
    if (field == nullptr) continue;
    *field = value;
    ++found;
  }
  if (found != 5) return std::nullopt;
  return law;
}

Decision DecisionInterval(const FitResult& fit, const ParameterDraws& draws, double level,
                          bool is_log,
                          const std::function<double(const ParameterVector& theta)>& quantity) {
  const auto scaled = [&](double x) { return is_log ? std::log(x) : x; };
  Decision decision;
  decision.value = quantity(fit.theta);
  const double center = scaled(decision.value);
  std::vector<double> values;
  for (Eigen::Index k = 0; k < draws.thetas.rows(); ++k) {
    const double value =
        draws.Stretched(k, center, scaled(quantity(draws.thetas.row(k).transpose())));
    if (std::isfinite(value)) values.push_back(value);
  }
  if (!std::isfinite(center) ||
      2 * static_cast<Eigen::Index>(values.size()) < draws.thetas.rows()) {
    decision.interval = {is_log ? 0 : -kInfinity, kInfinity};
    return decision;
  }
  const double tail = 0.5 * (1 - level);
  const double low = Quantile(values, tail), high = Quantile(values, 1 - tail);
  decision.interval = is_log ? Interval{std::exp(low), std::exp(high)} : Interval{low, high};
  return decision;
}

std::optional<ComputeDecisions> DecideAtCompute(const FitResult& fit, const ParameterDraws& draws,
                                                double training_flops, double level) {
  if (!ToChinchillaLaw(*fit.form, fit.theta).has_value()) return std::nullopt;
  const auto read = [&](double FrontierPoint::*field) {
    return DecisionInterval(fit, draws, level, true, [&](const ParameterVector& theta) {
      return OptimumForCompute(*ToChinchillaLaw(*fit.form, theta), training_flops).*field;
    });
  };
  return ComputeDecisions{.training_flops = training_flops,
                          .param_count = read(&FrontierPoint::param_count),
                          .token_count = read(&FrontierPoint::token_count),
                          .tokens_per_param = read(&FrontierPoint::tokens_per_param),
                          .loss_nats = read(&FrontierPoint::loss_nats)};
}

std::optional<Decision> ComputeForLoss(const FitResult& fit, const ParameterDraws& draws,
                                       double target_loss_nats, double level) {
  if (!ToChinchillaLaw(*fit.form, fit.theta).has_value()) return std::nullopt;
  return DecisionInterval(fit, draws, level, true, [&](const ParameterVector& theta) {
    const auto point = OptimumForLoss(*ToChinchillaLaw(*fit.form, theta), target_loss_nats);
    return point.ok() ? point->training_flops : kInfinity;
  });
}

std::optional<Decision> ParamsExponent(const FitResult& fit, const ParameterDraws& draws,
                                       double level) {
  if (!ToChinchillaLaw(*fit.form, fit.theta).has_value()) return std::nullopt;
  return DecisionInterval(fit, draws, level, false, [&](const ParameterVector& theta) {
    const ChinchillaLaw law = *ToChinchillaLaw(*fit.form, theta);
    return law.beta / (law.alpha + law.beta);
  });
}

}  // namespace rhumb

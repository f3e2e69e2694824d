// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/decisions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "planner/laws/chinchilla.h"

namespace rhumb {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Weighted {
  double value = 0;
  double weight = 0;
};

// The p-quantile by linear interpolation between the middles of the weights, the first at 0 and the
// last at 1: of equal weights that of Quantile, and computed by it.
double QuantileOf(std::vector<Weighted>& values, double probability) {
  const auto differs = [&](const Weighted& x) { return x.weight != values.front().weight; };
  if (std::none_of(values.begin(), values.end(), differs)) {
    std::vector<double> plain;
    for (const Weighted& x : values) plain.push_back(x.value);
    return Quantile(plain, probability);
  }
  std::sort(values.begin(), values.end(), [](const Weighted& a, const Weighted& b) {
    return std::pair(a.value, a.weight) < std::pair(b.value, b.weight);
  });
  double total = 0;
  for (const Weighted& x : values) total += x.weight;
  const double first = 0.5 * values.front().weight, last = total - 0.5 * values.back().weight;
  const double sought = first + probability * (last - first);
  double middle = first;
  for (size_t k = 0; k + 1 < values.size(); ++k) {
    const double next = middle + 0.5 * (values[k].weight + values[k + 1].weight);
    if (sought <= next) {
      return values[k].value +
             (sought - middle) / (next - middle) * (values[k + 1].value - values[k].value);
    }
    middle = next;
  }
  return values.back().value;
}

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

Decision MixtureInterval(
    absl::Span<const FormDraws> forms, double level, bool is_log,
    const std::function<double(const Form& form, const ParameterVector& theta)>& quantity) {
  const auto scaled = [&](double x) { return is_log ? std::log(x) : x; };
  const Decision undetermined = {
      .value = quantity(*forms.front().fit->form, forms.front().fit->theta),
      .interval = {is_log ? 0 : -kInfinity, kInfinity}};
  if (!std::isfinite(scaled(undetermined.value))) return undetermined;
  std::vector<Weighted> values;
  double admitted = 0, finite = 0;  // weights
  for (const auto& [fit, draws, weight] : forms) {
    const double center = scaled(quantity(*fit->form, fit->theta));
    const Eigen::Index count = draws->thetas.rows();
    if (!(weight > 0) || count == 0 || !std::isfinite(center)) continue;
    const size_t before = values.size();
    for (Eigen::Index k = 0; k < count; ++k) {
      const double at_draw = scaled(quantity(*fit->form, draws->thetas.row(k).transpose()));
      const double value = draws->Stretched(k, center, at_draw);
      if (!std::isfinite(value)) continue;
      values.push_back({.value = value, .weight = weight / static_cast<double>(count)});
    }
    admitted += weight;
    finite += weight * (static_cast<double>(values.size() - before) / static_cast<double>(count));
  }
  if (values.empty() || 2 * finite < admitted) return undetermined;
  const double tail = 0.5 * (1 - level);
  const double low = QuantileOf(values, tail), high = QuantileOf(values, 1 - tail);
  return {.value = undetermined.value,
          .interval = is_log ? Interval{std::exp(low), std::exp(high)} : Interval{low, high}};
}

Decision DecisionInterval(const FitResult& fit, const ParameterDraws& draws, double level,
                          bool is_log,
                          const std::function<double(const ParameterVector& theta)>& quantity) {
  return MixtureInterval(
      {{.fit = &fit, .draws = &draws}}, level, is_log,
      [&quantity](const Form&, const ParameterVector& theta) { return quantity(theta); });
}

std::optional<ComputeDecisions> DecideAtCompute(absl::Span<const FormDraws> forms,
                                                double training_flops, double level) {
  if (!ToChinchillaLaw(*forms.front().fit->form, forms.front().fit->theta).has_value()) {
    return std::nullopt;
  }
  const auto read = [&](double FrontierPoint::*field) {
    return MixtureInterval(forms, level, true, [&](const Form& form, const ParameterVector& theta) {
      const std::optional<ChinchillaLaw> law = ToChinchillaLaw(form, theta);
      return law.has_value() ? OptimumForCompute(*law, training_flops).*field : kNaN;
    });
  };
  return ComputeDecisions{.training_flops = training_flops,
                          .param_count = read(&FrontierPoint::param_count),
                          .token_count = read(&FrontierPoint::token_count),
                          .tokens_per_param = read(&FrontierPoint::tokens_per_param),
                          .loss_nats = read(&FrontierPoint::loss_nats)};
}

std::optional<Decision> ComputeForLoss(absl::Span<const FormDraws> forms, double target_loss_nats,
                                       double level) {
  if (!ToChinchillaLaw(*forms.front().fit->form, forms.front().fit->theta).has_value()) {
    return std::nullopt;
  }
  // A draw whose floor is not below the target needs more than any compute; it counts as such, for
  // left out it would narrow the interval from above. exp makes infinity of its logarithm.
  constexpr double kUnreachable = 1e6;
  const auto log_flops = [&](const Form& form, const ParameterVector& theta) {
    const std::optional<ChinchillaLaw> law = ToChinchillaLaw(form, theta);
    if (!law.has_value()) return kNaN;
    const auto point = OptimumForLoss(*law, target_loss_nats);
    return point.ok() ? std::log(point->training_flops) : kUnreachable;
  };
  const Decision log_decision = MixtureInterval(forms, level, false, log_flops);
  return Decision{
      .value = std::exp(log_decision.value),
      .interval = {std::exp(log_decision.interval.low), std::exp(log_decision.interval.high)}};
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

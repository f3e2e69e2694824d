// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/law_covariance.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/data_constrained.h"

namespace rhumb {
namespace {

enum Parameter { kLnA, kLnB, kLnE, kAlpha, kBeta, kLnGamma, kLnRD, kLnRN };

std::optional<size_t> IndexOf(absl::string_view name) {
  const auto found = std::find(kLawParameters.begin(), kLawParameters.end(), name);
  if (found == kLawParameters.end()) return std::nullopt;
  return static_cast<size_t>(found - kLawParameters.begin());
}

// d ln(EffectiveCount) / d ln(decay): r ((1 - e^-x) - x e^-x) U / D' with x = R/r.
double ElasticityByDecay(double count, double unique_count, double decay) {
  if (count <= unique_count) return 0;
  const double x = (count / unique_count - 1) / decay;
  const double gain = -std::expm1(-x) - x * std::exp(-x);
  return decay * gain * unique_count / EffectiveCount(count, unique_count, decay);
}

}  // namespace

absl::Status ValidateLawCovariance(const LawCovariance& covariance) {
  size_t next = 0;
  for (const std::string& name : covariance.parameters) {
    const std::optional<size_t> index = IndexOf(name);
    if (!index.has_value() || *index < next) {
      return absl::InvalidArgumentError(absl::StrCat("covariance.parameters has '", name,
                                                     "'; they must be a subset, in this order, of ",
                                                     absl::StrJoin(kLawParameters, ", ")));
    }
    next = *index + 1;
  }
  const Eigen::Index count = static_cast<Eigen::Index>(covariance.parameters.size());
  const Eigen::MatrixXd& values = covariance.values;
  if (values.rows() != count || values.cols() != count) {
    return absl::InvalidArgumentError(
        absl::StrFormat("covariance.values is %d x %d; it must be %d x %d, one row and column a "
                        "parameter",
                        values.rows(), values.cols(), count, count));
  }
  for (Eigen::Index i = 0; i < count; ++i) {
    for (Eigen::Index j = 0; j < count; ++j) {
      const double scale = std::sqrt(std::abs(values(i, i) * values(j, j)));
      const bool symmetric = std::abs(values(i, j) - values(j, i)) <= 1e-9 * scale;
      if (!std::isfinite(values(i, j)) || !symmetric || (i == j && values(i, i) < 0)) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "covariance.values(%d, %d) is %g and (%d, %d) is %g; the matrix must be finite and "
            "symmetric, with a non-negative diagonal",
            i, j, values(i, j), j, i, values(j, i)));
      }
    }
  }
  return absl::OkStatus();
}

LawGradient LossGradient(const Law& law, double param_count, const TokenUse& use) {
  const ChinchillaLaw& constants = law.constants;
  const EffectiveUse effective = EffectiveTokensAndParams(law, param_count, use);
  const double log_params = std::log(effective.param_count);
  const double log_tokens = std::log(effective.token_count);
  const double params_term = constants.a * std::pow(effective.param_count, -constants.alpha);
  const double tokens_term = constants.b * std::pow(effective.token_count, -constants.beta);
  const double gamma = constants.interaction_exponent;
  const double term_sum = params_term + tokens_term;
  const double outer = gamma == 1 ? 1 : gamma * std::pow(term_sum, gamma - 1);
  LawGradient gradient{};
  gradient[kLnA] = outer * params_term;
  gradient[kLnB] = outer * tokens_term;
  gradient[kLnE] = constants.irreducible_loss_nats;
  gradient[kAlpha] = -outer * params_term * log_params;
  gradient[kBeta] = -outer * tokens_term * log_tokens;
  gradient[kLnGamma] = outer * term_sum * std::log(term_sum);

  const RepetitionConstants repetition = law.repetition.value_or(RepetitionConstants{});
  const double d = use.token_count;
  const double unique = std::min(use.unique_token_count.value_or(d), d);
  const double by_log_tokens = -constants.beta * outer * tokens_term;
  gradient[kLnRD] = by_log_tokens * ElasticityByDecay(d, unique, repetition.data_decay_epochs);
  if (law.family != LawFamily::kDataConstrained) return gradient;
  const double supported = SupportedParamCount(constants, unique);
  if (param_count <= supported) return gradient;
  const double by_log_params = -constants.alpha * outer * params_term;
  gradient[kLnRN] =
      by_log_params * ElasticityByDecay(param_count, supported, repetition.param_decay);
  // N' is homogeneous of degree one in (N, U_N), and
  // ln U_N = (ln(alpha A) - ln(beta B) + beta ln U_D) / alpha.
  const double by_log_supported = by_log_params * (1 - effective.params_by_params);
  gradient[kLnA] += by_log_supported / constants.alpha;
  gradient[kLnB] -= by_log_supported / constants.alpha;
  gradient[kAlpha] +=
      by_log_supported * (1 / constants.alpha - std::log(supported)) / constants.alpha;
  gradient[kBeta] += by_log_supported * (std::log(unique) - 1 / constants.beta) / constants.alpha;
  return gradient;
}

LawGradient LogOptimalParamsGradient(const ChinchillaLaw& law, double training_flops) {
  const double alpha = law.alpha, beta = law.beta, sum = alpha + beta;
  // ln N = (ln(alpha A / (beta B)) + beta ln(C/6)) / (alpha + beta).
  const double log_ratio = std::log(alpha * law.a / (beta * law.b));
  const double log_product = std::log(training_flops / kTrainingFlopsPerParamToken);
  const double log_params = (log_ratio + beta * log_product) / sum;
  LawGradient gradient{};
  gradient[kLnA] = 1 / sum;
  gradient[kLnB] = -1 / sum;
  gradient[kAlpha] = (1 / alpha - log_params) / sum;
  gradient[kBeta] = (log_product - 1 / beta - log_params) / sum;
  return gradient;
}

std::optional<double> StdDevAlong(const LawCovariance& covariance, const LawGradient& gradient) {
  const Eigen::Index count = static_cast<Eigen::Index>(covariance.parameters.size());
  if (covariance.values.rows() != count || covariance.values.cols() != count) return std::nullopt;
  Eigen::VectorXd along(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    const std::optional<size_t> index = IndexOf(covariance.parameters[static_cast<size_t>(i)]);
    if (!index.has_value()) return std::nullopt;
    along(i) = gradient[*index];
  }
  double variance = 0;
  for (Eigen::Index i = 0; i < count; ++i) {
    for (Eigen::Index j = 0; j < count; ++j) {
      variance += along(i) * covariance.values(i, j) * along(j);
    }
  }
  return std::sqrt(std::max(variance, 0.0));
}

}  // namespace rhumb

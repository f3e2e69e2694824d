// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/loss_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include "planner/laws/chinchilla.h"
#include "planner/laws/data_constrained.h"
#include "planner/laws/law_covariance.h"
#include "planner/laws/monotone_root.h"

namespace rhumb {
namespace {

// The defaults of RepetitionConstants are those of muennighoff2023-c4, the law that is borrowed
// from.
RepetitionConstants RepetitionOf(const Law& law) {
  return law.repetition.value_or(RepetitionConstants{});
}

bool DampsParams(const Law& law) { return law.family == LawFamily::kDataConstrained; }

}  // namespace

EffectiveUse EffectiveTokensAndParams(const Law& law, double param_count, const TokenUse& use) {
  const double d = use.token_count;
  const double unique = std::min(use.unique_token_count.value_or(d), d);
  EffectiveUse effective{.param_count = param_count, .token_count = d / use.batch_overhead};
  if (d > unique) {
    const double decay = RepetitionOf(law).data_decay_epochs;
    effective.token_count = EffectiveCount(d, unique, decay) / use.batch_overhead;
    effective.tokens_by_tokens = EffectiveCountElasticity(d, unique, decay);
  }
  if (DampsParams(law)) {
    const double supported = SupportedParamCount(law.constants, unique);
    if (param_count > supported) {
      const double decay = RepetitionOf(law).param_decay;
      effective.param_count = EffectiveCount(param_count, supported, decay);
      effective.params_by_params = EffectiveCountElasticity(param_count, supported, decay);
      // N' is homogeneous of degree one in (N, U_N), and U_N ~ U_D^(beta/alpha) while U_D = D.
      if (d <= unique) {
        effective.params_by_tokens =
            (1 - effective.params_by_params) * law.constants.beta / law.constants.alpha;
      }
    }
  }
  return effective;
}

double PredictLoss(const Law& law, double param_count, const TokenUse& use) {
  // The search's common case, kept free of the derivatives.
  if (!DampsParams(law) && use.token_count <= use.unique_token_count.value_or(use.token_count)) {
    return ExpectedLoss(law.constants, param_count, use.token_count / use.batch_overhead);
  }
  const EffectiveUse effective = EffectiveTokensAndParams(law, param_count, use);
  return ExpectedLoss(law.constants, effective.param_count, effective.token_count);
}

LossSlopes PredictLossSlopes(const Law& law, double param_count, const TokenUse& use) {
  const EffectiveUse effective = EffectiveTokensAndParams(law, param_count, use);
  const LossMarginals marginals =
      Marginals(law.constants, effective.param_count, effective.token_count);
  return {.by_log_params = marginals.by_log_params * effective.params_by_params,
          .by_log_tokens = marginals.by_log_tokens * effective.tokens_by_tokens +
                           marginals.by_log_params * effective.params_by_tokens};
}

std::optional<double> TokensForTargetLoss(const Law& law, double param_count,
                                          double target_loss_nats,
                                          std::optional<double> unique_token_count,
                                          double batch_overhead) {
  const ChinchillaLaw& constants = law.constants;
  const double unique = unique_token_count.value_or(std::numeric_limits<double>::infinity());
  double effective_params = param_count;
  if (DampsParams(law)) {
    // Below `knee` U_N moves with D and N' with it; above it N' is constant and D has a closed
    // form.
    const double fully_supported = OptimumForParams(constants, param_count).token_count;
    const double knee = std::min(fully_supported, unique);
    const auto reaches = [&](double token_count) {
      return PredictLoss(law, param_count,
                         {.token_count = token_count,
                          .unique_token_count = unique_token_count,
                          .batch_overhead = batch_overhead}) <= target_loss_nats;
    };
    if (reaches(knee)) return FirstTrue(reaches, knee * 1e-30, knee);
    if (unique < fully_supported) {
      effective_params = EffectiveCount(param_count, SupportedParamCount(constants, unique),
                                        RepetitionOf(law).param_decay);
    }
  }
  const double params_term = constants.a * std::pow(effective_params, -constants.alpha);
  // The additive form keeps its order of subtraction, and so its bits.
  const double reducible =
      constants.interaction_exponent == 1
          ? target_loss_nats - constants.irreducible_loss_nats - params_term
          : TermSumForReducible(constants, target_loss_nats - constants.irreducible_loss_nats) -
                params_term;
  if (!(reducible > 0)) return std::nullopt;
  const double effective_tokens =
      batch_overhead * std::pow(constants.b / reducible, 1 / constants.beta);
  if (!std::isfinite(effective_tokens)) return std::nullopt;
  if (effective_tokens <= unique) return effective_tokens;
  return CountForEffective(effective_tokens, unique, RepetitionOf(law).data_decay_epochs);
}

double LossFloor(const Law& law, double param_count, std::optional<double> unique_token_count,
                 double max_epoch_count, double batch_overhead) {
  if (!unique_token_count.has_value()) {
    return ExpectedLoss(law.constants, param_count, std::numeric_limits<double>::infinity());
  }
  return PredictLoss(law, param_count,
                     {.token_count = max_epoch_count * *unique_token_count,
                      .unique_token_count = unique_token_count,
                      .batch_overhead = batch_overhead});
}

std::optional<double> PredictLossStdDev(const Law& law, double param_count, const TokenUse& use) {
  if (!law.covariance.has_value()) return std::nullopt;
  return StdDevAlong(*law.covariance, LossGradient(law, param_count, use));
}

std::optional<double> LogOptimalParamsStdDev(const Law& law, double training_flops) {
  if (!law.covariance.has_value()) return std::nullopt;
  return StdDevAlong(*law.covariance, LogOptimalParamsGradient(law.constants, training_flops));
}

namespace {

// Half the width of an interval of ln L: parameters and, if not 0, a run's own scatter, with what
// the slope error adds, each at its own quantile.
std::optional<double> HalfLogWidth(const Law& law, double param_count, const TokenUse& use,
                                   double mean, double residual_log_std, double level) {
  if (!(level > 0 && level < 1)) return std::nullopt;
  const std::optional<double> std_dev = PredictLossStdDev(law, param_count, use);
  if (!std_dev.has_value()) return std::nullopt;
  // (1 - level)/2 rather than (1 + level)/2: the small tail keeps its digits.
  const double inside =
      -StandardNormalQuantile((1 - level) / 2) * std::hypot(*std_dev / mean, residual_log_std);
  const double beyond = ExtrapolationLogStd(law, param_count, use);
  if (beyond == 0) return inside;
  return std::hypot(inside, -StudentQuantile((1 - level) / 2, law.slope_error->degrees) * beyond);
}

}  // namespace

double ExtrapolationLogStd(const Law& law, double param_count, const TokenUse& use) {
  constexpr double kStep = 0.05;  // in ln C
  if (!law.slope_error.has_value() || !law.box.max_training_flops.has_value()) return 0;
  const double flops = kTrainingFlopsPerParamToken * param_count * use.token_count;
  const double reach = std::log(flops / *law.box.max_training_flops);
  if (!(reach > 0)) return 0;
  // At the edge of the data, along constant tokens per parameter: a law that levels off too early
  // would otherwise vouch for itself.
  const auto log_loss = [&](double log_factor) {
    const double factor = std::exp(0.5 * log_factor);
    TokenUse moved = use;
    moved.token_count *= factor;
    if (moved.unique_token_count.has_value()) *moved.unique_token_count *= factor;
    return std::log(PredictLoss(law, param_count * factor, moved));
  };
  const double slope = (log_loss(-reach - kStep) - log_loss(-reach + kStep)) / (2 * kStep);
  return law.slope_error->fraction * std::abs(slope) * reach;
}

std::optional<LossInterval> PredictLossInterval(const Law& law, double param_count,
                                                const TokenUse& use, double level) {
  const double mean = PredictLoss(law, param_count, use);
  const std::optional<double> half = HalfLogWidth(law, param_count, use, mean, 0, level);
  if (!half.has_value()) return std::nullopt;
  return LossInterval{.mean_nats = mean,
                      .low_nats = mean * std::exp(-*half),
                      .high_nats = mean * std::exp(*half),
                      .level = level};
}

std::optional<PredictionInterval> PredictRunInterval(const Law& law, double param_count,
                                                     const TokenUse& use, double level) {
  if (!law.residual_log_std.has_value()) return std::nullopt;
  const double mean = PredictLoss(law, param_count, use);
  const std::optional<double> half =
      HalfLogWidth(law, param_count, use, mean, *law.residual_log_std, level);
  if (!half.has_value()) return std::nullopt;
  return PredictionInterval{.mean_nats = mean,
                            .low_nats = mean * std::exp(-*half),
                            .high_nats = mean * std::exp(*half),
                            .level = level};
}

double StandardNormalQuantile(double probability) {
  if (probability > 0.5) return -StandardNormalQuantile(1 - probability);
  // Start: Abramowitz & Stegun 26.2.23, |error| < 4.5e-4; then Halley's steps on erfc.
  const double t = std::sqrt(-2 * std::log(probability));
  double z = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                       (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (int step = 0; step < 3; ++step) {
    const double error = 0.5 * std::erfc(-z / std::numbers::sqrt2) - probability;
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    const double newton = error / density;
    z -= newton / (1 + z * newton / 2);
  }
  return z;
}

double StudentQuantile(double probability, double degrees) {
  if (degrees == 1) return std::tan(std::numbers::pi * (probability - 0.5));
  if (degrees == 2) {
    const double p = 2 * probability - 1;
    return p * std::sqrt(2 / (1 - p * p));
  }
  const double z = StandardNormalQuantile(probability);
  const double z2 = z * z;
  const double v = degrees;
  return z * (1 + (z2 + 1) / (4 * v) + ((5 * z2 + 16) * z2 + 3) / (96 * v * v) +
              (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * v * v * v));
}

Extrapolation FindExtrapolation(const Law& law, double param_count, const TokenUse& use) {
  const auto below = [](double value, const std::optional<double>& bound) {
    return bound.has_value() && value < *bound;
  };
  const auto above = [](double value, const std::optional<double>& bound) {
    return bound.has_value() && value > *bound;
  };
  const DataBox& box = law.box;
  const double flops = kTrainingFlopsPerParamToken * param_count * use.token_count;
  const double ratio = use.token_count / param_count;
  const double epochs =
      std::max(1.0, use.token_count / use.unique_token_count.value_or(use.token_count));
  Extrapolation flags{.param_count_low = below(param_count, box.min_param_count),
                      .param_count_high = above(param_count, box.max_param_count),
                      .training_flops_low = below(flops, box.min_training_flops),
                      .training_flops_high = above(flops, box.max_training_flops),
                      .tokens_per_param_low = below(ratio, box.min_tokens_per_param),
                      .tokens_per_param_high = above(ratio, box.max_tokens_per_param),
                      .epoch_count_high = above(epochs, box.max_epoch_count),
                      .training_flops_ratio = std::nullopt};
  if (box.max_training_flops.has_value()) {
    flags.training_flops_ratio = flops / *box.max_training_flops;
  }
  return flags;
}

}  // namespace rhumb

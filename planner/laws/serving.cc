// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/serving.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/monotone_root.h"
#include "planner/status_macros.h"
#include "planner/units.h"

namespace rhumb {
namespace {

absl::Status CheckDemand(const InferenceDemand& demand) {
  if (!(demand.token_count >= 0) || !std::isfinite(demand.token_count)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "inference_token_count is %g; it must be non-negative and finite", demand.token_count));
  }
  if (!(demand.weight >= 0) || !std::isfinite(demand.weight)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "inference_weight is %g; it must be non-negative and finite", demand.weight));
  }
  return absl::OkStatus();
}

LifetimeOptimum PointAt(const ChinchillaLaw& law, double param_count, double token_count,
                        const InferenceDemand& demand) {
  return {.param_count = param_count,
          .token_count = token_count,
          .loss_nats = ExpectedLoss(law, param_count, token_count),
          .training_flops = kTrainingFlopsPerParamToken * param_count * token_count,
          .lifetime_flops = LifetimeFlops(param_count, token_count, demand),
          .wedge = 1 + demand.weight * demand.token_count / (3 * token_count)};
}

absl::Status CheckPhase(const char* name, const PhaseCost& phase) {
  for (const double value : {phase.usd_per_gpu_hour, phase.peak_flops_per_second, phase.mfu}) {
    if (!(value > 0) || !std::isfinite(value)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s costs %g usd_per_gpu_hour at %g peak_flops_per_second and mfu %g; "
                          "each must be positive "
                          "and finite",
                          name, phase.usd_per_gpu_hour, phase.peak_flops_per_second, phase.mfu));
    }
  }
  return absl::OkStatus();
}

}  // namespace

double LifetimeFlops(double param_count, double token_count, const InferenceDemand& demand) {
  return kTrainingFlopsPerParamToken * param_count * token_count +
         kInferenceFlopsPerParamToken * param_count * demand.weight * demand.token_count;
}

absl::StatusOr<LifetimeOptimum> LifetimeOptimumAtLoss(const ChinchillaLaw& law,
                                                      double target_loss_nats,
                                                      const InferenceDemand& demand) {
  RHUMB_RETURN_IF_ERROR(CheckDemand(demand));
  RHUMB_ASSIGN_OR_RETURN(const FrontierPoint train_only, OptimumForLoss(law, target_loss_nats));
  // The condition put into L(N, D) = L leaves one equation in D whose left side falls:
  // B (1 + beta/alpha) D^-beta + (beta B w D_inf / (3 alpha)) D^-(beta+1) =
  // (L - E)^(1/gamma).
  const double term_sum = TermSumForReducible(law, target_loss_nats - law.irreducible_loss_nats);
  const double inference = demand.weight * demand.token_count / 3;
  const auto too_few_tokens = [&](double d) {
    return law.b * std::pow(d, -law.beta) * (1 + law.beta / law.alpha * (1 + inference / d)) >
           term_sum;
  };
  // Demand only adds to D, and the left side goes to zero as D grows, so the doubling ends.
  double high = train_only.token_count + inference;
  while (too_few_tokens(high)) high *= 2;
  const double token_count = LastTrue(too_few_tokens, train_only.token_count, high);
  RHUMB_ASSIGN_OR_RETURN(const double param_count,
                         ParamsForLoss(law, token_count, target_loss_nats));
  return PointAt(law, param_count, token_count, demand);
}

absl::StatusOr<LifetimeOptimum> LifetimeOptimumAtBudget(const ChinchillaLaw& law,
                                                        double lifetime_flops,
                                                        const InferenceDemand& demand) {
  RHUMB_RETURN_IF_ERROR(CheckDemand(demand));
  if (!(lifetime_flops > 0) || !std::isfinite(lifetime_flops)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("lifetime_flops is %g; it must be positive and finite", lifetime_flops));
  }
  const double inference = demand.weight * demand.token_count / 3;
  // N = C / (6 (D + w D_inf/3)) falls with D, so the left side of the condition rises and the right
  // falls.
  const auto params_at = [&](double d) {
    return lifetime_flops / (kTrainingFlopsPerParamToken * (d + inference));
  };
  const auto too_few_tokens = [&](double d) {
    const LossMarginals marginals = Marginals(law, params_at(d), d);
    return -marginals.by_log_params < -marginals.by_log_tokens * (1 + inference / d);
  };
  double low = OptimumForCompute(law, lifetime_flops).token_count;
  double high = low;
  while (!too_few_tokens(low)) low /= 2;
  while (too_few_tokens(high)) high *= 2;
  const double token_count = LastTrue(too_few_tokens, low, high);
  return PointAt(law, params_at(token_count), token_count, demand);
}

double ImpliedInferenceTokens(const ChinchillaLaw& law, double param_count, double token_count) {
  const LossMarginals marginals = Marginals(law, param_count, token_count);
  return 3 * token_count * (marginals.by_log_params / marginals.by_log_tokens - 1);
}

double UsdPerFlop(const PhaseCost& phase) {
  return phase.usd_per_gpu_hour / (kSecondsPerHour * phase.peak_flops_per_second * phase.mfu);
}

// 2 N w D_inf in units of training cost: each inference token costs 2N FLOPs whatever its phase.
absl::StatusOr<double> WeightedInferenceTokens(const PhaseCost& training, const PhaseCost& prefill,
                                               const PhaseCost& decode, double input_tokens,
                                               double output_tokens) {
  RHUMB_RETURN_IF_ERROR(CheckPhase("training", training));
  RHUMB_RETURN_IF_ERROR(CheckPhase("prefill", prefill));
  RHUMB_RETURN_IF_ERROR(CheckPhase("decode", decode));
  if (!(input_tokens >= 0) || !(output_tokens >= 0) ||
      !std::isfinite(input_tokens + output_tokens)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "input_tokens is %g and output_tokens %g; both must be non-negative and finite",
        input_tokens, output_tokens));
  }
  return (UsdPerFlop(prefill) * input_tokens + UsdPerFlop(decode) * output_tokens) /
         UsdPerFlop(training);
}

}  // namespace rhumb

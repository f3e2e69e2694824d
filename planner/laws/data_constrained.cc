// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/data_constrained.h"

#include <algorithm>
#include <cmath>

#include "planner/laws/chinchilla.h"
#include "planner/laws/monotone_root.h"

namespace rhumb {

double EffectiveCount(double count, double unique_count, double decay) {
  if (count <= unique_count) return count;
  const double repeats = count / unique_count - 1;
  return unique_count * (1 - decay * std::expm1(-repeats / decay));
}

double EffectiveCountElasticity(double count, double unique_count, double decay) {
  if (count <= unique_count) return 1;
  if (std::isinf(count)) return 0;
  const double repeats = count / unique_count - 1;
  return count * std::exp(-repeats / decay) / EffectiveCount(count, unique_count, decay);
}

std::optional<double> CountForEffective(double effective_count, double unique_count, double decay) {
  if (effective_count <= unique_count) return effective_count;
  const double used = (effective_count / unique_count - 1) / decay;  // 1 - exp(-R/R*)
  if (!(used < 1)) return std::nullopt;
  return unique_count * (1 - decay * std::log1p(-used));
}

double SupportedParamCount(const ChinchillaLaw& law, double unique_token_count) {
  // alpha A N^-alpha = beta B U^-beta, solved for N in logarithms.
  const double log_ratio = std::log(law.alpha * law.a / (law.beta * law.b));
  return std::exp((log_ratio + law.beta * std::log(unique_token_count)) / law.alpha);
}

double DataConstrainedLoss(const ChinchillaLaw& law, const RepetitionConstants& repetition,
                           double param_count, double token_count, double unique_token_count) {
  const double unique = std::min(unique_token_count, token_count);
  return ExpectedLoss(
      law, EffectiveCount(param_count, SupportedParamCount(law, unique), repetition.param_decay),
      EffectiveCount(token_count, unique, repetition.data_decay_epochs));
}

double DataConstrainedLossFloor(const ChinchillaLaw& law, const RepetitionConstants& repetition,
                                double unique_token_count) {
  return ExpectedLoss(law,
                      (1 + repetition.param_decay) * SupportedParamCount(law, unique_token_count),
                      (1 + repetition.data_decay_epochs) * unique_token_count);
}

DataConstrainedOptimum OptimumForComputeAndData(const ChinchillaLaw& law,
                                                const RepetitionConstants& repetition,
                                                double training_flops, double unique_token_count) {
  const FrontierPoint free = OptimumForCompute(law, training_flops);
  if (free.token_count <= unique_token_count) {
    return {.param_count = free.param_count,
            .token_count = free.token_count,
            .epoch_count = 1,
            .loss_nats = free.loss_nats};
  }
  const double product = training_flops / kTrainingFlopsPerParamToken;
  const double supported = SupportedParamCount(law, unique_token_count);
  // Positive while more parameters still pay for the tokens they displace.
  const auto parameters_pay = [&](double param_count) {
    const double token_count = product / param_count;
    const double params = EffectiveCount(param_count, supported, repetition.param_decay);
    const double tokens =
        EffectiveCount(token_count, unique_token_count, repetition.data_decay_epochs);
    const LossMarginals marginals = Marginals(law, params, tokens);
    return -marginals.by_log_params *
               EffectiveCountElasticity(param_count, supported, repetition.param_decay) >
           -marginals.by_log_tokens * EffectiveCountElasticity(token_count, unique_token_count,
                                                               repetition.data_decay_epochs);
  };
  // At D = U the unrepeated law already prefers more tokens, and N > N_opt(U) is damped besides:
  // the root lies at D > U.
  const double param_count = LastTrue(parameters_pay, 1.0, product / unique_token_count);
  const double token_count = product / param_count;
  return {.param_count = param_count,
          .token_count = token_count,
          .epoch_count = token_count / unique_token_count,
          .loss_nats =
              DataConstrainedLoss(law, repetition, param_count, token_count, unique_token_count)};
}

}  // namespace rhumb

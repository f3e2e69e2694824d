// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/moe.h"

#include <cmath>

namespace rhumb {

ChinchillaLaw LudziejewskiAtExperts(const LudziejewskiConstants& k, double expert_count) {
  const double log_experts =
      std::log(SaturatedExpertCount(expert_count, k.expert_start, k.expert_max));
  return {.irreducible_loss_nats = k.c,
          .a = k.a * std::exp(-k.delta * log_experts),
          .b = k.b * std::exp(-k.omega * log_experts),
          .alpha = k.alpha + k.gamma * log_experts,
          .beta = k.beta + k.zeta * log_experts};
}

double ClarkCutoffParams(const ClarkConstants& constants) {
  return std::pow(10, -constants.b / constants.c);
}

double ClarkEffectiveParams(const ClarkConstants& k, double param_count, double expert_count) {
  const double log_start = std::log10(k.expert_start);  // E^ of one expert
  const double log_loss = ClarkLog10Loss(k, param_count, expert_count);
  return std::pow(10, (log_loss - k.b * log_start - k.d) / (k.a + k.c * log_start));
}

}  // namespace rhumb

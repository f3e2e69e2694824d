// SPDX-License-Identifier: Apache-2.0
// Laws of mixtures of experts: Ludziejewski 2025, Krajewski 2024, Abnar 2025, Clark 2022. Each
// counts N in its own way, said beside it; none mixes with the constants of a dense law.
//
// The formulas are templates over the number (double, or Dual for exact derivatives). Arguments
// must be positive and finite. All constants were read in secondary sources, not in the papers.
#ifndef RHUMB_PLANNER_LAWS_MOE_H_
#define RHUMB_PLANNER_LAWS_MOE_H_

#include <cmath>

#include "planner/laws/law.h"

namespace rhumb {

// Saturating transform of an expert count E: 1/E^ = 1/(E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max,
// so E^ runs from E_start at E = 1 to E_max. Source: Clark et al. 2022, arXiv:2202.01169.
template <typename T>
T SaturatedExpertCount(const T& expert_count, double start, double max) {
  return 1.0 / (1.0 / (expert_count - 1.0 + 1 / (1 / start - 1 / max)) + 1 / max);
}

// L = a E^^-delta N^-(alpha + gamma ln E^) + b E^^-omega D^-(beta + zeta ln E^) + c, with N the
// active parameters. Source: Ludziejewski et al. 2025, arXiv:2502.05172.
struct LudziejewskiConstants {
  double a = 35.91, alpha = 0.1889, delta = 0.2285, gamma = -0.0098;
  double b = 35.98, beta = 0.1775, omega = -0.5529, zeta = 0.0259;
  double c = 1.3637;
  double expert_start = 2.07, expert_max = 290.45;
};
template <typename T>
T LudziejewskiLoss(const LudziejewskiConstants& k, const T& active_param_count,
                   const T& token_count, const T& expert_count) {
  using std::exp;
  using std::log;
  const T log_experts = log(SaturatedExpertCount(expert_count, k.expert_start, k.expert_max));
  const T params_term = k.a * exp(-(k.delta * log_experts) -
                                  (k.alpha + k.gamma * log_experts) * log(active_param_count));
  const T tokens_term =
      k.b * exp(-(k.omega * log_experts) - (k.beta + k.zeta * log_experts) * log(token_count));
  return params_term + tokens_term + k.c;
}
// At a fixed number of experts the law is a Chinchilla law of the active parameters.
ChinchillaLaw LudziejewskiAtExperts(const LudziejewskiConstants& constants, double expert_count);

// L = c + (g/G^gamma + a)/N^alpha + b/D^beta with granularity G. N of the mixture counts all 64
// experts (64 times the dense size of equal compute), N of the dense line the dense size: never
// feed both the same N. Source: Krajewski et al. 2024, arXiv:2402.07871, eq. (9), Table 1.
struct KrajewskiConstants {
  double a = 18.1, alpha = 0.115, b = 30.8, beta = 0.147, g = 2.1, gamma = 0.58, c = 0.47;
};
inline constexpr double kKrajewskiExpertCount = 64;
inline constexpr ChinchillaLaw kKrajewskiDense = {
    .irreducible_loss_nats = 0.47, .a = 16.3, .b = 26.7, .alpha = 0.126, .beta = 0.127};
template <typename T>
T KrajewskiLoss(const KrajewskiConstants& k, const T& param_count, const T& token_count,
                const T& granularity) {
  using std::pow;
  return k.c + (k.g * pow(granularity, -k.gamma) + k.a) * pow(param_count, -k.alpha) +
         k.b * pow(token_count, -k.beta);
}

// L = a N^-alpha + b D^-beta + c (1-S)^-lambda + d (1-S)^-delta N^-gamma + e with N the total
// parameters and S the inactive fraction of experts. Held-out R^2 is 68%: qualitative only.
// Source: Abnar et al. 2025, arXiv:2501.12370, eq. (6), Table 3.
struct AbnarConstants {
  double a = 16612.50, alpha = 0.5962, b = 5455.67, beta = 0.3954;
  double c = 0.4598, lambda = -0.1666, d = 17.26, delta = 0.1603, gamma = 0.1595, e = 0.94;
};
template <typename T>
T AbnarLoss(const AbnarConstants& k, const T& param_count, const T& token_count,
            const T& sparsity_fraction) {
  using std::pow;
  const T active = 1.0 - sparsity_fraction;
  return k.a * pow(param_count, -k.alpha) + k.b * pow(token_count, -k.beta) +
         k.c * pow(active, -k.lambda) + k.d * pow(active, -k.delta) * pow(param_count, -k.gamma) +
         k.e;
}

// log10 L = a log10 N + b log10 E^ + c log10 N log10 E^ + d with N the dense size and E experts, at
// a fixed D = 130e9 tokens. Source: Clark et al. 2022, arXiv:2202.01169, eq. (1), Table 3.
struct ClarkConstants {
  double a, b, c, d;
  double expert_start, expert_max;
};
inline constexpr ClarkConstants kClarkSbase = {-0.082, -0.108, 0.009, 1.104, 1.847, 314.478};
inline constexpr ClarkConstants kClarkRlr = {-0.083, -0.126, 0.012, 1.111, 1.880, 469.982};
inline constexpr ClarkConstants kClarkHash = {-0.087, -0.136, 0.012, 1.157, 4.175, 477.741};
template <typename T>
T ClarkLog10Loss(const ClarkConstants& k, const T& param_count, const T& expert_count) {
  using std::log10;
  const T log_params = log10(param_count);
  const T log_experts = log10(SaturatedExpertCount(expert_count, k.expert_start, k.expert_max));
  return k.a * log_params + k.b * log_experts + k.c * log_params * log_experts + k.d;
}
// Size above which more experts no longer help: 10^(-b/c). With rounded constants only S-BASE lands
// near the paper's figure (1e12 for 937B).
double ClarkCutoffParams(const ClarkConstants& constants);
// Dense size (one expert) of the same loss. The paper prints 55M for 5M x 128 under S-BASE; the
// rounded constants give 52M.
double ClarkEffectiveParams(const ClarkConstants& constants, double param_count,
                            double expert_count);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_MOE_H_

// SPDX-License-Identifier: Apache-2.0
// The laws of mixtures of experts (moe.h) as published laws.
#include <string>
#include <vector>

#include "planner/laws/chinchilla.h"
#include "planner/laws/moe.h"
#include "planner/laws/published_law_parts.h"

namespace rhumb {
namespace {

PublishedLaw Moe(const char* name, const char* form, const char* source) {
  PublishedLaw law;
  law.name = name;
  law.family = "mixture-of-experts";
  law.quantity = "loss";
  law.unit = "nats/token";
  law.form = form;
  law.source = source;
  law.verification = VerificationStatus::kSecondary;
  return law;
}

PublishedLaw Ludziejewski() {
  constexpr LudziejewskiConstants k;
  PublishedLaw law =
      Moe("ludziejewski2025-moe",
          "a E^-delta N^-(alpha + gamma ln E) + b E^-omega D^-(beta + zeta ln E) + c, E the "
          "expert count saturated from E_start to E_max",
          "Ludziejewski et al. 2025, arXiv:2502.05172");
  LawVariable experts = ExpertCountVariable();
  experts.monotone = false;  // the data term rises with E below about 2e9 tokens
  law.variables = {ParamCountVariable("N, active parameters a token"),
                   TokenCountVariable("D, processed"), experts};
  law.constants = {{"a", k.a},
                   {"alpha", k.alpha},
                   {"delta", k.delta},
                   {"gamma", k.gamma},
                   {"b", k.b},
                   {"beta", k.beta},
                   {"omega", k.omega},
                   {"zeta", k.zeta},
                   {"c", k.c},
                   {"E_start", k.expert_start},
                   {"E_max", k.expert_max}};
  law.conventions = "N counts active parameters; C = 6 N D";
  law.formula = [](absl::Span<const Dual> x) {
    return LudziejewskiLoss(LudziejewskiConstants{}, x[0], x[1], x[2]);
  };
  law.optimum = [](const PublishedLaw&, double flops,
                   absl::Span<const double> x) -> absl::StatusOr<PublishedOptimum> {
    const FrontierPoint best =
        OptimumForCompute(LudziejewskiAtExperts(LudziejewskiConstants{}, x[2]), flops);
    return PublishedOptimum{.point = {{"param_count", best.param_count},
                                      {"token_count", best.token_count},
                                      {"expert_count", x[2]}},
                            .value = best.loss_nats};
  };
  law.optimum_chooses = {"param_count", "token_count"};
  return law;
}

PublishedLaw Krajewski() {
  constexpr KrajewskiConstants k;
  PublishedLaw law = Moe("krajewski2024-moe", "c + (g/G^gamma + a)/N^alpha + b/D^beta",
                         "Krajewski et al. 2024, arXiv:2402.07871, eq. (9), Table 1, 64 experts");
  LawVariable granularity;
  granularity.name = "granularity";
  granularity.unit = "ratio";
  granularity.meaning = "G, how many times smaller an expert is than the dense feed-forward layer";
  granularity.min = 1;
  granularity.max = 1e4;
  granularity.default_value = 1;
  law.variables = {ParamCountVariable("N, all 64 experts counted: 64 x the dense size"),
                   TokenCountVariable("D, processed"), granularity};
  law.constants = {{"a", k.a}, {"alpha", k.alpha}, {"b", k.b}, {"beta", k.beta},
                   {"g", k.g}, {"gamma", k.gamma}, {"c", k.c}};
  law.conventions =
      "never feed the N of the dense line; optimum: C = 6 (N/64) D, the cost of routing left out";
  law.formula = [](absl::Span<const Dual> x) {
    return KrajewskiLoss(KrajewskiConstants{}, x[0], x[1], x[2]);
  };
  law.optimum = [](const PublishedLaw& self, double flops, absl::Span<const double> x) {
    return AllocateFlops(self, flops, kTrainingFlopsPerParamToken / kKrajewskiExpertCount, 0, 1, x);
  };
  law.optimum_chooses = {"param_count", "token_count"};
  return law;
}

PublishedLaw KrajewskiDense() {
  PublishedLaw law = Moe("krajewski2024-dense", "c + a/N^alpha + b/D^beta",
                         "Krajewski et al. 2024, arXiv:2402.07871, Table 1, dense line");
  law.family = "chinchilla";
  law.variables = {ParamCountVariable("N, dense"), TokenCountVariable("D, processed")};
  law.constants = {{"a", kKrajewskiDense.a},
                   {"alpha", kKrajewskiDense.alpha},
                   {"b", kKrajewskiDense.b},
                   {"beta", kKrajewskiDense.beta},
                   {"c", kKrajewskiDense.irreducible_loss_nats}};
  law.conventions = "C = 6 N D; the line that krajewski2024-moe is compared with";
  law.formula = [](absl::Span<const Dual> x) {
    const ChinchillaLaw& k = kKrajewskiDense;
    return k.irreducible_loss_nats + k.a * pow(x[0], -k.alpha) + k.b * pow(x[1], -k.beta);
  };
  law.optimum = [](const PublishedLaw& self, double flops, absl::Span<const double> x) {
    return AllocateFlops(self, flops, kTrainingFlopsPerParamToken, 0, 1, x);
  };
  law.optimum_chooses = {"param_count", "token_count"};
  return law;
}

PublishedLaw Abnar() {
  constexpr AbnarConstants k;
  PublishedLaw law = Moe(
      "abnar2025-sparse", "a N^-alpha + b D^-beta + c (1-S)^-lambda + d (1-S)^-delta N^-gamma + e",
      "Abnar et al. 2025, arXiv:2501.12370, eq. (6), Table 3; held-out R2 68%: qualitative");
  LawVariable sparsity = SparsityVariable("S, inactive fraction of the experts");
  sparsity.monotone = false;  // one term falls and one rises
  law.variables = {ParamCountVariable("N, total parameters"), TokenCountVariable("D, processed"),
                   sparsity};
  law.constants = {
      {"a", k.a},           {"alpha", k.alpha}, {"b", k.b},         {"beta", k.beta},   {"c", k.c},
      {"lambda", k.lambda}, {"d", k.d},         {"delta", k.delta}, {"gamma", k.gamma}, {"e", k.e}};
  law.conventions = "N counts all experts; optimum: C = 6 (1-S) N D";
  law.formula = [](absl::Span<const Dual> x) {
    return AbnarLoss(AbnarConstants{}, x[0], x[1], x[2]);
  };
  law.optimum = [](const PublishedLaw& self, double flops, absl::Span<const double> x) {
    return AllocateFlops(self, flops, kTrainingFlopsPerParamToken * (1 - x[2]), 0, 1, x);
  };
  law.optimum_chooses = {"param_count", "token_count"};
  return law;
}

PublishedLaw Clark(const char* name, const char* router, const ClarkConstants& k) {
  PublishedLaw law = Moe(name,
                         "a log10 N + b log10 E + c log10 N log10 E + d, E the expert count "
                         "saturated from E_start to E_max",
                         "Clark et al. 2022, arXiv:2202.01169, eq. (1), Table 3");
  law.source += std::string(", ") + router;
  law.quantity = "log10_loss";
  law.unit = "log10(nats/token)";
  // In N it falls for every E: a + c log10 E_max < 0 for all three routers.
  law.variables = {ParamCountVariable("N, dense size: parameters active with one expert"),
                   ExpertCountVariable()};
  law.constants = {{"a", k.a},
                   {"b", k.b},
                   {"c", k.c},
                   {"d", k.d},
                   {"E_start", k.expert_start},
                   {"E_max", k.expert_max}};
  law.conventions = "base-10 logarithms; D fixed at 130e9 tokens, so it cannot size a run";
  law.formula = [k](absl::Span<const Dual> x) { return ClarkLog10Loss(k, x[0], x[1]); };
  return law;
}

}  // namespace

std::vector<PublishedLaw> MoePublishedLaws() {
  return {Ludziejewski(),
          Krajewski(),
          KrajewskiDense(),
          Abnar(),
          Clark("clark2022-sbase", "S-BASE", kClarkSbase),
          Clark("clark2022-rlr", "RL-R", kClarkRlr),
          Clark("clark2022-hash", "HASH", kClarkHash)};
}

}  // namespace rhumb

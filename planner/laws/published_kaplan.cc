// SPDX-License-Identifier: Apache-2.0
// The laws of Kaplan et al. 2020 as published laws. The values are those of kaplan.h, which tests
// compare.
#include <cmath>
#include <string>
#include <vector>

#include "planner/laws/kaplan.h"
#include "planner/laws/published_law_parts.h"
#include "planner/units.h"

namespace rhumb {
namespace {

// Least and greatest of the runs: 768 to 1.5e9 parameters, 2.2e7 to 2.3e10 tokens.
LawVariable Params() {
  LawVariable params = ParamCountVariable("N, without embeddings");
  params.data_min = 768;
  params.data_max = 1.5e9;
  return params;
}

LawVariable Tokens() {
  LawVariable tokens = TokenCountVariable("D, of the data set; repeated until early stopping");
  tokens.data_min = 2.2e7;
  tokens.data_max = 2.3e10;
  return tokens;
}

PublishedLaw Kaplan(const char* name, const char* form, std::vector<LawVariable> variables,
                    std::vector<LawConstant> constants, const char* where,
                    const char* conventions) {
  PublishedLaw law;
  law.name = name;
  law.family = "kaplan";
  law.quantity = "loss";
  law.unit = "nats/token";
  law.form = form;
  law.variables = std::move(variables);
  law.constants = std::move(constants);
  law.param_count_convention = ParamCountConvention::kNonEmbedding;
  law.conventions = conventions;
  law.dataset = "WebText2, 50257 BPE, context 1024";
  law.source = std::string("Kaplan et al. 2020, arXiv:2001.08361, ") + where;
  law.verification = VerificationStatus::kPaper;
  return law;
}

// (scale / x)^exponent, with the constants in the units of x.
PublishedLaw PowerOfOne(PublishedLaw law, double scale, double exponent) {
  law.formula = [scale, exponent](absl::Span<const Dual> x) { return pow(scale / x[0], exponent); };
  return law;
}

PublishedLaw OfParamsAndTokens() {
  constexpr double kAlphaN = 0.076, kAlphaD = 0.103, kNc = 6.4e13, kDc = 1.8e13;
  PublishedLaw law =
      Kaplan("kaplan2020-nd", "[(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D", {Params(), Tokens()},
             {{"N_c", kNc}, {"D_c", kDc}, {"alpha_N", kAlphaN}, {"alpha_D", kAlphaD}},
             "eq. (1.5), Table 2",
             "early stopped on a repeated data set: C is not 6ND; do not mix with "
             "the constants of Table 5");
  law.formula = [](absl::Span<const Dual> x) {
    return pow(pow(kNc / x[0], kAlphaN / kAlphaD) + kDc / x[1], kAlphaD);
  };
  return law;
}

PublishedLaw OfParamsAndSteps() {
  constexpr double kAlphaN = 0.077, kAlphaS = 0.76, kNc = 6.5e13, kSc = 2.1e3;
  LawVariable steps;
  steps.name = "step_count";
  steps.unit = "steps";
  steps.meaning = "S_min, least steps: those far above the critical batch";
  steps.min = kLeastCount;
  steps.max = kMostCount;
  PublishedLaw law =
      Kaplan("kaplan2020-ns", "(N_c/N)^alpha_N + (S_c/S_min)^alpha_S", {Params(), steps},
             {{"N_c", kNc}, {"S_c", kSc}, {"alpha_N", kAlphaN}, {"alpha_S", kAlphaS}},
             "eq. (1.6), Table 3; optimum: appendix B",
             "the optimum's budget is C_min, training far below the critical batch; at the "
             "critical batch it takes 2 C_min");
  law.formula = [](absl::Span<const Dual> x) {
    return pow(kNc / x[0], kAlphaN) + pow(kSc / x[1], kAlphaS);
  };
  law.optimum = [](const PublishedLaw&, double flops,
                   absl::Span<const double>) -> absl::StatusOr<PublishedOptimum> {
    const KaplanFrontierPoint best = KaplanOptimumForMinFlops(flops);
    return PublishedOptimum{.point = {{"param_count", best.param_count},
                                      {"step_count", best.min_step_count},
                                      {"global_batch_tokens", best.batch_tokens}},
                            .value = best.loss_nats};
  };
  law.optimum_chooses = {"param_count", "step_count"};
  return law;
}

PublishedLaw OfMinFlops() {
  PublishedLaw law = PowerOfOne(
      Kaplan("kaplan2020-cmin", "(C_c/C_min)^alpha_C",
             {FlopsVariable("C_min, FLOPs of training far below the critical batch")},
             {{"C_c", 3.1e8 * kPetaflopDayFlops}, {"alpha_C", 0.050}},
             "eq. (1.3); C_c is 3.1e8 PF-days; optimum: trends of Table 6",
             "C = 6ND without embeddings; the optimum's exponent 0.73 is an artefact of counting "
             "and schedules, do not size by it"),
      3.1e8 * kPetaflopDayFlops, 0.050);
  law.optimum = [](const PublishedLaw&, double flops,
                   absl::Span<const double>) -> absl::StatusOr<PublishedOptimum> {
    const KaplanTable6 trend = KaplanEfficientTrends(flops);
    return PublishedOptimum{.point = {{"training_flops", flops},
                                      {"param_count", trend.param_count},
                                      {"token_count", trend.token_count},
                                      {"step_count", trend.min_step_count},
                                      {"global_batch_tokens", trend.batch_tokens}},
                            .value = KaplanLossOfMinFlops(flops)};
  };
  law.optimum_chooses = {"training_flops"};
  return law;
}

}  // namespace

std::vector<PublishedLaw> KaplanPublishedLaws() {
  return {
      PowerOfOne(Kaplan("kaplan2020-n", "(N_c/N)^alpha_N", {Params()},
                        {{"N_c", 8.8e13}, {"alpha_N", 0.076}}, "eq. (1.1), Table 5",
                        "converged on ample data"),
                 8.8e13, 0.076),
      PowerOfOne(Kaplan("kaplan2020-d", "(D_c/D)^alpha_D", {Tokens()},
                        {{"D_c", 5.4e13}, {"alpha_D", 0.095}}, "eq. (1.2), Table 5",
                        "a large model, early stopped"),
                 5.4e13, 0.095),
      PowerOfOne(
          Kaplan("kaplan2020-c", "(C_c/C)^alpha_C", {FlopsVariable("C, FLOPs without embeddings")},
                 {{"C_c", 1.6e7 * kPetaflopDayFlops}, {"alpha_C", 0.057}},
                 "Table 5; C_c is 1.6e7 PF-days", "every run at a batch of 2^19 tokens"),
          1.6e7 * kPetaflopDayFlops, 0.057),
      OfMinFlops(),
      OfParamsAndTokens(),
      OfParamsAndSteps(),
  };
}

}  // namespace rhumb

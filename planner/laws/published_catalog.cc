// SPDX-License-Identifier: Apache-2.0
// The planner's catalogue as published laws, and the variables that all topics share.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/data_constrained.h"
#include "planner/laws/published_law_parts.h"

namespace rhumb {
namespace {

// The formulas of chinchilla.h and data_constrained.h over duals; a test holds them to those.
Dual ChinchillaDual(const ChinchillaLaw& law, const Dual& param_count, const Dual& token_count) {
  const Dual terms = law.a * pow(param_count, -law.alpha) + law.b * pow(token_count, -law.beta);
  return law.irreducible_loss_nats +
         (law.interaction_exponent == 1 ? terms : pow(terms, law.interaction_exponent));
}

Dual EffectiveDual(const Dual& count, const Dual& unique_count, double decay) {
  if (count.value <= unique_count.value) return count;
  const Dual repeats = count / unique_count - 1.0;
  return unique_count * (1.0 - decay * expm1(-(repeats / decay)));
}

Dual DataConstrainedDual(const ChinchillaLaw& law, const RepetitionConstants& repetition,
                         absl::Span<const Dual> x) {
  const Dual unique = min(x[2], x[1]);
  const double log_ratio = std::log(law.alpha * law.a / (law.beta * law.b));
  const Dual supported = exp((log_ratio + law.beta * log(unique)) / law.alpha);
  return ChinchillaDual(law, EffectiveDual(x[0], supported, repetition.param_decay),
                        EffectiveDual(x[1], unique, repetition.data_decay_epochs));
}

VerificationStatus VerificationOf(const std::string& name) {
  // The printed constants of the paper; all others were reproduced from code or data.
  return name == "hoffmann2022-rounded" ? VerificationStatus::kPaper : VerificationStatus::kCode;
}

absl::StatusOr<PublishedOptimum> CatalogOptimum(const PublishedLaw& published,
                                                double training_flops,
                                                absl::Span<const double> values) {
  const Law& law = *published.planner_law;
  // Zero: no limit on unique tokens was given.
  if (law.repetition.has_value() && values[2] > 0) {
    const DataConstrainedOptimum best =
        OptimumForComputeAndData(law.constants, *law.repetition, training_flops, values[2]);
    return PublishedOptimum{.point = {{"param_count", best.param_count},
                                      {"token_count", best.token_count},
                                      {"unique_token_count", values[2]}},
                            .value = best.loss_nats};
  }
  const FrontierPoint best = OptimumForCompute(law.constants, training_flops);
  return PublishedOptimum{
      .point = {{"param_count", best.param_count}, {"token_count", best.token_count}},
      .value = best.loss_nats};
}

PublishedLaw FromCatalog(const Law& law) {
  PublishedLaw out;
  out.name = law.name;
  out.family = law.repetition.has_value() ? "data-constrained" : "chinchilla";
  out.quantity = "loss";
  out.unit = "nats/token";
  out.form = "E + A N^-alpha + B D^-beta";
  out.constants = {{"E", law.constants.irreducible_loss_nats},
                   {"A", law.constants.a},
                   {"B", law.constants.b},
                   {"alpha", law.constants.alpha},
                   {"beta", law.constants.beta}};
  if (law.constants.interaction_exponent != 1) {
    if (!law.repetition.has_value()) out.family = "coupled";
    out.form = "E + (A N^-alpha + B D^-beta)^gamma";
    out.constants.push_back({"gamma", law.constants.interaction_exponent});
  }
  const bool total = law.param_count_convention == ParamCountConvention::kTotal;
  LawVariable params = ParamCountVariable(total ? "N, with embeddings" : "N, without embeddings");
  params.data_min = law.box.min_param_count;
  params.data_max = law.box.max_param_count;
  LawVariable tokens = TokenCountVariable("D, processed");
  out.variables = {params, tokens};
  out.formula = [constants = law.constants](absl::Span<const Dual> x) {
    return ChinchillaDual(constants, x[0], x[1]);
  };
  if (law.repetition.has_value()) {
    out.form =
        "E + A N'^-alpha + B D'^-beta; D' = U (1 + R_D (1 - e^-((D/U-1)/R_D))), N' alike with R_N "
        "over N_opt(U)";
    out.constants.push_back({"R_D", law.repetition->data_decay_epochs});
    out.constants.push_back({"R_N", law.repetition->param_decay});
    LawVariable unique = TokenCountVariable("U, distinct among D");
    unique.name = "unique_token_count";
    unique.defaults_to = "token_count";
    out.variables.push_back(unique);
    out.formula = [constants = law.constants,
                   repetition = *law.repetition](absl::Span<const Dual> x) {
      return DataConstrainedDual(constants, repetition, x);
    };
  }
  out.param_count_convention = law.param_count_convention;
  out.conventions = "C = 6ND; tokenizer " + law.tokenizer;
  out.dataset = law.dataset;
  out.source = law.source;
  out.verification = VerificationOf(law.name);
  out.optimum = CatalogOptimum;
  out.optimum_chooses = {"param_count", "token_count"};
  out.planner_law = &law;
  return out;
}

LawVariable Variable(const char* name, const char* unit, std::string meaning, double min,
                     double max) {
  LawVariable variable;
  variable.name = name;
  variable.unit = unit;
  variable.meaning = std::move(meaning);
  variable.min = min;
  variable.max = max;
  return variable;
}

}  // namespace

LawVariable ParamCountVariable(std::string meaning) {
  return Variable("param_count", "parameters", std::move(meaning), kLeastCount, kMostCount);
}

LawVariable TokenCountVariable(std::string meaning) {
  return Variable("token_count", "tokens", std::move(meaning), kLeastCount, kMostCount);
}

LawVariable FlopsVariable(std::string meaning) {
  return Variable("training_flops", "FLOPs", std::move(meaning), kLeastCount, kMostFlops);
}

LawVariable LossVariable(std::string meaning) {
  return Variable("loss_nats", "nats/token", std::move(meaning), 0.01, 100);
}

LawVariable ExpertCountVariable() {
  return Variable("expert_count", "experts", "E, routed experts a layer; 1 is dense", 1, 1e6);
}

LawVariable SparsityVariable(std::string meaning) {
  LawVariable sparsity = Variable("sparsity_fraction", "fraction", std::move(meaning), 0, 1);
  sparsity.max_excluded = true;
  return sparsity;
}

std::vector<PublishedLaw> CatalogPublishedLaws() {
  std::vector<PublishedLaw> laws;
  for (const Law& law : LawCatalog()) laws.push_back(FromCatalog(law));
  return laws;
}

}  // namespace rhumb

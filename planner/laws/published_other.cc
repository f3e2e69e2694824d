// SPDX-License-Identifier: Apache-2.0
// Compression, transfer, vocabulary and downstream error (compression.h, transfer.h, downstream.h)
// as published laws.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "planner/laws/compression.h"
#include "planner/laws/downstream.h"
#include "planner/laws/published_law_parts.h"
#include "planner/laws/transfer.h"

namespace rhumb {
namespace {

LawVariable BitsVariable(const char* name, const char* meaning) {
  LawVariable bits;
  bits.name = name;
  bits.unit = "bits";
  bits.meaning = meaning;
  bits.min = 1;
  bits.max = 32;
  return bits;
}

PublishedLaw Frantar() {
  constexpr FrantarConstants k;
  PublishedLaw law;
  law.name = "frantar2023-sparse";
  law.family = "sparsity";
  law.quantity = "loss";
  law.unit = "nats/token";
  law.form = "(a_S (1-S)^b_S + c_S) N^-b_N + (a_D/D)^b_D + c";
  law.variables = {ParamCountVariable("N, non-zero parameters"), TokenCountVariable("D, processed"),
                   SparsityVariable("S, fraction of weights that are zero")};
  law.constants = {{"a_S", k.a_s}, {"b_S", k.b_s}, {"c_S", k.c_s}, {"b_N", k.b_n},
                   {"a_D", k.a_d}, {"b_D", k.b_d}, {"c", k.c}};
  law.conventions = "N counts non-zero weights; sparse hardware rarely pays";
  law.dataset = "C4 (T5)";
  law.source = "Frantar et al. 2023, arXiv:2309.08520";
  law.formula = [](absl::Span<const Dual> x) {
    return FrantarLoss(FrantarConstants{}, x[0], x[1], x[2]);
  };
  return law;
}

PublishedLaw KumarPostTraining() {
  constexpr KumarConstants k;
  PublishedLaw law;
  law.name = "kumar2024-ptq";
  law.family = "precision";
  law.quantity = "loss_increase";
  law.unit = "nats/token";
  law.form = "C_T D^gamma_D N^-gamma_N e^(-bits/gamma_post)";
  LawVariable params = ParamCountVariable("N");
  params.data_max = 1.7e9;
  LawVariable tokens = TokenCountVariable("D, trained on before quantisation");
  tokens.data_max = 26e9;
  law.variables = {params, tokens,
                   BitsVariable("weight_bits", "of the weights after quantisation")};
  law.constants = {{"C_T", k.post_prefactor},
                   {"gamma_D", k.gamma_d},
                   {"gamma_N", k.gamma_n},
                   {"gamma_post", k.gamma_post}};
  law.conventions =
      "weights rounded after training; a warning for more than about 300 tokens a parameter";
  law.source = "Kumar et al. 2024, arXiv:2411.04330, eq. (2)";
  law.formula = [](absl::Span<const Dual> x) {
    return KumarPostTrainingDelta(KumarConstants{}, x[0], x[1], x[2]);
  };
  return law;
}

PublishedLaw KumarTraining() {
  constexpr KumarConstants k;
  PublishedLaw law;
  law.name = "kumar2024-neff";
  law.family = "precision";
  law.quantity = "effective_param_fraction";
  law.unit = "fraction";
  law.form = "product over weights, activations, cache of 1 - e^(-bits/gamma)";
  LawVariable activations = BitsVariable("activation_bits", "of the activations in training");
  LawVariable cache = BitsVariable("cache_bits", "of keys and values in training");
  activations.default_value = cache.default_value = 16;
  law.variables = {BitsVariable("weight_bits", "of the weights in training"), activations, cache};
  law.constants = {
      {"gamma_w", k.gamma_weights}, {"gamma_a", k.gamma_activations}, {"gamma_kv", k.gamma_cache}};
  law.conventions = "multiplies N inside of a loss law";
  law.source = "Kumar et al. 2024, arXiv:2411.04330, eq. (4)";
  law.formula = [](absl::Span<const Dual> x) {
    return KumarEffectiveParamFraction(KumarConstants{}, x[0], x[1], x[2]);
  };
  return law;
}

PublishedLaw Hernandez(const char* name, const char* pretraining, const HernandezConstants& k) {
  PublishedLaw law;
  law.name = name;
  law.family = "transfer";
  law.quantity = "transferred_character_count";
  law.unit = "characters";
  law.form = "k D_F^alpha N^beta";
  LawVariable finetuning;
  finetuning.name = "finetuning_character_count";
  finetuning.unit = "characters";
  finetuning.meaning = "D_F, data of the new distribution";
  finetuning.min = kLeastCount;
  finetuning.max = kMostCount;
  law.variables = {finetuning, ParamCountVariable("N, without embeddings")};
  law.constants = {{"k", k.k}, {"alpha", k.alpha}, {"beta", k.beta}};
  law.param_count_convention = ParamCountConvention::kNonEmbedding;
  law.conventions = "in characters, not tokens; the data that pre-training was worth";
  law.dataset = absl::StrCat("Python, after pre-training on ", pretraining);
  law.source = "Hernandez et al. 2021, arXiv:2102.01293, eq. (1.1), Table 1";
  law.formula = [k](absl::Span<const Dual> x) { return HernandezTransferredData(k, x[0], x[1]); };
  return law;
}

PublishedLaw Tao(const char* name, const char* form, std::vector<LawConstant> constants,
                 Dual (*formula)(const Dual&)) {
  PublishedLaw law;
  law.name = name;
  law.family = "vocabulary";
  law.quantity = "vocab_param_count";
  law.unit = "parameters";
  law.form = form;
  law.variables = {ParamCountVariable("N_nv, parameters outside of the vocabulary")};
  law.constants = std::move(constants);
  law.param_count_convention = ParamCountConvention::kNonEmbedding;
  law.conventions =
      "divide by hidden_size for the vocabulary; a check of it, not an input of sizing";
  law.source = "Tao et al. 2024, arXiv:2407.13623, constants of the authors' code";
  law.verification = VerificationStatus::kCode;
  law.formula = [formula](absl::Span<const Dual> x) { return formula(x[0]); };
  return law;
}

PublishedLaw GadreErrorLaw(const GadreErrorConstants& k) {
  PublishedLaw law;
  law.name = absl::StrCat(k.law, "-err17");
  law.family = "downstream";
  law.quantity = "error_fraction";
  law.unit = "fraction";
  law.form = "eps - k e^(-gamma L)";
  law.variables = {LossVariable("L, on C4")};
  law.constants = {{"eps", k.eps}, {"k", k.k}, {"gamma", k.gamma}};
  law.conventions = absl::StrCat("mean top-1 error of 17 tasks from the loss of ", k.law);
  law.source = "refit of the public runs of Gadre et al. 2024, arXiv:2403.08540";
  law.verification = VerificationStatus::kCode;
  law.formula = [k](absl::Span<const Dual> x) { return GadreError(k, x[0]); };
  return law;
}

}  // namespace

std::vector<PublishedLaw> OtherPublishedLaws() {
  std::vector<PublishedLaw> laws = {
      Frantar(),
      KumarPostTraining(),
      KumarTraining(),
      Hernandez("hernandez2021-text", "text", kHernandezTextToPython),
      Hernandez("hernandez2021-mixed", "a mix of text and code", kHernandezMixedToPython),
      Tao("tao2024-vocab-isoflop", "exp(p) F^a with N_nv = exp(q) F^(1/2)",
          {{"p", -1.589031299255507}, {"a", 0.4163622634135234}, {"q", -2.4846510161625193}},
          &TaoVocabParamsByIsoFlop<Dual>),
      Tao("tao2024-vocab", "3145728 (N_nv/33e6)^a", {{"a", 0.8353974035228025}},
          &TaoVocabParamsByDerivative<Dual>),
  };
  for (const GadreErrorConstants& k : kGadreErrors) laws.push_back(GadreErrorLaw(k));
  return laws;
}

}  // namespace rhumb

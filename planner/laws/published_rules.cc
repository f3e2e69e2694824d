// SPDX-License-Identifier: Apache-2.0
// Power laws that advise rather than predict a loss, as published laws: compute-optimal trends of
// C, batch rules and learning-rate rules. The same numbers as critical_batch.h, learning_rate.h,
// hoffmann.h and allocation_trends.h, which tests compare. Rules whose constants were not verified
// (Zhang's batch, Bergsma's critical batch) stay in critical_batch.h alone.
#include <cmath>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "planner/laws/hoffmann.h"
#include "planner/laws/published_law_parts.h"

namespace rhumb {
namespace {

struct Rule {
  const char* name;
  const char* family;
  const char* quantity;
  const char* unit;
  const char* source;
  VerificationStatus verification;
  const char* conventions;
};

// prefactor times each variable to its exponent.
PublishedLaw PowerRule(const Rule& rule, double prefactor,
                       std::vector<std::pair<LawVariable, double>> factors) {
  PublishedLaw law;
  law.name = rule.name;
  law.family = rule.family;
  law.quantity = rule.quantity;
  law.unit = rule.unit;
  law.source = rule.source;
  law.verification = rule.verification;
  law.conventions = rule.conventions;
  law.form = "k";
  law.constants = {{"k", prefactor}};
  std::vector<double> exponents;
  for (auto& [variable, exponent] : factors) {
    absl::StrAppend(&law.form, " ", variable.name, "^e_", variable.name);
    law.constants.push_back({absl::StrCat("e_", variable.name), exponent});
    exponents.push_back(exponent);
    law.variables.push_back(std::move(variable));
  }
  law.formula = [prefactor, exponents](absl::Span<const Dual> x) {
    Dual value = prefactor;
    for (size_t i = 0; i < exponents.size(); ++i) value = value * pow(x[i], exponents[i]);
    return value;
  };
  return law;
}

LawVariable TokensPerParamVariable() {
  LawVariable ratio;
  ratio.name = "tokens_per_param";
  ratio.unit = "tokens/parameter";
  ratio.meaning = "D/N";
  ratio.min = 1e-6;
  ratio.max = 1e12;
  return ratio;
}

LawVariable WithData(LawVariable variable, std::optional<double> min, std::optional<double> max) {
  variable.data_min = min;
  variable.data_max = max;
  return variable;
}

PublishedLaw HoffmannTrend(const char* name, const char* source,
                           absl::Span<const HoffmannRow> rows) {
  // The tables are constants: the fit of them cannot fail.
  const PowerLaw fit = *FitPowerLaw(rows);
  PublishedLaw law = PowerRule(
      {name, "allocation", "param_count", "parameters", source, VerificationStatus::kPaper,
       "N counts embeddings; D = C/(6N); unweighted least squares of ln N on ln C over the table"},
      fit.prefactor, {{FlopsVariable("C = 6ND"), fit.exponent}});
  law.param_count_convention = ParamCountConvention::kTotal;
  law.dataset = "MassiveText";
  return law;
}

std::vector<PublishedLaw> Trends() {
  constexpr char kDeepSeek[] = "DeepSeek LLM 2024, arXiv:2401.02954, eq. (4)";
  constexpr char kDeepSeekCounting[] =
      "C = M D with M the non-embedding FLOPs a token, full attention counted";
  const LawVariable deepseek_flops =
      WithData(FlopsVariable("C = M D, without embeddings"), 1e17, 3e20);
  return {
      HoffmannTrend("hoffmann2022-approach1", "Hoffmann et al. 2022, arXiv:2203.15556, Table 3",
                    HoffmannTable3()),
      HoffmannTrend("hoffmann2022-approach2",
                    "Hoffmann et al. 2022, arXiv:2203.15556, Table A3, approach 2",
                    HoffmannTableA3Approach2()),
      PowerRule({"llama3-2024-d", "allocation", "token_count", "tokens",
                 "Llama 3 2024, arXiv:2407.21783, figure 3", VerificationStatus::kSecondary,
                 "N = C/(6D); the paper calls this N*(C), and prints rounded constants"},
                0.299, {{FlopsVariable("C = 6ND"), 0.537}}),
      PowerRule({"deepseek2024-d", "allocation", "token_count", "tokens", kDeepSeek,
                 VerificationStatus::kSecondary, kDeepSeekCounting},
                5.8316, {{deepseek_flops, 0.4757}}),
      PowerRule({"deepseek2024-m", "allocation", "flops_per_token", "FLOPs/token", kDeepSeek,
                 VerificationStatus::kSecondary, kDeepSeekCounting},
                0.1715, {{deepseek_flops, 0.5243}}),
  };
}

std::vector<PublishedLaw> BatchRules() {
  constexpr char kBest[] = "the batch of least loss in a sweep, not E_min/S_min";
  return {
      PowerRule({"kaplan2020-bcrit", "batch", "critical_batch_tokens", "tokens",
                 "Kaplan et al. 2020, arXiv:2001.08361, eq. (5.3), Table 5",
                 VerificationStatus::kPaper, "E_min/S_min; loss on WebText2"},
                2.1e8, {{WithData(LossVariable("L, on WebText2"), 2.5, 6.0), -1 / 0.21}}),
      PowerRule({"bergsma2025-batch", "batch", "global_batch_tokens", "tokens",
                 "Bergsma et al. 2025, arXiv:2505.13738", VerificationStatus::kSecondary, kBest},
                0.0306 * 2048, {{TokenCountVariable("D, processed"), 0.383}}),
      PowerRule({"steplaw2025-batch", "batch", "global_batch_tokens", "tokens",
                 "Li et al. 2025 (Step Law), arXiv:2503.04715", VerificationStatus::kCode,
                 "the batch of least loss in a sweep, not E_min/S_min; a refit of the released "
                 "runs gives D^0.613"},
                0.58, {{WithData(TokenCountVariable("D, processed"), std::nullopt, 1e11), 0.571}}),
      PowerRule(
          {"deepseek2024-batch", "batch", "global_batch_tokens", "tokens",
           "DeepSeek LLM 2024, arXiv:2401.02954, eq. (1)", VerificationStatus::kSecondary, kBest},
          0.2920, {{WithData(FlopsVariable("C = M D, without embeddings"), 1e17, 2e19), 0.3271}}),
      PowerRule({"minicpm2024-batch", "batch", "global_batch_tokens", "tokens",
                 "MiniCPM 2024, arXiv:2404.06395", VerificationStatus::kSecondary, kBest},
                1.21e9, {{LossVariable("L, on C4"), -6.24}}),
      PowerRule({"porian2024-batch", "batch", "global_batch_tokens", "tokens",
                 "Porian et al. 2024, arXiv:2406.19146, as tabulated by Step Law",
                 VerificationStatus::kSecondary, kBest},
                0.7576,
                {{ParamCountVariable("N, without embeddings, with the output head"), 0.703}}),
  };
}

PublishedLaw KaplanRate() {
  PublishedLaw law;
  law.name = "kaplan2020-lr";
  law.family = "learning-rate";
  law.quantity = "peak_learning_rate";
  law.unit = "1/step";
  law.form = "a + b ln N";
  LawVariable params = ParamCountVariable("N, without embeddings");
  params.max = 1e10;  // the authors claim no more; it turns negative at 1.2e10
  params.max_excluded = true;
  law.variables = {params};
  law.constants = {{"a", 0.003239}, {"b", -0.0001395}};
  law.param_count_convention = ParamCountConvention::kNonEmbedding;
  law.conventions = "Adam";
  law.source = "Kaplan et al. 2020, arXiv:2001.08361, eq. (D.1)";
  law.verification = VerificationStatus::kPaper;
  law.formula = [](absl::Span<const Dual> x) { return 0.003239 - 0.0001395 * log(x[0]); };
  return law;
}

std::vector<PublishedLaw> RateRules() {
  return {
      KaplanRate(),
      PowerRule({"steplaw2025-lr", "learning-rate", "peak_learning_rate", "1/step",
                 "Li et al. 2025 (Step Law), arXiv:2503.04715", VerificationStatus::kCode,
                 "AdamW; the means of the authors' bootstrap file, which a refit of their released "
                 "runs (N^-0.766 D^0.197) does not give back"},
                1.79,
                {{WithData(ParamCountVariable("N, without embeddings"), 6e7, 1e9), -0.713},
                 {WithData(TokenCountVariable("D, processed"), std::nullopt, 1e11), 0.307}}),
      PowerRule({"deepseek2024-lr", "learning-rate", "peak_learning_rate", "1/step",
                 "DeepSeek LLM 2024, arXiv:2401.02954, eq. (1)", VerificationStatus::kSecondary,
                 "AdamW; 0.3188 also circulates and is a misprint"},
                0.3118,
                {{WithData(FlopsVariable("C = M D, without embeddings"), 1e17, 2e19), -0.1250}}),
      PowerRule({"porian2024-lr", "learning-rate", "peak_learning_rate", "1/step",
                 "Porian et al. 2024, arXiv:2406.19146, as tabulated by Step Law",
                 VerificationStatus::kSecondary, "AdamW"},
                3.7, {{ParamCountVariable("N, without embeddings, with the output head"), -0.36}}),
      PowerRule({"bergsma2025-timescale", "weight-decay", "adamw_timescale_fraction", "fraction",
                 "Bergsma et al. 2025, arXiv:2505.13738", VerificationStatus::kSecondary,
                 "tau = B/(learning rate x weight decay x D), in fractions of the run; muP"},
                1.084, {{TokensPerParamVariable(), -0.527}}),
  };
}

}  // namespace

std::vector<PublishedLaw> RulePublishedLaws() {
  std::vector<PublishedLaw> laws;
  for (auto part : {Trends(), BatchRules(), RateRules()}) {
    std::move(part.begin(), part.end(), std::back_inserter(laws));
  }
  return laws;
}

}  // namespace rhumb

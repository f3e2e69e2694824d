// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/learning_rate.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/laws/kaplan.h"

namespace rhumb {

std::optional<double> PeakLearningRate(LearningRateRule rule, const LearningRateInputs& inputs) {
  const double n = inputs.non_embedding_param_count;
  switch (rule) {
    case LearningRateRule::kStepLaw2025:
      if (!(n > 0) || !(inputs.token_count > 0)) return std::nullopt;
      return 1.79 * std::pow(n, -0.713) * std::pow(inputs.token_count, 0.307);
    case LearningRateRule::kDeepSeek2024:
      if (!(inputs.training_flops > 0)) return std::nullopt;
      return 0.3118 * std::pow(inputs.training_flops, -0.1250);
    case LearningRateRule::kKaplan2020: {
      if (!(n > 0)) return std::nullopt;
      const absl::StatusOr<double> rate = KaplanLearningRate(n);
      if (!rate.ok()) return std::nullopt;
      return *rate;
    }
    case LearningRateRule::kPorian2024:
      if (!(n > 0)) return std::nullopt;
      return 3.7 * std::pow(n, -0.36);
  }
  return std::nullopt;
}

constexpr double kStepLawMostParams = 1e9;
constexpr double kStepLawMostTokens = 1e11;

absl::string_view LearningRateRuleSource(LearningRateRule rule) {
  switch (rule) {
    case LearningRateRule::kStepLaw2025:
      return "Li et al. 2025 (Step Law): 1.79 N^-0.713 D^0.307, N non-embedding; 60M-1B class, D "
             "to 1e11, "
             "AdamW";
    case LearningRateRule::kDeepSeek2024:
      return "DeepSeek LLM 2024, arXiv:2401.02954: 0.3118 C^-0.1250, C non-embedding; fitted on "
             "1e17-2e19";
    case LearningRateRule::kKaplan2020:
      return "Kaplan et al. 2020, arXiv:2001.08361, eq. (D.1): 0.003239 - 0.0001395 ln N, N "
             "non-embedding "
             "below 1e10";
    case LearningRateRule::kPorian2024:
      return "Porian et al. 2024, arXiv:2406.19146, as tabulated by Step Law: 3.7 N^-0.36, N "
             "non-embedding "
             "plus output head";
  }
  return "";
}

absl::StatusOr<LearningRateSuggestion> SuggestLearningRate(const LearningRateInputs& inputs) {
  LearningRateSuggestion suggestion;
  bool any = false;
  int rule_count = 0;
  for (const LearningRateRule rule : kAllLearningRateRules) {
    const std::optional<double> rate = PeakLearningRate(rule, inputs);
    if (!rate.has_value()) continue;
    ++rule_count;
    if (!any) {
      suggestion.peak = suggestion.low = suggestion.high = *rate;
      suggestion.source = std::string(LearningRateRuleSource(rule));
      any = true;
    }
    suggestion.low = std::min(suggestion.low, *rate);
    suggestion.high = std::max(suggestion.high, *rate);
  }
  if (!any) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "non_embedding_param_count is %g and training_flops %g; one must be positive",
        inputs.non_embedding_param_count, inputs.training_flops));
  }
  // Step Law's runs end at 1B parameters and 1e11 tokens. Beyond, its exponents pull apart from the
  // other rules, and the middle of the band is the more careful suggestion.
  const bool beyond = inputs.non_embedding_param_count > kStepLawMostParams ||
                      inputs.token_count > kStepLawMostTokens;
  if (beyond && rule_count > 1) {
    suggestion.peak = std::sqrt(suggestion.low * suggestion.high);
    suggestion.source = absl::StrCat(
        "geometric middle of the band: beyond the runs of Step Law (1B parameters, 1e11 tokens)");
  }
  suggestion.schedule = "cosine to 10% of peak, ended at the planned tokens, after linear warm-up";
  absl::StrAppend(&suggestion.source, "; band of ", rule_count,
                  rule_count == 1 ? " published rule" : " published rules");
  return suggestion;
}

double DeepSeekFlopsPerToken(double num_layers, double hidden_size, double sequence_length) {
  return 72 * num_layers * hidden_size * hidden_size +
         12 * num_layers * hidden_size * sequence_length;
}

DeepSeekAllocation DeepSeekOptimum(double training_flops) {
  return {.flops_per_token = 0.1715 * std::pow(training_flops, 0.5243),
          .token_count = 5.8316 * std::pow(training_flops, 0.4757)};
}

double BergsmaBestBatchTokens(double token_count) {
  constexpr double kSequenceLength = 2048;
  return 0.0306 * std::pow(token_count, 0.383) * kSequenceLength;
}

double BergsmaTimeScale(double tokens_per_param) {
  return 1.084 * std::pow(tokens_per_param, -0.527);
}

double BergsmaWeightDecay(double global_batch_tokens, double learning_rate, double token_count,
                          double param_count) {
  return global_batch_tokens /
         (BergsmaTimeScale(token_count / param_count) * learning_rate * token_count);
}

}  // namespace rhumb

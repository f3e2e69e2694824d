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
// Kaplan et al. 2020, section 2: models of 768 to 1.5 billion parameters.
constexpr double kKaplanMostParams = 1.5e9;

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

namespace {

// The part of a question that lies within Step Law's runs.
LearningRateInputs WithinStepLaw(const LearningRateInputs& inputs) {
  LearningRateInputs within = inputs;
  within.non_embedding_param_count = std::min(inputs.non_embedding_param_count, kStepLawMostParams);
  within.token_count = std::min(inputs.token_count, kStepLawMostTokens);
  // Models and tokens scale compute alike.
  if (inputs.non_embedding_param_count > 0 && inputs.token_count > 0) {
    within.training_flops *= within.non_embedding_param_count * within.token_count /
                             (inputs.non_embedding_param_count * inputs.token_count);
  }
  return within;
}

// Geometric mean of the power laws that answer; 1 if none does.
double MeanOfPowerLaws(const LearningRateInputs& inputs) {
  double log_sum = 0;
  int count = 0;
  for (const LearningRateRule rule :
       {LearningRateRule::kStepLaw2025, LearningRateRule::kDeepSeek2024,
        LearningRateRule::kPorian2024}) {
    const std::optional<double> rate = PeakLearningRate(rule, inputs);
    if (!rate.has_value()) continue;
    log_sum += std::log(*rate);
    ++count;
  }
  return count == 0 ? 1 : std::exp(log_sum / count);
}

// A rule's answer for the band. Kaplan's straight line in ln N falls to nothing at 1.2e10: beyond
// the models behind it, its last answer holds.
std::optional<double> RateForBand(LearningRateRule rule, LearningRateInputs inputs) {
  if (rule == LearningRateRule::kKaplan2020) {
    inputs.non_embedding_param_count =
        std::min(inputs.non_embedding_param_count, kKaplanMostParams);
  }
  return PeakLearningRate(rule, inputs);
}

}  // namespace

absl::StatusOr<LearningRateSuggestion> SuggestLearningRate(const LearningRateInputs& inputs) {
  LearningRateSuggestion suggestion;
  int rule_count = 0;
  for (const LearningRateRule rule : kAllLearningRateRules) {
    const std::optional<double> rate = RateForBand(rule, inputs);
    if (!rate.has_value()) continue;
    if (++rule_count == 1) {
      suggestion.peak = suggestion.low = suggestion.high = *rate;
      suggestion.source = std::string(LearningRateRuleSource(rule));
    }
    suggestion.low = std::min(suggestion.low, *rate);
    suggestion.high = std::max(suggestion.high, *rate);
  }
  if (rule_count == 0) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "non_embedding_param_count is %g and training_flops %g; one must be positive",
        inputs.non_embedding_param_count, inputs.training_flops));
  }
  // Beyond Step Law's runs its exponents pull apart from the other rules: from its answer at the
  // edge of them the suggestion goes on as the power laws do on average, so that it never jumps.
  const bool beyond = inputs.non_embedding_param_count > kStepLawMostParams ||
                      inputs.token_count > kStepLawMostTokens;
  const LearningRateInputs edge = WithinStepLaw(inputs);
  const std::optional<double> at_edge = PeakLearningRate(LearningRateRule::kStepLaw2025, edge);
  if (beyond && at_edge.has_value()) {
    suggestion.peak = std::clamp(*at_edge * MeanOfPowerLaws(inputs) / MeanOfPowerLaws(edge),
                                 suggestion.low, suggestion.high);
    suggestion.source =
        "Step Law (Li et al. 2025) to the edge of its runs (1B parameters, 1e11 tokens), beyond as "
        "the published power laws change on average";
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

// SPDX-License-Identifier: Apache-2.0
// Peak learning rate by published rules, with the band of those that apply, and weight decay.
// Suggestions: the rules disagree by a factor of several and none replaces a sweep. Batch:
// critical_batch.h.
#ifndef RHUMB_PLANNER_LAWS_LEARNING_RATE_H_
#define RHUMB_PLANNER_LAWS_LEARNING_RATE_H_

#include <array>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb {

enum class LearningRateRule { kStepLaw2025, kDeepSeek2024, kKaplan2020, kPorian2024 };
inline constexpr std::array kAllLearningRateRules = {
    LearningRateRule::kStepLaw2025, LearningRateRule::kDeepSeek2024, LearningRateRule::kKaplan2020,
    LearningRateRule::kPorian2024};

// Zero: unknown; rules that need the value do not answer.
struct LearningRateInputs {
  double non_embedding_param_count = 0;
  double token_count = 0;     // D, for Step Law
  double training_flops = 0;  // C = M D without embedding, for DeepSeek
};

// Step Law: 1.79 N^-0.713 D^0.307 (Li et al. 2025). DeepSeek: 0.3118 C^-0.1250 (arXiv:2401.02954).
// Kaplan: 0.003239 - 0.0001395 ln N, N < 1e10. Porian: 3.7 N^-0.36 (as tabulated by Step Law).
// nullopt if an input is missing or outside of where the rule is defined.
std::optional<double> PeakLearningRate(LearningRateRule rule, const LearningRateInputs& inputs);

// Formula, conventions and validity, for display.
absl::string_view LearningRateRuleSource(LearningRateRule rule);

struct LearningRateSuggestion {
  // By the first rule that answers; beyond Step Law's runs continued from their edge as the power
  // laws change on average. Never rises with the size at equal tokens.
  double peak = 0;
  double low = 0;  // least and greatest of all rules that answer
  double high = 0;
  std::string schedule;
  std::string source;
};
// InvalidArgument if no rule answers, naming the inputs.
absl::StatusOr<LearningRateSuggestion> SuggestLearningRate(const LearningRateInputs& inputs);

// DeepSeek LLM's counting and allocation. Source: arXiv:2401.02954, eqs. (1), (2), (4).
// M = 72 n_layer d^2 + 12 n_layer d l_seq: non-embedding FLOPs per token with full attention.
double DeepSeekFlopsPerToken(double num_layers, double hidden_size, double sequence_length);
struct DeepSeekAllocation {
  double flops_per_token = 0;  // M = 0.1715 C^0.5243
  double token_count = 0;      // D = 5.8316 C^0.4757
};
DeepSeekAllocation DeepSeekOptimum(double training_flops);

// Bergsma et al. 2025 (muP, SlimPajama, decay to zero): the best batch 0.0306 D^0.383 sequences of
// 2048, in tokens; the best AdamW time scale tau = B/(lr wd D) = 1.084 (D/N)^-0.527, and the weight
// decay it implies. Batch and D in tokens.
double BergsmaBestBatchTokens(double token_count);
double BergsmaTimeScale(double tokens_per_param);
double BergsmaWeightDecay(double global_batch_tokens, double learning_rate, double token_count,
                          double param_count);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_LEARNING_RATE_H_

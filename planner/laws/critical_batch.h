// SPDX-License-Identifier: Apache-2.0
// Batch size against steps and tokens: the critical batch, the trade-off, the noise-scale estimator
// and the published rules for B_crit. Not learning rates (learning_rate.h).
//
// B_crit = E_min / S_min here and everywhere: at that batch both steps and tokens are twice their
// least. Batches are in tokens. Source: McCandlish et al. 2018, arXiv:1812.06162; Kaplan et al.
// 2020, 5.1-5.3.
#ifndef RHUMB_PLANNER_LAWS_CRITICAL_BATCH_H_
#define RHUMB_PLANNER_LAWS_CRITICAL_BATCH_H_

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/laws/verification.h"

namespace rhumb {

// S = S_min (1 + B_crit/B) and E = E_min (1 + B/B_crit), so (S/S_min - 1)(E/E_min - 1) = 1.
struct BatchTradeOff {
  double critical_batch_tokens = 0;  // E_min / S_min
  double step_count = 0;
  double token_count = 0;
};
BatchTradeOff TradeStepsForTokens(double min_step_count, double min_token_count,
                                  double global_batch_tokens);

// Tokens a token at batch B is worth less than at the law's reference batch, as a factor >= 1:
// max(1, (1 + B/B_crit) / (1 + B_ref/B_crit)). No credit is given below the reference.
inline double TokenOverhead(double global_batch_tokens, double critical_batch_tokens,
                            double reference_batch_tokens) {
  return std::max(1.0, (critical_batch_tokens + global_batch_tokens) /
                           (critical_batch_tokens + reference_batch_tokens));
}

// Batch whose token overhead over the reference is `overhead_fraction` (f): f B_crit + (1 + f)
// B_ref.
double BatchForTokenOverhead(double overhead_fraction, double critical_batch_tokens,
                             double reference_batch_tokens);
// Its inverse, the conversion of a critical batch that was defined by an overhead:
// B_crit = (B_f - (1 + f) B_ref) / f. nullopt if the reference batch alone leaves nothing.
std::optional<double> CriticalFromOverheadBatch(double overhead_fraction,
                                                double overhead_batch_tokens,
                                                double reference_batch_tokens);

// Gradient noise scale from mean squared gradient norms at two batch sizes (any unit; the answer
// has it). Average the norms over steps before calling: a ratio of averages, never an average of
// ratios.
struct NoiseScale {
  double squared_gradient_norm = 0;  // |G|^2
  double covariance_trace = 0;       // tr(Sigma)
  double noise_scale = 0;            // B_simple = tr(Sigma) / |G|^2
};
// InvalidArgument unless 0 < small_batch < big_batch; FailedPrecondition if |G|^2 comes out not
// positive or tr(Sigma) negative: the averages are too noisy yet.
absl::StatusOr<NoiseScale> EstimateNoiseScale(double small_batch_squared_norm,
                                              double big_batch_squared_norm, double small_batch,
                                              double big_batch);

// Published rules. Kaplan's is the only one verified in the paper's own text.
enum class BatchRule {
  kKaplan2020,
  kBergsma2025,
  kStepLaw2025,
  kDeepSeek2024,
  kMiniCpm2024,
  kZhang2024,
  kPorian2024,
};
inline constexpr std::array kAllBatchRules = {BatchRule::kKaplan2020,  BatchRule::kBergsma2025,
                                              BatchRule::kStepLaw2025, BatchRule::kDeepSeek2024,
                                              BatchRule::kMiniCpm2024, BatchRule::kZhang2024,
                                              BatchRule::kPorian2024};

// What a rule may read. Absent or zero: rules that need it answer nothing.
struct BatchInputs {
  double param_count = 0;                        // non-embedding, for Porian
  double token_count = 0;                        // D
  double training_flops = 0;                     // for DeepSeek (non-embedding, with attention)
  double loss_nats = 0;                          // for Kaplan and MiniCPM
  std::optional<double> reference_batch_tokens;  // for Zhang's conversion; absent: 0
};

// Catalogue name ("kaplan2020"), and its inverse: InvalidArgument lists the names.
absl::string_view BatchRuleName(BatchRule rule);
absl::StatusOr<BatchRule> ParseBatchRule(absl::string_view name);

// Formula, units and validity, for display.
absl::string_view BatchRuleSource(BatchRule rule);

// What the rule's authors call their batch.
enum class BatchDefinition {
  kCritical,  // E_min / S_min: taken as it is
  kOverhead,  // 20% more tokens than at the reference batch: converted exactly
  kBest,      // the batch of least loss in their sweeps: no exact conversion exists, used as it is
};
BatchDefinition BatchRuleDefinition(BatchRule rule);

// How far the rule's constants were checked.
VerificationStatus BatchRuleVerification(BatchRule rule);

// Whether the rule states B_crit (or converts to it exactly). The others state the batch their
// authors found best, which is no multiple of B_crit in general and is used in its place as it is.
bool BatchRuleIsCritical(BatchRule rule);

// B_crit in tokens by the rule; nullopt if an input it needs is absent, or for Zhang if the
// reference batch alone already exceeds the 20% overhead. Allocates nothing: the search calls it.
std::optional<double> CriticalBatchTokens(BatchRule rule, const BatchInputs& inputs);

// Kaplan: B* / L^(1/alpha_B) with B* = 2.1e8 tokens, alpha_B = 0.21. Source: Kaplan 2020, eq.
// (5.3), Table 5.
double KaplanCriticalBatchTokens(double loss_nats);

// Smallest and largest answer of all rules that answer: published laws differ by a factor of about
// twelve (docs/equations.md).
struct BatchBand {
  double low_tokens = 0;
  double high_tokens = 0;
};
std::optional<BatchBand> CriticalBatchBand(const BatchInputs& inputs);

// The band's members: every rule that answers, with its B_crit in tokens, in kAllBatchRules' order.
struct BatchAnswer {
  BatchRule rule;
  double critical_batch_tokens = 0;
};
std::vector<BatchAnswer> AllCriticalBatches(const BatchInputs& inputs);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_CRITICAL_BATCH_H_

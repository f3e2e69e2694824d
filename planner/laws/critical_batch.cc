// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/critical_batch.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rhumb {
namespace {

constexpr double kKaplanBatchTokens = 2.1e8;   // B*, Table 5; eq. (5.3) prints 2e8
constexpr double kKaplanBatchExponent = 0.21;  // alpha_B
constexpr double kBergsmaSequenceLength = 2048;
constexpr double kZhangOverheadFraction = 0.2;

struct RuleText {
  const char* name;
  const char* source;
  BatchDefinition definition;
  VerificationStatus verification;
};

const RuleText& TextOf(BatchRule rule) {
  static constexpr RuleText kTexts[] = {
      {"kaplan2020",
       "Kaplan et al. 2020, arXiv:2001.08361, eq. (5.3), Table 5: 2.1e8 / L^(1/0.21) tokens; "
       "WebText2, L 2.5-6",
       BatchDefinition::kCritical, VerificationStatus::kPaper},
      {"bergsma2025",
       "Bergsma et al. 2025: 0.0471 D^0.462 sequences of 2048; prefactor not verified in the paper",
       BatchDefinition::kCritical, VerificationStatus::kMemory},
      {"steplaw2025",
       "Li et al. 2025 (Step Law): best batch 0.58 D^0.571 tokens; 60M-1B class, D to 1e11; an "
       "optimum, "
       "used as B_crit without conversion",
       BatchDefinition::kBest, VerificationStatus::kCode},
      {"deepseek2024",
       "DeepSeek LLM 2024, arXiv:2401.02954: best batch 0.2920 C^0.3271 tokens; C 1e17-2e19; an "
       "optimum, "
       "used as B_crit without conversion",
       BatchDefinition::kBest, VerificationStatus::kSecondary},
      {"minicpm2024",
       "MiniCPM 2024, arXiv:2404.06395: best batch 1.21e9 / L^6.24 tokens on C4 loss; 9M-170M "
       "models; an "
       "optimum, used as B_crit without conversion",
       BatchDefinition::kBest, VerificationStatus::kSecondary},
      {"zhang2024",
       "Zhang et al. 2024: 22.91 D^0.47 tokens at 20% overhead, converted to E_min/S_min against "
       "the "
       "reference batch; 85M-1.2B, C4; prefactor not verified in the paper",
       BatchDefinition::kOverhead, VerificationStatus::kMemory},
      {"porian2024",
       "Porian et al. 2024, arXiv:2406.19146, as tabulated by Step Law: best batch 0.7576 N^0.703 "
       "tokens; an "
       "optimum, used as B_crit without conversion",
       BatchDefinition::kBest, VerificationStatus::kSecondary},
  };
  return kTexts[static_cast<int>(rule)];
}

std::optional<double> IfKnown(double input, double value) {
  if (!(input > 0)) return std::nullopt;
  return value;
}

}  // namespace

BatchTradeOff TradeStepsForTokens(double min_step_count, double min_token_count,
                                  double global_batch_tokens) {
  const double critical = min_token_count / min_step_count;
  return {.critical_batch_tokens = critical,
          .step_count = min_step_count * (1 + critical / global_batch_tokens),
          .token_count = min_token_count * (1 + global_batch_tokens / critical)};
}

double BatchForTokenOverhead(double overhead_fraction, double critical_batch_tokens,
                             double reference_batch_tokens) {
  return overhead_fraction * critical_batch_tokens +
         (1 + overhead_fraction) * reference_batch_tokens;
}

std::optional<double> CriticalFromOverheadBatch(double overhead_fraction,
                                                double overhead_batch_tokens,
                                                double reference_batch_tokens) {
  const double critical =
      (overhead_batch_tokens - (1 + overhead_fraction) * reference_batch_tokens) /
      overhead_fraction;
  return IfKnown(critical, critical);
}

absl::StatusOr<NoiseScale> EstimateNoiseScale(double small_batch_squared_norm,
                                              double big_batch_squared_norm, double small_batch,
                                              double big_batch) {
  if (!(small_batch > 0) || !(big_batch > small_batch) || !std::isfinite(big_batch)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("small_batch is %g and big_batch %g; they must satisfy 0 < small_batch < "
                        "big_batch",
                        small_batch, big_batch));
  }
  const double g2 = (big_batch * big_batch_squared_norm - small_batch * small_batch_squared_norm) /
                    (big_batch - small_batch);
  const double trace =
      (small_batch_squared_norm - big_batch_squared_norm) / (1 / small_batch - 1 / big_batch);
  if (!(g2 > 0) || !(trace >= 0)) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the norms give |G|^2 = %g and tr(Sigma) = %g, which no gradient has; "
                        "average over more steps",
                        g2, trace));
  }
  return NoiseScale{
      .squared_gradient_norm = g2, .covariance_trace = trace, .noise_scale = trace / g2};
}

absl::string_view BatchRuleName(BatchRule rule) { return TextOf(rule).name; }

absl::StatusOr<BatchRule> ParseBatchRule(absl::string_view name) {
  std::string allowed;
  for (const BatchRule rule : kAllBatchRules) {
    if (BatchRuleName(rule) == name) return rule;
    absl::StrAppend(&allowed, allowed.empty() ? "" : ", ", BatchRuleName(rule));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("batch_rule is '", name, "'; it must be one of ", allowed));
}

absl::string_view BatchRuleSource(BatchRule rule) { return TextOf(rule).source; }

BatchDefinition BatchRuleDefinition(BatchRule rule) { return TextOf(rule).definition; }

VerificationStatus BatchRuleVerification(BatchRule rule) { return TextOf(rule).verification; }

bool BatchRuleIsCritical(BatchRule rule) {
  return TextOf(rule).definition != BatchDefinition::kBest;
}

double KaplanCriticalBatchTokens(double loss_nats) {
  return kKaplanBatchTokens * std::pow(loss_nats, -1 / kKaplanBatchExponent);
}

std::optional<double> CriticalBatchTokens(BatchRule rule, const BatchInputs& inputs) {
  const double d = inputs.token_count;
  switch (rule) {
    case BatchRule::kKaplan2020:
      return IfKnown(inputs.loss_nats, KaplanCriticalBatchTokens(inputs.loss_nats));
    case BatchRule::kBergsma2025:
      return IfKnown(d, 0.0471 * std::pow(d, 0.462) * kBergsmaSequenceLength);
    case BatchRule::kStepLaw2025:
      return IfKnown(d, 0.58 * std::pow(d, 0.571));
    case BatchRule::kDeepSeek2024:
      return IfKnown(inputs.training_flops, 0.2920 * std::pow(inputs.training_flops, 0.3271));
    case BatchRule::kMiniCpm2024:
      return IfKnown(inputs.loss_nats, 1.21e9 * std::pow(inputs.loss_nats, -6.24));
    case BatchRule::kPorian2024:
      return IfKnown(inputs.param_count, 0.7576 * std::pow(inputs.param_count, 0.703));
    case BatchRule::kZhang2024: {
      if (!(d > 0)) return std::nullopt;
      // Their batch B_20 has 20% overhead over the reference: B_20 = f B_c + (1 + f) B_ref.
      const double at_overhead = 22.91 * std::pow(d, 0.47);
      return CriticalFromOverheadBatch(kZhangOverheadFraction, at_overhead,
                                       inputs.reference_batch_tokens.value_or(0));
    }
  }
  return std::nullopt;
}

std::optional<BatchBand> CriticalBatchBand(const BatchInputs& inputs) {
  std::optional<BatchBand> band;
  for (const BatchRule rule : kAllBatchRules) {
    const std::optional<double> tokens = CriticalBatchTokens(rule, inputs);
    if (!tokens.has_value()) continue;
    if (!band.has_value()) band = {.low_tokens = *tokens, .high_tokens = *tokens};
    band->low_tokens = std::min(band->low_tokens, *tokens);
    band->high_tokens = std::max(band->high_tokens, *tokens);
  }
  return band;
}

std::vector<BatchAnswer> AllCriticalBatches(const BatchInputs& inputs) {
  std::vector<BatchAnswer> answers;
  for (const BatchRule rule : kAllBatchRules) {
    const std::optional<double> tokens = CriticalBatchTokens(rule, inputs);
    if (tokens.has_value()) answers.push_back({.rule = rule, .critical_batch_tokens = *tokens});
  }
  return answers;
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/kaplan.h"

#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "planner/laws/critical_batch.h"
#include "planner/units.h"

namespace rhumb {
namespace {

// Single-variable fits, Table 5.
constexpr double kAlphaN = 0.076, kNc = 8.8e13;
constexpr double kAlphaD = 0.095, kDc = 5.4e13;
constexpr double kAlphaC = 0.057, kCcPfDays = 1.6e7;
constexpr double kAlphaCMin = 0.050, kCcMinPfDays = 3.1e8;
constexpr double kAlphaB = 0.21, kBStar = 2.1e8;

// Joint fit of L(N, D), Table 2.
namespace table2 {
constexpr double kAlphaN = 0.076, kAlphaD = 0.103, kNc = 6.4e13, kDc = 1.8e13;
}  // namespace table2

// Joint fit of L(N, S_min), Table 3.
namespace table3 {
constexpr double kAlphaN = 0.077, kAlphaS = 0.76, kNc = 6.5e13, kSc = 2.1e3;
}  // namespace table3

double OrDefault(double value, double fallback) { return value > 0 ? value : fallback; }

}  // namespace

double KaplanParamCount(const KaplanShape& shape) {
  const double attention = OrDefault(shape.attention_size, shape.hidden_size);
  const double ffn = OrDefault(shape.ffn_size, 4 * shape.hidden_size);
  return 2 * shape.hidden_size * shape.num_layers * (2 * attention + ffn);
}

double KaplanForwardFlopsPerToken(const KaplanShape& shape, double sequence_length) {
  const double attention = OrDefault(shape.attention_size, shape.hidden_size);
  return 2 * KaplanParamCount(shape) + 2 * shape.num_layers * sequence_length * attention;
}

double KaplanTrainingFlopsPerToken(const KaplanShape& shape, double sequence_length) {
  return 3 * KaplanForwardFlopsPerToken(shape, sequence_length);
}

double FlopsToPfDays(double flops) { return flops / kPetaflopDayFlops; }

double PfDaysToFlops(double pf_days) { return pf_days * kPetaflopDayFlops; }

double KaplanLossOfParams(double param_count) { return std::pow(kNc / param_count, kAlphaN); }

double KaplanLossOfTokens(double token_count) { return std::pow(kDc / token_count, kAlphaD); }

double KaplanLossOfFlops(double training_flops) {
  return std::pow(kCcPfDays / FlopsToPfDays(training_flops), kAlphaC);
}

double KaplanLossOfMinFlops(double min_training_flops) {
  return std::pow(kCcMinPfDays / FlopsToPfDays(min_training_flops), kAlphaCMin);
}

double KaplanLossOfParamsAndTokens(double param_count, double token_count) {
  return std::pow(std::pow(table2::kNc / param_count, table2::kAlphaN / table2::kAlphaD) +
                      table2::kDc / token_count,
                  table2::kAlphaD);
}

double KaplanOverfitFraction(double param_count, double token_count) {
  const double share = std::pow(param_count / table2::kNc, table2::kAlphaN / table2::kAlphaD) *
                       table2::kDc / token_count;
  // expm1/log1p: with ample data the share is far below the precision of 1 + share.
  return std::expm1(table2::kAlphaD * std::log1p(share));
}

double KaplanTokensAgainstOverfit(double param_count) { return 5e3 * std::pow(param_count, 0.74); }

double KaplanLossOfParamsAndSteps(double param_count, double min_step_count) {
  return std::pow(table3::kNc / param_count, table3::kAlphaN) +
         std::pow(table3::kSc / min_step_count, table3::kAlphaS);
}

double KaplanEarlyStopStepBound(double param_count, double token_count) {
  const double gap =
      KaplanLossOfParamsAndTokens(param_count, token_count) -
      KaplanLossOfParamsAndTokens(param_count, std::numeric_limits<double>::infinity());
  return table3::kSc * std::pow(gap, -1 / table3::kAlphaS);
}

KaplanMinimum KaplanAdjustForBatch(double param_count, double step_count,
                                   double global_batch_tokens, double loss_nats) {
  const double critical = KaplanCriticalBatchTokens(loss_nats);
  const double flops = 6 * param_count * global_batch_tokens * step_count;
  return {.min_step_count = step_count / (1 + critical / global_batch_tokens),
          .training_flops = flops,
          .min_training_flops = flops / (1 + global_batch_tokens / critical)};
}

double KaplanLossRatioForDoubledBatch() { return std::pow(2, -kAlphaB); }

KaplanTable6 KaplanEfficientTrends(double min_training_flops) {
  const double c = FlopsToPfDays(min_training_flops);
  return {.param_count = 1.3e9 * std::pow(c, 0.73),
          .batch_tokens = 2.0e6 * std::pow(c, 0.24),
          .min_step_count = 5.4e3 * std::pow(c, 0.03),
          .token_count = 2e10 * std::pow(c, 0.27)};
}

double KaplanParamsAtCriticalBatch(double training_flops) {
  return KaplanEfficientTrends(training_flops / 2).param_count;
}

// eqs. (B.5)-(B.8).
KaplanFrontierConstants KaplanFrontier() {
  const double n = table3::kAlphaN, s = table3::kAlphaS;
  return {.loss_exponent = 1 / (1 / s + 1 / kAlphaB + 1 / n),
          .critical_flops = 6 * table3::kNc * kBStar * table3::kSc *
                            std::pow(1 + n / s, 1 / s + 1 / n) * std::pow(s / n, 1 / s),
          .excess_over_converged = n / s};
}

// eqs. (B.6), (B.9), (B.10).
KaplanFrontierPoint KaplanOptimumForMinFlops(double min_training_flops) {
  const double n = table3::kAlphaN, s = table3::kAlphaS;
  const KaplanFrontierConstants constants = KaplanFrontier();
  const double c = min_training_flops / constants.critical_flops;
  const double loss = std::pow(c, -constants.loss_exponent);
  return {.loss_nats = loss,
          .param_count =
              table3::kNc * std::pow(c, constants.loss_exponent / n) * std::pow(1 + n / s, 1 / n),
          .min_step_count = constants.critical_flops / (6 * table3::kNc * kBStar) *
                            std::pow(1 + n / s, -1 / n) * std::pow(c, constants.loss_exponent / s),
          .batch_tokens = KaplanCriticalBatchTokens(loss)};
}

KaplanStoppingRatios KaplanCompareStopping(double excess, double other_excess) {
  const double params = std::pow((1 + excess) / (1 + other_excess), 1 / table3::kAlphaN);
  const double steps = std::pow((1 + 1 / excess) / (1 + 1 / other_excess), 1 / table3::kAlphaS);
  return {.params = params, .steps = steps, .flops = params * steps};
}

std::optional<KaplanSizePenalty> KaplanWrongSize(double size_ratio) {
  const double q =
      1 + table3::kAlphaS / table3::kAlphaN * (1 - std::pow(size_ratio, -table3::kAlphaN));
  if (!(q > 0)) return std::nullopt;
  const double steps = std::pow(q, -1 / table3::kAlphaS);
  return KaplanSizePenalty{.flops_ratio = size_ratio * steps, .steps_ratio = steps};
}

absl::StatusOr<double> KaplanLearningRate(double param_count) {
  if (!(param_count < 1e10)) {
    return absl::OutOfRangeError(
        absl::StrFormat("param_count is %.6g; Kaplan's learning-rate rule holds below 1e10 "
                        "non-embedding parameters",
                        param_count));
  }
  return 0.003239 - 0.0001395 * std::log(param_count);
}

}  // namespace rhumb

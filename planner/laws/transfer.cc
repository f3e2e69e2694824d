// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/transfer.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr double kHarmlessCodeFraction = 0.5;
constexpr double kLargestMultiplier = 10;

absl::Status CheckIn(const char* field, double value, double low, double high, bool low_allowed) {
  if (std::isfinite(value) && value <= high && (low_allowed ? value >= low : value > low)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat("%s is %g; it must be in %c%g, %g]", field,
                                                    value, low_allowed ? '[' : '(', low, high));
}

}  // namespace

double HernandezDataMultiplier(const HernandezConstants& constants, double finetuning_characters,
                               double param_count) {
  return 1 + HernandezTransferredData(constants, finetuning_characters, param_count) /
                 finetuning_characters;
}

VocabBand TaoVocabSizes(double non_vocab_param_count, double hidden_size) {
  const double first = TaoVocabParamsByIsoFlop(non_vocab_param_count) / hidden_size;
  const double second = TaoVocabParamsByDerivative(non_vocab_param_count) / hidden_size;
  return {.low_size = std::min(first, second), .high_size = std::max(first, second)};
}

absl::StatusOr<UniqueTokenEstimate> EstimateUniqueTokens(const UniqueTokenSources& sources) {
  constexpr double kMostTokens = 1e30;
  RHUMB_RETURN_IF_ERROR(
      CheckIn("natural_token_count", sources.natural_token_count, 0, kMostTokens, true));
  RHUMB_RETURN_IF_ERROR(CheckIn("filter_keep_fraction", sources.filter_keep_fraction, 0, 1, false));
  RHUMB_RETURN_IF_ERROR(CheckIn("filter_quality_multiplier", sources.filter_quality_multiplier, 0,
                                kLargestMultiplier, false));
  RHUMB_RETURN_IF_ERROR(
      CheckIn("code_token_count", sources.code_token_count, 0, kMostTokens, true));
  RHUMB_RETURN_IF_ERROR(
      CheckIn("code_multiplier", sources.code_multiplier, 0, kLargestMultiplier, false));
  const double kept = sources.natural_token_count * sources.filter_keep_fraction;
  if (!(kept + sources.code_token_count > 0)) {
    return absl::InvalidArgumentError(
        "natural_token_count and code_token_count are both 0; one must be positive");
  }
  UniqueTokenEstimate estimate;
  estimate.unique_token_count =
      kept * sources.filter_quality_multiplier + sources.code_token_count * sources.code_multiplier;
  estimate.code_fraction = sources.code_token_count / (kept + sources.code_token_count);
  estimate.code_fraction_high = estimate.code_fraction > kHarmlessCodeFraction;
  return estimate;
}

}  // namespace rhumb

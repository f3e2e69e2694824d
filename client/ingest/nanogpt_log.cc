// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/nanogpt_log.h"

#include <cmath>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/ingest/log_text.h"

namespace rhumb::ingest {
namespace {

// The count of "iter 100:" or "step 250:"; nullopt if `line` holds none.
std::optional<int64_t> NumberedBy(absl::string_view line, absl::string_view word) {
  const std::optional<int64_t> count = CountBehind(line, word);
  if (!count.has_value() || !absl::StrContains(line, absl::StrCat(word, *count, ":"))) {
    return std::nullopt;
  }
  return count;
}

}  // namespace

absl::StatusOr<LineReading> NanoGptLog::Read(absl::string_view colored) {
  const std::string line = WithoutColors(colored);
  const std::optional<int64_t> batch = CountBehind(line, "tokens per iteration will be:");
  if (batch.has_value() && *batch > 0 && !given_.global_batch_tokens.has_value()) {
    facts_.global_batch_tokens = batch;
    return LineReading();
  }
  const bool is_training = absl::StrContains(line, ": loss ");
  const bool is_validation = absl::StrContains(line, "val loss ");
  const std::optional<int64_t> number =
      is_training ? NumberedBy(line, "iter ")
                  : (is_validation ? NumberedBy(line, "step ") : std::nullopt);
  if (!number.has_value()) {
    return is_training && absl::StrContains(line, "iter ")
               ? Unreadable("\"iter\" is not followed by a whole number and a colon")
               : LineReading();
  }
  if (!facts_.global_batch_tokens.has_value()) {
    return absl::InvalidArgumentError(
        "--batch-tokens must be given: the log does not say the tokens per iteration");
  }
  const int64_t step = is_training ? *number + 1 : *number;
  if (step > INT64_MAX / *facts_.global_batch_tokens) {
    return Unreadable("more tokens than can be counted");
  }
  LineReading reading;
  reading.sample.set_step(step);
  reading.sample.set_token_count(step * *facts_.global_batch_tokens);
  const std::optional<absl::Time> time = TimeIn(line, absl::LocalTimeZone());
  if (time.has_value()) SetTime(*time, reading.sample);
  if (!is_training) {
    reading.kind = LineKind::kValidation;
    const std::optional<double> loss = NumberBehind(line, "val loss ");
    if (!loss.has_value() || !std::isfinite(*loss) || *loss < 0) {
      return Unreadable("the validation loss is no number at or above 0");
    }
    reading.sample.set_validation_loss_nats(*loss);
    return reading;
  }
  reading.kind = LineKind::kTraining;
  const std::optional<double> loss = NumberBehind(line, "loss ");
  if (!loss.has_value()) return Unreadable("\"loss\" is not followed by a number");
  if (!SetLoss(*loss, reading.sample)) {
    return Unreadable(absl::StrCat("loss must not be negative, got ", *loss));
  }
  const std::optional<double> milliseconds = NumberBehind(line, "time ");
  if (milliseconds.has_value() && std::isfinite(*milliseconds) && *milliseconds > 0) {
    reading.sample.set_step_seconds(*milliseconds / 1000);
    reading.sample.set_tokens_per_second(static_cast<double>(*facts_.global_batch_tokens) /
                                         reading.sample.step_seconds());
  }
  return reading;
}

}  // namespace rhumb::ingest

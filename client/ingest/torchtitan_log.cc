// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/torchtitan_log.h"

#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/ingest/log_text.h"

namespace rhumb::ingest {
namespace {

constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;

// "[rank0]" of "[rank0]:[titan] ...", as torchrun puts before the lines of a rank; empty without.
std::string RankOf(absl::string_view line) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(line);
  if (!absl::StartsWith(text, "[rank")) return "";
  const size_t end = text.find(']');
  return end == absl::string_view::npos ? "" : std::string(text.substr(0, end + 1));
}

}  // namespace

void TorchtitanLog::LearnBatch(absl::string_view line) {
  const std::optional<int64_t> batch = CountBehind(line, "global batch size");
  const std::optional<int64_t> length = CountBehind(line, "sequence length");
  if (length.has_value() && *length > 0 && !given_.sequence_length.has_value()) {
    facts_.sequence_length = length;
  }
  if (batch.has_value() && *batch > 0 && facts_.sequence_length.has_value() &&
      !given_.global_batch_tokens.has_value() && *batch < INT64_MAX / *facts_.sequence_length) {
    facts_.global_batch_tokens = *batch * *facts_.sequence_length;
  }
  total_steps_ = CountBehind(line, "total steps");
  if (total_steps_.value_or(0) > 0 && facts_.global_batch_tokens.has_value() &&
      !given_.target_token_count.has_value() &&
      *total_steps_ < INT64_MAX / *facts_.global_batch_tokens) {
    facts_.target_token_count = *total_steps_ * *facts_.global_batch_tokens;
  }
}

LineReading TorchtitanLog::ReadStep(absl::string_view line, int64_t step,
                                    int64_t batch_tokens) const {
  LineReading reading;
  v1::RunSample& sample = reading.sample;
  sample.set_step(step);
  sample.set_token_count(step * batch_tokens);
  const std::optional<absl::Time> time = TimeIn(line, absl::LocalTimeZone());
  if (time.has_value()) SetTime(*time, sample);
  const std::optional<double> loss = NumberBehind(line, "loss:");
  if (!loss.has_value()) return Unreadable("\"loss:\" is not followed by a number");
  if (*loss == -1) return LineReading();
  if (absl::StrContains(line, "validate step:")) {
    if (!std::isfinite(*loss) || *loss < 0) {
      return Unreadable("the validation loss is no number at or above 0");
    }
    reading.kind = LineKind::kValidation;
    sample.set_validation_loss_nats(*loss);
    return reading;
  }
  reading.kind = LineKind::kTraining;
  if (!SetLoss(*loss, sample)) {
    return Unreadable(absl::StrCat("loss must not be negative, got ", *loss));
  }
  const std::optional<double> norm = NumberBehind(line, "grad_norm:");
  if (norm.has_value() && std::isfinite(*norm) && *norm >= 0) sample.set_gradient_norm(*norm);
  const std::optional<double> memory = NumberBehind(line, "memory:");
  if (memory.has_value() && *memory > 0 && *memory < 1e6) {
    sample.set_peak_memory_bytes(static_cast<int64_t>(std::llround(*memory * kGibibyte)));
  }
  std::optional<double> rate = NumberBehind(line, "tps:");
  if (!rate.has_value()) rate = NumberBehind(line, "wps:");
  if (rate.has_value() && std::isfinite(*rate) && *rate > 0 && facts_.gpu_count.has_value()) {
    sample.set_tokens_per_second(*rate * static_cast<double>(*facts_.gpu_count));
    sample.set_step_seconds(static_cast<double>(batch_tokens) / sample.tokens_per_second());
  }
  return reading;
}

absl::StatusOr<LineReading> TorchtitanLog::Read(absl::string_view colored) {
  const std::string line = WithoutColors(colored);
  if (absl::StrContains(line, "global batch size")) {
    LearnBatch(line);
    return LineReading();
  }
  const bool is_step = absl::StrContains(line, "step:") && absl::StrContains(line, "loss:");
  if (!is_step) return LineReading();
  const std::optional<int64_t> step = CountBehind(line, "step:");
  if (!step.has_value()) return Unreadable("\"step:\" is not followed by a whole number");
  if (!facts_.global_batch_tokens.has_value()) {
    return absl::InvalidArgumentError(
        "--batch-tokens must be given: the log does not say the tokens of a step");
  }
  if (*step > INT64_MAX / *facts_.global_batch_tokens) {
    return Unreadable("more tokens than can be counted");
  }
  const std::string rank = RankOf(line);
  if (rank_.has_value() && *rank_ != rank) return LineReading();
  const LineReading reading = ReadStep(line, *step, *facts_.global_batch_tokens);
  if (reading.kind == LineKind::kTraining && !rank_.has_value()) rank_ = rank;
  return reading;
}

}  // namespace rhumb::ingest

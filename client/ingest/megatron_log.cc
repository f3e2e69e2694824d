// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/megatron_log.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/ingest/log_text.h"

namespace rhumb::ingest {
namespace {

// report_memory() divides by 2^20 and calls that MB.
constexpr double kMegabyte = 1024.0 * 1024.0;

struct Iteration {
  int64_t step = 0;
  int64_t last_step = 0;  // --train-iters
};

// "iteration  1/  5000".
std::optional<Iteration> FindIteration(absl::string_view line) {
  constexpr absl::string_view kWord = "iteration ";
  for (size_t at = line.find(kWord); at != absl::string_view::npos; at = line.find(kWord, at + 1)) {
    const absl::string_view rest = line.substr(at + kWord.size());
    const size_t slash = rest.find('/');
    if (slash == absl::string_view::npos) return std::nullopt;
    Iteration iteration;
    const std::optional<int64_t> last = AsCount(LeadingNumber(rest.substr(slash + 1)));
    if (absl::SimpleAtoi(absl::StripAsciiWhitespace(rest.substr(0, slash)), &iteration.step) &&
        last.has_value()) {
      iteration.last_step = *last;
      return iteration;
    }
  }
  return std::nullopt;
}

// The value of "key: value" among the parts between bars; nullopt without one.
std::optional<double> PartValue(const std::vector<absl::string_view>& parts,
                                absl::string_view key) {
  for (absl::string_view part : parts) {
    part = absl::StripAsciiWhitespace(part);
    if (absl::StartsWith(part, key) && part.size() > key.size() && part[key.size()] == ':') {
      return LeadingNumber(part.substr(key.size() + 1));
    }
  }
  return std::nullopt;
}

// The number of "  NAME ......... 4096" in the dump of arguments.
std::optional<int64_t> DumpedArgument(absl::string_view line, absl::string_view name) {
  const std::string key = absl::StrCat(" ", name, " .");
  const size_t at = line.find(key);
  if (at == absl::string_view::npos) return std::nullopt;
  const size_t value = line.find_first_not_of(". ", at + key.size());
  if (value == absl::string_view::npos) return std::nullopt;
  return AsCount(LeadingNumber(line.substr(value)));
}

}  // namespace

void MegatronLog::LearnArgument(absl::string_view line) {
  const std::optional<int64_t> length = DumpedArgument(line, "seq_length");
  if (length.has_value() && *length > 0 && !given_.sequence_length.has_value()) {
    facts_.sequence_length = length;
  }
  const std::optional<int64_t> world = DumpedArgument(line, "world_size");
  if (world.has_value() && *world > 0 && !given_.gpu_count.has_value()) facts_.gpu_count = world;
}

LineReading MegatronLog::ReadValidation(absl::string_view line) const {
  const std::optional<int64_t> step = CountBehind(line, "iteration ");
  const std::optional<double> loss = NumberBehind(line, "lm loss value:");
  if (!step.has_value() || !loss.has_value()) return LineReading();
  // At the end the loss "on validation set" and "on test set" is printed too: the latter is of
  // other text.
  if (absl::StrContains(line, "test set")) return LineReading();
  if (!std::isfinite(*loss) || *loss < 0) {
    return Unreadable("the validation loss is no number at or above 0");
  }
  LineReading reading;
  reading.kind = LineKind::kValidation;
  reading.sample.set_step(*step);
  if (*step == last_step_) {
    reading.sample.set_token_count(last_token_count_);
  } else if (facts_.global_batch_tokens.has_value() || tokens_per_step_.has_value()) {
    reading.sample.set_token_count(*step * (facts_.global_batch_tokens.has_value()
                                                ? *facts_.global_batch_tokens
                                                : *tokens_per_step_));
  } else {
    return LineReading();  // before the first step, of which nothing is known
  }
  reading.sample.set_validation_loss_nats(*loss);
  return reading;
}

absl::StatusOr<LineReading> MegatronLog::ReadTraining(absl::string_view line, int64_t step,
                                                      int64_t last_step) {
  const std::vector<absl::string_view> parts = absl::StrSplit(line, '|');
  const std::optional<double> batch = PartValue(parts, "global batch size");
  tokens_per_step_ = facts_.global_batch_tokens;
  if (facts_.sequence_length.has_value() && AsCount(batch).has_value()) {
    tokens_per_step_ = *AsCount(batch) * *facts_.sequence_length;
  }
  const std::optional<int64_t> samples = AsCount(PartValue(parts, "consumed samples"));
  const std::optional<int64_t> tokens = AsCount(PartValue(parts, "consumed tokens"));
  LineReading reading;
  reading.kind = LineKind::kTraining;
  v1::RunSample& sample = reading.sample;
  sample.set_step(step);
  if (tokens.has_value()) {
    sample.set_token_count(*tokens);
  } else if (samples.has_value() && facts_.sequence_length.has_value()) {
    if (*facts_.sequence_length > 0 && *samples > INT64_MAX / *facts_.sequence_length) {
      return Unreadable("more tokens than can be counted");
    }
    sample.set_token_count(*samples * *facts_.sequence_length);
  } else if (facts_.global_batch_tokens.has_value()) {
    sample.set_token_count(step * *facts_.global_batch_tokens);
  } else {
    return absl::InvalidArgumentError(
        samples.has_value()
            ? "--sequence-length must be given: the log counts samples and does not say their "
              "length"
            : "--batch-tokens must be given: the log counts iterations alone");
  }
  const std::optional<double> loss = PartValue(parts, "lm loss");
  if (loss.has_value() && !SetLoss(*loss, sample)) {
    return Unreadable(absl::StrCat("lm loss must not be negative, got ", *loss));
  }
  if (PartValue(parts, "number of nan iterations").value_or(0) > 0) {
    sample.set_loss_not_finite(true);
  }
  const std::optional<double> milliseconds = PartValue(parts, "elapsed time per iteration (ms)");
  if (milliseconds.has_value()) {
    if (!std::isfinite(*milliseconds) || *milliseconds <= 0) {
      return Unreadable(
          absl::StrCat("elapsed time per iteration must be positive, got ", *milliseconds));
    }
    sample.set_step_seconds(*milliseconds / 1000);
    if (tokens_per_step_.has_value()) {
      sample.set_tokens_per_second(static_cast<double>(*tokens_per_step_) / sample.step_seconds());
    }
  }
  const std::optional<double> rate = PartValue(parts, "learning rate");
  if (rate.has_value() && std::isfinite(*rate) && *rate >= 0) sample.set_learning_rate(*rate);
  const std::optional<double> norm = PartValue(parts, "grad norm");
  if (norm.has_value() && std::isfinite(*norm) && *norm >= 0) sample.set_gradient_norm(*norm);
  if (peak_memory_bytes_.has_value()) sample.set_peak_memory_bytes(*peak_memory_bytes_);
  const std::optional<absl::Time> time =
      TimeIn(line.substr(0, line.find("iteration ")), absl::LocalTimeZone());
  if (time.has_value()) SetTime(*time, sample);
  // The batch may grow in the beginning (--rampup-batch-size): then the last one tells no target.
  if (!facts_.target_token_count.has_value() && tokens_per_step_.has_value() && last_step > 0 &&
      sample.token_count() == step * *tokens_per_step_ &&
      last_step <= INT64_MAX / std::max<int64_t>(*tokens_per_step_, 1)) {
    facts_.target_token_count = last_step * *tokens_per_step_;
  }
  last_step_ = step;
  last_token_count_ = sample.token_count();
  return reading;
}

absl::StatusOr<LineReading> MegatronLog::Read(absl::string_view colored) {
  const std::string line = WithoutColors(colored);
  const bool is_training = absl::StrContains(line, "elapsed time per iteration") ||
                           absl::StrContains(line, "consumed samples");
  if (is_training && absl::StrContains(line, "iteration ")) {
    const std::optional<Iteration> iteration = FindIteration(line);
    if (!iteration.has_value()) {
      return Unreadable("\"iteration\" is not followed by NUMBER/NUMBER");
    }
    return ReadTraining(line, iteration->step, iteration->last_step);
  }
  if (absl::StrContains(line, "validation loss at iteration ")) return ReadValidation(line);
  if (absl::StrContains(line, "memory (MB)")) {
    const std::optional<double> peak = NumberBehind(line, "max allocated:");
    if (peak.has_value() && *peak > 0 && *peak < 1e9) {
      peak_memory_bytes_ = std::max(peak_memory_bytes_.value_or(0),
                                    static_cast<int64_t>(std::llround(*peak * kMegabyte)));
    }
    return LineReading();
  }
  LearnArgument(line);
  return LineReading();
}

}  // namespace rhumb::ingest

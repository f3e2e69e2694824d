// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/log_text.h"

#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace rhumb::ingest {
namespace {

// Whole numbers beyond are not exact in a double.
constexpr double kMaxCount = 0x1p53;

bool IsNumberLetter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '+' || c == '-' ||
         c == ',';
}

bool IsWordLetter(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

}  // namespace

std::string WithoutColors(absl::string_view line) {
  std::string text;
  text.reserve(line.size());
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b' && i + 1 < line.size() && line[i + 1] == '[') {
      i += 2;
      while (i < line.size() && !absl::ascii_isalpha(static_cast<unsigned char>(line[i]))) ++i;
      continue;
    }
    text += line[i];
  }
  return text;
}

std::optional<double> LeadingNumber(absl::string_view text) {
  size_t begin = 0;
  while (begin < text.size() && (text[begin] == ' ' || text[begin] == '\t')) ++begin;
  std::string digits;
  for (size_t i = begin; i < text.size() && IsNumberLetter(text[i]); ++i) {
    if (text[i] != ',') digits += text[i];
  }
  // "1.21GiB", "123.45ms": as far as it is a number.
  for (; !digits.empty(); digits.pop_back()) {
    double value = 0;
    if (absl::SimpleAtod(digits, &value)) return value;
  }
  return std::nullopt;
}

std::optional<double> NumberBehind(absl::string_view line, absl::string_view key) {
  for (size_t at = line.find(key); at != absl::string_view::npos; at = line.find(key, at + 1)) {
    if (at > 0 && IsWordLetter(line[at - 1])) continue;
    return LeadingNumber(line.substr(at + key.size()));
  }
  return std::nullopt;
}

std::optional<int64_t> AsCount(std::optional<double> value) {
  if (!value.has_value() || !(*value >= 0) || *value > kMaxCount || *value != std::floor(*value)) {
    return std::nullopt;
  }
  return static_cast<int64_t>(*value);
}

std::optional<int64_t> CountBehind(absl::string_view line, absl::string_view key) {
  return AsCount(NumberBehind(line, key));
}

std::optional<absl::Time> TimeIn(absl::string_view line, absl::TimeZone zone) {
  constexpr size_t kLength = 19;  // of "2025-08-01 07:19:37"
  for (size_t at = 0; at + kLength <= line.size(); ++at) {
    if (line[at + 4] != '-' || line[at + 7] != '-' || line[at + 13] != ':' ||
        line[at + 16] != ':' || !absl::ascii_isdigit(static_cast<unsigned char>(line[at]))) {
      continue;
    }
    std::string text(line.substr(at, kLength));
    text[10] = ' ';  // or T
    absl::Time time;
    std::string error;
    if (!absl::ParseTime("%Y-%m-%d %H:%M:%S", text, zone, &time, &error)) continue;
    // Python's logging writes ",123", others ".123".
    const absl::string_view rest = line.substr(at + kLength);
    double thousandths = 0;
    if (rest.size() >= 4 && (rest[0] == ',' || rest[0] == '.') &&
        absl::SimpleAtod(rest.substr(1, 3), &thousandths) && thousandths >= 0) {
      time += absl::Milliseconds(thousandths);
    }
    return time;
  }
  return std::nullopt;
}

void SetTime(absl::Time time, v1::RunSample& sample) {
  const int64_t nanos = absl::ToUnixNanos(time);
  int64_t seconds = nanos / 1'000'000'000;
  int64_t rest = nanos % 1'000'000'000;
  if (rest < 0) {
    rest += 1'000'000'000;
    --seconds;
  }
  sample.mutable_sample_time()->set_seconds(seconds);
  sample.mutable_sample_time()->set_nanos(static_cast<int32_t>(rest));
}

bool SetLoss(double loss, v1::RunSample& sample) {
  if (!std::isfinite(loss)) {
    sample.set_loss_not_finite(true);
    return true;
  }
  if (loss < 0) return false;
  sample.set_loss_nats(loss);
  return true;
}

LineReading Unreadable(std::string reason) {
  LineReading reading;
  reading.kind = LineKind::kUnreadable;
  reading.reason = std::move(reason);
  return reading;
}

}  // namespace rhumb::ingest

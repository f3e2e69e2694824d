// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/log_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/ingest/csv_log.h"
#include "client/ingest/megatron_log.h"
#include "client/ingest/nanogpt_log.h"
#include "client/ingest/torchtitan_log.h"

namespace rhumb::ingest {
namespace {

// FNV-1a, 64 bits: tells logs apart, guards nothing.
constexpr uint64_t kFnvOffset = 0xcbf29ce484222325;
constexpr uint64_t kFnvPrime = 0x100000001b3;

uint64_t Hashed(uint64_t hash, absl::string_view text) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= kFnvPrime;
  }
  return hash;
}

}  // namespace

std::string FormatName(LogFormat format) {
  switch (format) {
    case LogFormat::kMegatron:
      return "megatron";
    case LogFormat::kNanoGpt:
      return "nanogpt";
    case LogFormat::kTorchtitan:
      return "torchtitan";
    case LogFormat::kCsv:
      return "csv";
  }
  return "";
}

std::string Fingerprint(absl::string_view text) {
  return absl::StrFormat("%016x", Hashed(kFnvOffset, text));
}

LogParser::LogParser(const LogFacts& given, const LogFacts& assumed)
    : given_(given), facts_(given) {
  if (!facts_.sequence_length.has_value()) facts_.sequence_length = assumed.sequence_length;
  if (!facts_.global_batch_tokens.has_value()) {
    facts_.global_batch_tokens = assumed.global_batch_tokens;
  }
  if (!facts_.gpu_count.has_value()) facts_.gpu_count = assumed.gpu_count;
  if (!facts_.target_token_count.has_value()) {
    facts_.target_token_count = assumed.target_token_count;
  }
}

std::unique_ptr<LogParser> MakeLogParser(LogFormat format, const LogFacts& given,
                                         const LogFacts& assumed) {
  switch (format) {
    case LogFormat::kMegatron:
      return std::make_unique<MegatronLog>(given, assumed);
    case LogFormat::kNanoGpt:
      return std::make_unique<NanoGptLog>(given, assumed);
    case LogFormat::kTorchtitan:
      return std::make_unique<TorchtitanLog>(given, assumed);
    case LogFormat::kCsv:
      return std::make_unique<CsvLog>(given, assumed);
  }
  return nullptr;
}

LogReader::LogReader(LogFormat format, const LogFacts& given, const LogFacts& assumed)
    : format_(format), parser_(MakeLogParser(format, given, assumed)), hash_(kFnvOffset) {}

absl::Status LogReader::Feed(absl::string_view line) {
  ++line_;
  if (fingerprint_.empty()) hash_ = Hashed(Hashed(hash_, line), "\n");
  absl::StatusOr<LineReading> reading = parser_->Read(line);
  if (!reading.ok()) {
    return absl::Status(reading.status().code(),
                        absl::StrCat("line ", line_, ": ", reading.status().message()));
  }
  if (reading->kind == LineKind::kUnreadable) {
    ++unreadable_count_;
    if (unreadable_.size() < kDescribedLines) unreadable_.push_back({line_, reading->reason});
  } else if (reading->kind != LineKind::kOther) {
    Add(*std::move(reading));
  }
  return absl::OkStatus();
}

void LogReader::Add(LineReading reading) {
  v1::RunSample& sample = reading.sample;
  if (fingerprint_.empty()) fingerprint_ = absl::StrFormat("%016x", hash_);
  const bool is_training = reading.kind == LineKind::kTraining;
  const bool has_steps = sample.step() > 0 || last_step_ > 0;
  const int64_t here = has_steps ? sample.step() : sample.token_count();
  const int64_t before = has_steps ? last_step_ : last_token_count_;
  // A validation stands at the step of the training sample before it.
  const bool begins_anew =
      attempt_number_ == 0 || here < before || (is_training && here == before && before > 0);
  if (begins_anew) {
    ++attempt_number_;
    last_step_ = last_token_count_ = 0;
  }
  if (begins_anew || pending_.empty()) {
    pending_.push_back(
        {absl::StrCat(FormatName(format_), "-", fingerprint_, "-", attempt_number_), {}});
  }
  if (is_training) {
    last_step_ = sample.step();
    last_token_count_ = sample.token_count();
  }
  sample.set_sequence(line_);
  pending_.back().samples.push_back(std::move(sample));
  ++sample_count_;
  ++pending_count_;
}

std::vector<AttemptSamples> LogReader::Take() {
  pending_count_ = 0;
  return std::exchange(pending_, {});
}

}  // namespace rhumb::ingest

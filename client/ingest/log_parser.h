// SPDX-License-Identifier: Apache-2.0
// What one format of training logs makes of one line.
#ifndef RHUMB_CLIENT_INGEST_LOG_PARSER_H_
#define RHUMB_CLIENT_INGEST_LOG_PARSER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rhumb/v1/run_progress.pb.h"

namespace rhumb::ingest {

enum class LogFormat { kMegatron, kNanoGpt, kTorchtitan, kCsv };

// "megatron", "nanogpt", "torchtitan", "csv".
std::string FormatName(LogFormat format);

// What a log may not say of itself.
struct LogFacts {
  std::optional<int64_t> sequence_length;      // tokens
  std::optional<int64_t> global_batch_tokens;  // per optimizer step
  std::optional<int64_t> gpu_count;
  std::optional<int64_t> target_token_count;  // where the run is to end
};

enum class LineKind {
  kOther,       // nothing about progress
  kTraining,    // a training sample
  kValidation,  // a sample of a validation loss alone
  kUnreadable,  // a training line with something wrong
};

struct LineReading {
  LineKind kind = LineKind::kOther;
  v1::RunSample sample = {};  // without sequence; without sample_time where the line has none
  std::string reason = {};    // of kUnreadable: what is wrong
};

class LogParser {
 public:
  // `given` is what was said of the log, and wins over what it says itself; `assumed`, as of a
  // plan, counts where neither says anything.
  explicit LogParser(const LogFacts& given, const LogFacts& assumed = {});
  virtual ~LogParser() = default;

  // Lines come in order, without their line feed. INVALID_ARGUMENT if samples cannot be made of the
  // log at all, as without a fact that neither it nor anybody else stated.
  virtual absl::StatusOr<LineReading> Read(absl::string_view line) = 0;

  // What holds now: as given, as the log has said since, as assumed.
  const LogFacts& facts() const { return facts_; }

 protected:
  const LogFacts given_;
  LogFacts facts_;
};

std::unique_ptr<LogParser> MakeLogParser(LogFormat format, const LogFacts& given,
                                         const LogFacts& assumed = {});

}  // namespace rhumb::ingest

#endif  // RHUMB_CLIENT_INGEST_LOG_PARSER_H_

// SPDX-License-Identifier: Apache-2.0
// A training log, line by line, as samples of attempts that are the same whenever it is read.
#ifndef RHUMB_CLIENT_INGEST_LOG_READER_H_
#define RHUMB_CLIENT_INGEST_LOG_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/ingest/log_parser.h"

namespace rhumb::ingest {

struct UnreadableLine {
  int64_t line = 0;  // from 1
  std::string reason;
};

struct AttemptSamples {
  std::string attempt_id;
  std::vector<v1::RunSample> samples;
};

// At most this many unreadable lines are described; the others are counted.
inline constexpr int kDescribedLines = 20;

// 16 hexadecimal digits that tell texts apart (FNV-1a, 64 bits).
std::string Fingerprint(absl::string_view text);

// An attempt ends where steps (without steps, tokens) fall back or stand still: there the training
// went on from a checkpoint. Its id is the format, a hash of the log up to its first sample and a
// number; a sample's sequence is the number of its line. So a log that has only grown since gives
// the same samples again, which are stored once.
class LogReader {
 public:
  // Facts as of LogParser.
  LogReader(LogFormat format, const LogFacts& given, const LogFacts& assumed = {});

  // The next line, without its line feed. Errors as of LogParser::Read, behind "line 7: ".
  absl::Status Feed(absl::string_view line);

  // Samples since the last call, by attempt, in the order of the log.
  std::vector<AttemptSamples> Take();

  const LogFacts& facts() const { return parser_->facts(); }
  int64_t line_count() const { return line_; }
  int64_t sample_count() const { return sample_count_; }
  int64_t pending_count() const { return pending_count_; }  // what Take() would answer
  int64_t unreadable_count() const { return unreadable_count_; }
  const std::vector<UnreadableLine>& unreadable() const { return unreadable_; }
  // Of the log up to its first sample; 16 hexadecimal digits. Empty before one was read.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  void Add(LineReading reading);

  LogFormat format_;
  std::unique_ptr<LogParser> parser_;
  int64_t line_ = 0;
  int64_t sample_count_ = 0;
  int64_t pending_count_ = 0;
  int64_t unreadable_count_ = 0;
  std::vector<UnreadableLine> unreadable_;
  std::vector<AttemptSamples> pending_;
  uint64_t hash_;
  std::string fingerprint_;
  int64_t attempt_number_ = 0;
  int64_t last_step_ = 0;  // of a training sample of this attempt
  int64_t last_token_count_ = 0;
};

}  // namespace rhumb::ingest

#endif  // RHUMB_CLIENT_INGEST_LOG_READER_H_

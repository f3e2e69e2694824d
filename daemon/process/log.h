// SPDX-License-Identifier: Apache-2.0
// Structured log lines on stderr. Silent until InitLog, so that a command line that runs the
// services in-process says nothing.
#ifndef RHUMB_DAEMON_PROCESS_LOG_H_
#define RHUMB_DAEMON_PROCESS_LOG_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat { kLogfmt, kJson };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kLogfmt;
  // Prefix "<6>" and the like, read by systemd's journal.
  bool journal_prefix = false;
};

// "debug", "info", "warning", "error", "off"; "logfmt", "json". InvalidArgument lists what is
// allowed.
absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view text);
absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view text);

void InitLog(const LogOptions& options);
void SetLogLevel(LogLevel level);

using LogField = std::pair<absl::string_view, std::string>;

// One line: ts, level, msg, then `fields`. Callers never pass values bound to SQL statements.
// Thread-safe.
void Log(LogLevel level, absl::string_view message, const std::vector<LogField>& fields = {});

// Whether a line of this level would be written; spares building its fields.
bool LogEnabled(LogLevel level);

// The line without its end, as written for the time given; for tests.
std::string FormatLogLine(LogFormat format, LogLevel level, absl::string_view timestamp,
                          absl::string_view message, const std::vector<LogField>& fields);

}  // namespace rhumb

#endif  // RHUMB_DAEMON_PROCESS_LOG_H_

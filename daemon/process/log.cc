// SPDX-License-Identifier: Apache-2.0
#include "daemon/process/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace rhumb {
namespace {

struct LogState {
  std::atomic<LogLevel> level = LogLevel::kOff;
  std::atomic<LogFormat> format = LogFormat::kLogfmt;
  std::atomic<bool> journal_prefix = false;
  std::shared_ptr<spdlog::logger> logger;  // set once by the first InitLog, before threads start
  std::once_flag once;
};

// Leaked on purpose: detached threads of libraries may log while the process ends.
LogState& State() {
  static LogState* const state = new LogState;
  return *state;
}

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      return "off";
  }
  return "";
}

// Severities of syslog, which the journal reads.
const char* JournalPrefix(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "<7>";
    case LogLevel::kInfo:
      return "<6>";
    case LogLevel::kWarning:
      return "<4>";
    default:
      return "<3>";
  }
}

// A quoted string that is valid in JSON and in logfmt; control characters never reach a terminal.
std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += absl::StrFormat("\\u%04x", static_cast<unsigned>(byte));
    } else {
      out += c;
    }
  }
  return out + '"';
}

bool IsPlain(absl::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F) return false;
  }
  return !text.empty();
}

}  // namespace

absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view text) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError, LogLevel::kOff}) {
    if (text == LevelName(level)) return level;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("must be one of debug, info, warning, error, off, got \"", text, "\""));
}

absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view text) {
  if (text == "logfmt") return LogFormat::kLogfmt;
  if (text == "json") return LogFormat::kJson;
  return absl::InvalidArgumentError(absl::StrCat("must be logfmt or json, got \"", text, "\""));
}

void InitLog(const LogOptions& options) {
  LogState& state = State();
  std::call_once(state.once, [&state] {
    state.logger = std::make_shared<spdlog::logger>(
        "rhumbd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    state.logger->set_pattern("%v");
    state.logger->set_level(spdlog::level::trace);
    state.logger->flush_on(spdlog::level::trace);
  });
  state.format = options.format;
  state.journal_prefix = options.journal_prefix;
  state.level = options.level;
}

void SetLogLevel(LogLevel level) { State().level = level; }

bool LogEnabled(LogLevel level) { return level >= State().level.load(); }

std::string FormatLogLine(LogFormat format, LogLevel level, absl::string_view timestamp,
                          absl::string_view message, const std::vector<LogField>& fields) {
  if (format == LogFormat::kJson) {
    std::string line = absl::StrCat("{\"ts\":\"", timestamp, "\",\"level\":\"", LevelName(level),
                                    "\",\"msg\":", Quoted(message));
    for (const auto& [key, value] : fields)
      absl::StrAppend(&line, ",", Quoted(key), ":", Quoted(value));
    return line + '}';
  }
  std::string line =
      absl::StrCat("ts=", timestamp, " level=", LevelName(level), " msg=", Quoted(message));
  for (const auto& [key, value] : fields) {
    absl::StrAppend(&line, " ", key, "=", IsPlain(value) ? value : Quoted(value));
  }
  return line;
}

void Log(LogLevel level, absl::string_view message, const std::vector<LogField>& fields) {
  LogState& state = State();
  if (level < state.level.load() || state.logger == nullptr) return;
  const std::string now =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E9SZ", absl::Now(), absl::UTCTimeZone());
  const std::string line = FormatLogLine(state.format, level, now, message, fields);
  state.logger->log(spdlog::level::info, "{}{}", state.journal_prefix ? JournalPrefix(level) : "",
                    line);
}

}  // namespace rhumb

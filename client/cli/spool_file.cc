// SPDX-License-Identifier: Apache-2.0
#include "client/cli/spool_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"
#include "proto/json/json_reader.h"
#include "proto/json/json_tree.h"

namespace rhumb::cli {
namespace {

constexpr char kFormat[] = "1";

const JsonValue* Member(const JsonValue& object, absl::string_view key) {
  for (const auto& [name, value] : object.members) {
    if (name == key && value.kind != JsonValue::Kind::kNull) return &value;
  }
  return nullptr;
}

std::string TextMember(const JsonValue& object, absl::string_view key) {
  const JsonValue* value = Member(object, key);
  return value != nullptr && value->kind == JsonValue::Kind::kString ? value->text : "";
}

absl::Status ReadHeader(const JsonValue& record, SpoolContents& contents) {
  const JsonValue* format = Member(record, "format");
  if (format == nullptr || format->text != kFormat) {
    return absl::InvalidArgumentError(absl::StrCat("is no spool file of format ", kFormat));
  }
  contents.attempt_id = TextMember(record, "attempt_id");
  if (contents.attempt_id.empty()) return absl::InvalidArgumentError("has no attempt_id");
  if (const JsonValue* create = Member(record, "create")) {
    RHUMB_RETURN_IF_ERROR(ReadJsonValue(*create, "create", &contents.create.emplace()));
  }
  return absl::OkStatus();
}

absl::Status ReadRecord(const JsonValue& record, SpoolContents& contents) {
  const std::string run = TextMember(record, "run");
  if (!run.empty()) contents.run = run;
  if (const JsonValue* sample = Member(record, "sample")) {
    RHUMB_RETURN_IF_ERROR(ReadJsonValue(*sample, "sample", &contents.samples.emplace_back()));
  }
  if (const JsonValue* finish = Member(record, "finish")) {
    RHUMB_RETURN_IF_ERROR(ReadJsonValue(*finish, "finish", &contents.finish.emplace()));
  }
  return absl::OkStatus();
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::Status SystemError(const std::string& path, const char* what) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<SpoolContents> ParseSpool(absl::string_view text) {
  SpoolContents contents;
  int64_t line = 0;
  for (size_t end = text.find('\n'); end != absl::string_view::npos; end = text.find('\n')) {
    ++line;
    const absl::StatusOr<JsonValue> record = ParseJsonTree(text.substr(0, end));
    text.remove_prefix(end + 1);
    absl::Status status = record.status();
    if (status.ok() && record->kind != JsonValue::Kind::kObject) {
      status = absl::InvalidArgumentError("is no object");
    }
    if (status.ok() && line == 1) status = ReadHeader(*record, contents);
    if (status.ok()) status = ReadRecord(*record, contents);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", status.message()));
    }
  }
  if (line == 0) return absl::NotFoundError("says nothing");
  return contents;
}

absl::StatusOr<SpoolFile> SpoolFile::Open(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0 && errno == ENOENT) return absl::NotFoundError(absl::StrCat("no ", path));
  if (descriptor < 0) return SystemError(path, "open");
  SpoolFile file(path, descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? absl::UnavailableError("its process is alive")
                                : SystemError(path, "lock");
  }
  // Its process may have told it all and removed it meanwhile, and made it anew.
  struct stat held = {};
  struct stat found = {};
  if (fstat(descriptor, &held) != 0) return SystemError(path, "examine");
  const bool is_there = stat(path.c_str(), &found) == 0;
  if (!is_there || found.st_dev != held.st_dev || found.st_ino != held.st_ino) {
    return absl::UnavailableError("its process is alive");
  }
  return file;
}

SpoolFile::SpoolFile(SpoolFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

SpoolFile::~SpoolFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::StatusOr<std::string> SpoolFile::Read() const {
  std::string text;
  char chunk[1 << 16];
  for (off_t offset = 0;;) {
    const ssize_t count = pread(descriptor_, chunk, sizeof chunk, offset);
    if (count < 0) return SystemError(path_, "read");
    if (count == 0) return text;
    text.append(chunk, static_cast<size_t>(count));
    offset += count;
  }
}

absl::Status SpoolFile::NameRun(const std::string& run) const {
  RHUMB_ASSIGN_OR_RETURN(const std::string text, Read());
  const off_t whole = static_cast<off_t>(text.rfind('\n') + 1);
  const std::string line = absl::StrCat("{\"run\":", QuoteJson(run), "}\n");
  if (ftruncate(descriptor_, whole) != 0 ||
      pwrite(descriptor_, line.data(), line.size(), whole) != static_cast<ssize_t>(line.size()) ||
      fsync(descriptor_) != 0) {
    return SystemError(path_, "write");
  }
  return absl::OkStatus();
}

absl::Status SpoolFile::Remove() const {
  return unlink(path_.c_str()) == 0 || errno == ENOENT ? absl::OkStatus()
                                                       : SystemError(path_, "remove");
}

std::string SpoolFolder() {
  if (const std::string given = Variable("RHUMB_SPOOL_DIR"); !given.empty()) return given;
  if (const std::string state = Variable("XDG_STATE_HOME"); !state.empty() && state[0] == '/') {
    return absl::StrCat(state, "/rhumb/spool");
  }
  if (const std::string home = Variable("HOME"); !home.empty() && home[0] == '/') {
    return absl::StrCat(home, "/.local/state/rhumb/spool");
  }
  return ".rhumb-spool";
}

}  // namespace rhumb::cli

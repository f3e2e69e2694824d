// SPDX-License-Identifier: Apache-2.0
// Files in which launchers keep what they could not tell: format 1 of the Python package.
#ifndef RHUMB_CLIENT_CLI_SPOOL_FILE_H_
#define RHUMB_CLIENT_CLI_SPOOL_FILE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rhumb/v1/run_progress.pb.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {

// The ending of their names.
inline constexpr char kSpoolSuffix[] = ".ndjson";

// What a spool file says. A line of JSON each: first the header, {"format": 1, "attempt_id", "run"
// or "create": CreateRunRequest}, then in any order {"run": name} once it is known, {"sample":
// RunSample} and {"finish": {"state", "end_time"}}.
struct SpoolContents {
  std::string attempt_id;
  std::string run;  // empty: not created yet
  std::optional<v1::CreateRunRequest> create;
  std::optional<v1::FinishRunRequest> finish;
  std::vector<v1::RunSample> samples;
};

// `text` without its last line if that is cut off. INVALID_ARGUMENT, with the line's number, for a
// header that is none and for lines that cannot be read. A text without any whole line says
// nothing: NOT_FOUND.
absl::StatusOr<SpoolContents> ParseSpool(absl::string_view text);

// A file that no living process writes to: locked for as long as this lives.
class SpoolFile {
 public:
  // UNAVAILABLE while its process lives, which may have removed it meanwhile; NOT_FOUND if it is
  // gone; FAILED_PRECONDITION if it cannot be opened.
  static absl::StatusOr<SpoolFile> Open(const std::string& path);
  ~SpoolFile();
  SpoolFile(SpoolFile&& other) noexcept;
  SpoolFile& operator=(SpoolFile&&) = delete;

  absl::StatusOr<std::string> Read() const;
  // Writes, behind the last whole line, which run it is of. Durable when it returns.
  absl::Status NameRun(const std::string& run) const;
  absl::Status Remove() const;

 private:
  SpoolFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  std::string path_;
  int descriptor_;
};

// Where launchers keep such files: $RHUMB_SPOOL_DIR, else rhumb/spool in $XDG_STATE_HOME or
// ~/.local/state, else .rhumb-spool here.
std::string SpoolFolder();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_SPOOL_FILE_H_

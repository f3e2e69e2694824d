// SPDX-License-Identifier: Apache-2.0
// Lines of a file, a pipe or standard input as they come, also of a file that still grows.
#ifndef RHUMB_CLIENT_CLI_LINE_SOURCE_H_
#define RHUMB_CLIENT_CLI_LINE_SOURCE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rhumb::cli {

class LineSource {
 public:
  enum class State {
    kLine,
    kPending,  // nothing now
    kEnd,
  };
  struct Next {
    State state = State::kEnd;
    std::string line;  // of kLine: without line feed and carriage return
  };

  // `path` "-" is standard input. With `follow` a file has no end. INVALID_ARGUMENT if it cannot be
  // opened or is a folder.
  static absl::StatusOr<LineSource> Open(const std::string& path, bool follow);
  ~LineSource();
  LineSource(LineSource&& other) noexcept;
  LineSource& operator=(LineSource&&) = delete;

  // The next line; waits for `patience` at most where none is there. A line beyond 1 MiB is cut. A
  // last line without a line feed is one at the end, and not yet one while the file is followed.
  // FAILED_PRECONDITION if the file cannot be read, or became shorter.
  absl::StatusOr<Next> Read(absl::Duration patience);

  bool is_file() const { return is_file_; }                // as opposed to a pipe or a terminal
  absl::Time modify_time() const { return modify_time_; }  // of a file, when it was opened
  // Of a file's size when it was opened.
  double read_fraction() const;

 private:
  LineSource(int descriptor, bool follow) : descriptor_(descriptor), follow_(follow) {}
  absl::StatusOr<bool> Fill(absl::Duration patience);

  int descriptor_;
  bool follow_;
  bool is_file_ = false;
  bool at_end_ = false;
  absl::Time modify_time_;
  int64_t size_ = 0;
  int64_t offset_ = 0;  // bytes read
  std::string buffer_;
  size_t begin_ = 0;     // of what is not yet given, in buffer_
  bool is_cut_ = false;  // the rest of a line that is too long is passed over
};

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LINE_SOURCE_H_

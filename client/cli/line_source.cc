// SPDX-License-Identifier: Apache-2.0
#include "client/cli/line_source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

constexpr size_t kChunkBytes = 1 << 16;
constexpr size_t kMaxLineBytes = 1 << 20;

}  // namespace

absl::StatusOr<LineSource> LineSource::Open(const std::string& path, bool follow) {
  const int descriptor = path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot open ", path, ": ", std::strerror(errno)));
  }
  LineSource source(descriptor, follow);
  struct stat facts = {};
  if (fstat(descriptor, &facts) != 0 || S_ISDIR(facts.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a folder"));
  }
  source.is_file_ = S_ISREG(facts.st_mode);
  source.size_ = facts.st_size;
  source.modify_time_ = absl::TimeFromTimespec(facts.st_mtim);
  return source;
}

LineSource::LineSource(LineSource&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      follow_(other.follow_),
      is_file_(other.is_file_),
      at_end_(other.at_end_),
      modify_time_(other.modify_time_),
      size_(other.size_),
      offset_(other.offset_),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      is_cut_(other.is_cut_) {}

LineSource::~LineSource() {
  if (descriptor_ >= 0) close(descriptor_);
}

double LineSource::read_fraction() const {
  return size_ > 0 ? std::min(1.0, static_cast<double>(offset_) / static_cast<double>(size_)) : 0;
}

// Whether something came.
absl::StatusOr<bool> LineSource::Fill(absl::Duration patience) {
  if (!is_file_) {
    pollfd waiting = {.fd = descriptor_, .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(patience)));
    if (ready == 0 || (ready < 0 && errno == EINTR)) return false;
  }
  buffer_.erase(0, begin_);
  begin_ = 0;
  const size_t before = buffer_.size();
  buffer_.resize(before + kChunkBytes);
  const ssize_t count = read(descriptor_, buffer_.data() + before, kChunkBytes);
  buffer_.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0) {
    if (errno == EINTR || errno == EAGAIN) return false;
    return absl::FailedPreconditionError(absl::StrCat("cannot read: ", std::strerror(errno)));
  }
  offset_ += count;
  if (count > 0) return true;
  if (!follow_ || !is_file_) {
    at_end_ = true;
    return false;
  }
  struct stat facts = {};
  if (fstat(descriptor_, &facts) == 0 && facts.st_size < offset_) {
    return absl::FailedPreconditionError("the file became shorter while it was followed");
  }
  absl::SleepFor(patience);
  return false;
}

absl::StatusOr<LineSource::Next> LineSource::Read(absl::Duration patience) {
  const absl::Time give_up = absl::Now() + patience;
  for (;;) {
    const size_t end = buffer_.find('\n', begin_);
    const bool is_last = end == std::string::npos && at_end_ && begin_ < buffer_.size();
    const bool is_long = end == std::string::npos && buffer_.size() - begin_ > kMaxLineBytes;
    if (end != std::string::npos || is_last || is_long) {
      const size_t stop = end != std::string::npos ? end : buffer_.size();
      Next next = {.state = State::kLine, .line = buffer_.substr(begin_, stop - begin_)};
      begin_ = std::min(stop + 1, buffer_.size());
      const bool is_rest = std::exchange(is_cut_, is_long);
      if (is_rest) continue;  // behind a line that was given already
      if (!next.line.empty() && next.line.back() == '\r') next.line.pop_back();
      return next;
    }
    if (at_end_) return Next{.state = State::kEnd, .line = ""};
    RHUMB_ASSIGN_OR_RETURN(const bool has_more,
                           Fill(std::max(give_up - absl::Now(), absl::ZeroDuration())));
    if (!has_more && !at_end_ && absl::Now() >= give_up) {
      return Next{.state = State::kPending, .line = ""};
    }
  }
}

}  // namespace rhumb::cli

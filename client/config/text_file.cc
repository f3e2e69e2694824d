// SPDX-License-Identifier: Apache-2.0
#include "client/config/text_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace rhumb {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPieceBytes = 1 << 16;

// Whether there is something to read, or the end, before `deadline`. Asked by the clock first: what
// trickles in is always ready.
absl::StatusOr<bool> IsReadyBefore(int fd, const std::optional<Clock::time_point>& deadline) {
  while (true) {
    int wait_ms = -1;
    if (deadline.has_value()) {
      const double left =
          std::chrono::duration<double, std::milli>(*deadline - Clock::now()).count();
      if (left <= 0) return false;
      wait_ms = static_cast<int>(std::ceil(std::min(left, 1e9)));
    }
    pollfd ready = {.fd = fd, .events = POLLIN, .revents = 0};
    const int count = poll(&ready, 1, wait_ms);
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "poll");
  }
}

// `name` is for messages.
absl::StatusOr<std::string> ReadAll(int fd, const std::string& name, const TextLimits& limits) {
  struct stat about = {};
  if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("cannot read ", name, ": it is a directory"));
  }
  std::optional<Clock::time_point> deadline;
  // Beyond the clock's range is for ever.
  if (limits.timeout_seconds.value_or(1e10) < 1e9) {
    deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                  std::chrono::duration<double>(*limits.timeout_seconds));
  }
  std::string text;
  while (true) {
    if (!S_ISREG(about.st_mode)) {
      const absl::StatusOr<bool> ready = IsReadyBefore(fd, deadline);
      if (!ready.ok()) return ready.status();
      if (!*ready) return absl::DeadlineExceededError(absl::StrCat(name, " has not ended"));
    }
    const size_t size = text.size();
    text.resize(size + kPieceBytes);
    const ssize_t count = read(fd, text.data() + size, kPieceBytes);
    text.resize(size + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return text;
    if (count < 0 && errno != EINTR && errno != EAGAIN) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot read ", name, ": ", std::strerror(errno)));
    }
    if (text.size() > limits.max_bytes) {
      return absl::FailedPreconditionError(
          absl::StrCat(name, " is larger than ", limits.max_bytes, " bytes"));
    }
  }
}

}  // namespace

absl::StatusOr<std::string> ReadTextFile(absl::string_view path, const TextLimits& limits) {
  const std::string name(path);
  // Opening does not block, so that only poll() waits: for a writer that never comes, too.
  const int fd = open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return absl::NotFoundError(absl::StrCat("no such file: ", name));
  if (fd < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot open ", name, ": ", std::strerror(errno)));
  }
  const absl::Cleanup closer = [fd] { close(fd); };
  return ReadAll(fd, name, limits);
}

absl::StatusOr<std::string> ReadStandardInput(const TextLimits& limits) {
  return ReadAll(STDIN_FILENO, "standard input", limits);
}

absl::StatusOr<std::string> ReadTextFileOrInput(const std::string& path, const TextLimits& limits) {
  return path == "-" ? ReadStandardInput(limits) : ReadTextFile(path, limits);
}

absl::Status CheckWritable(absl::string_view path) {
  namespace fs = std::filesystem;
  const fs::path file{std::string(path)};
  const auto refused = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("cannot write ", path, ": ", why));
  };
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (fs::is_directory(status)) return refused("it is a folder");
  if (fs::is_fifo(status)) return refused("it is a pipe");
  if (fs::exists(status)) {
    return access(file.c_str(), W_OK) == 0 ? absl::OkStatus() : refused("permission denied");
  }
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, error)) return refused("its folder does not exist");
  return access(folder.c_str(), W_OK) == 0 ? absl::OkStatus() : refused("permission denied");
}

}  // namespace rhumb

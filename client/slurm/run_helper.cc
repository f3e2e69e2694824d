// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/run_helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

extern char** environ;

namespace rhumb::slurm {
namespace {

using Clock = std::chrono::steady_clock;

// A pipe that is closed when it goes out of scope, and in programs that are started.
class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0) ends_[0] = ends_[1] = -1;
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    CloseWriting();
    if (ends_[0] >= 0) close(ends_[0]);
  }

  bool ok() const { return ends_[0] >= 0; }
  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void CloseWriting() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

// While it lives, ended children wait to be asked for their exit code, even where this process was
// started with SIGCHLD ignored.
class DefaultChildSignal {
 public:
  DefaultChildSignal() {
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &standard, &before_);
  }
  DefaultChildSignal(const DefaultChildSignal&) = delete;
  DefaultChildSignal& operator=(const DefaultChildSignal&) = delete;
  ~DefaultChildSignal() { sigaction(SIGCHLD, &before_, nullptr); }

 private:
  struct sigaction before_ = {};
};

int MillisecondsLeft(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

// Starts `program` writing to `out` and `err`; 0, or the errno.
int Start(const std::string& program, const std::vector<std::string>& arguments, const Pipe& out,
          const Pipe& err, pid_t& pid) {
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out.writing(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err.writing(), STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, standard;
  sigemptyset(&none);
  sigemptyset(&standard);
  for (const int signal : {SIGPIPE, SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&standard, signal);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &standard);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const int error = posix_spawn(&pid, program.c_str(), &files, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

// Appends what `fd` has; false once there is no more to come.
bool Read(int fd, std::string& text) {
  char buffer[16384];
  const ssize_t count = read(fd, buffer, sizeof(buffer));
  if (count > 0) text.append(buffer, static_cast<size_t>(count));
  return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

// Reads both pipes to their ends; kExited if that was before the deadline.
HelperResult::End ReadAll(const Pipe& out, const Pipe& err, Clock::time_point deadline,
                          size_t max_bytes, HelperResult& result) {
  pollfd fds[2] = {{.fd = out.reading(), .events = POLLIN, .revents = 0},
                   {.fd = err.reading(), .events = POLLIN, .revents = 0}};
  std::string* texts[2] = {&result.out, &result.err};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    const int left = MillisecondsLeft(deadline);
    if (left == 0) return HelperResult::End::kTimedOut;
    if (poll(fds, 2, left) < 0 && errno != EINTR) return HelperResult::End::kFailed;
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      if (!Read(fds[i].fd, *texts[i])) fds[i].fd = -1;
      fds[i].revents = 0;
    }
    if (result.out.size() + result.err.size() > max_bytes) {
      return HelperResult::End::kTooMuch;
    }
  }
  return HelperResult::End::kExited;
}

// Waits for `pid` until the deadline; whether it has ended.
bool WaitFor(pid_t pid, Clock::time_point deadline, int& status) {
  while (true) {
    const pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid) return true;
    if (ended < 0 && errno != EINTR) return false;
    if (MillisecondsLeft(deadline) == 0) return false;
    // Its pipes are closed, so that it is about to end.
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

}  // namespace

HelperResult RunHelper(const std::string& program, const std::vector<std::string>& arguments,
                       int64_t deadline_milliseconds, size_t max_bytes) {
  const Clock::time_point deadline =
      Clock::now() + std::chrono::milliseconds(deadline_milliseconds);
  HelperResult result;
  const DefaultChildSignal children;
  Pipe out, err;
  if (!out.ok() || !err.ok()) {
    result.problem = std::string("no pipe: ") + std::strerror(errno);
    return result;
  }
  pid_t pid = 0;
  if (const int error = Start(program, arguments, out, err, pid); error != 0) {
    result.problem = std::strerror(error);
    return result;
  }
  out.CloseWriting();
  err.CloseWriting();
  result.end = ReadAll(out, err, deadline, max_bytes, result);
  int status = 0;
  if (result.end == HelperResult::End::kExited && WaitFor(pid, deadline, status)) {
    if (WIFEXITED(status)) {
      result.exit_code = WEXITSTATUS(status);
    } else {
      result.end = HelperResult::End::kFailed;
      result.problem = std::string("it was ended by signal ") + std::to_string(WTERMSIG(status));
    }
    return result;
  }
  if (result.end == HelperResult::End::kExited) result.end = HelperResult::End::kTimedOut;
  kill(-pid, SIGKILL);
  // At once, but for a process that the kernel holds: that one may not hold the submission too.
  WaitFor(pid, Clock::now() + std::chrono::milliseconds(100), status);
  return result;
}

}  // namespace rhumb::slurm

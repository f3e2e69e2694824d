// SPDX-License-Identifier: Apache-2.0
// The process `rhumb`: streams, terminal and clock for Run(), nothing else.
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "client/cli/exit_code.h"
#include "client/cli/home.h"
#include "client/cli/run.h"
#include "client/slurm/run_helper.h"

namespace {

// Whether stdout is a pipe that nobody reads any more (| head): who stopped reading has read
// enough.
bool ReaderIsGone() {
  pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

}  // namespace

int main(int argc, char** argv) {
  // A daemon that goes away is an error of the call, not a reason to die without a word.
  std::signal(SIGPIPE, SIG_IGN);
  rhumb::cli::Context context;
  context.out = &std::cout;
  context.err = &std::cerr;
  context.out_terminal = rhumb::cli::DetectTerminal(STDOUT_FILENO, "auto");
  context.err_terminal = rhumb::cli::DetectTerminal(STDERR_FILENO, "auto");
  context.now_unix_seconds =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  context.open_home = rhumb::cli::OpenHome;
  context.run_program = [](const std::string& program, const std::vector<std::string>& arguments,
                           int64_t deadline_milliseconds) {
    return rhumb::slurm::RunHelper(program, arguments, deadline_milliseconds);
  };
  const int code = rhumb::cli::Run(std::vector<std::string>(argv + 1, argv + argc), context);
  std::cout.flush();
  if (!std::cout && !ReaderIsGone()) {
    std::cerr << "rhumb: cannot write to standard output\n";
    return code == rhumb::cli::kExitOk ? rhumb::cli::kExitError : code;
  }
  return code;
}

// SPDX-License-Identifier: Apache-2.0
// Everything a command may touch besides its arguments: streams, terminal, daemon, clock,
// other programs.
#ifndef RHUMB_CLIENT_CLI_CONTEXT_H_
#define RHUMB_CLIENT_CLI_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/terminal.h"
#include "client/cpp/client.h"
#include "client/slurm/run_helper.h"

namespace rhumb::cli {

struct Command;
struct Invocation;

// A way to ask, and whom: kept open while the command runs.
struct Home {
  std::unique_ptr<client::Client> client;
  std::string address;          // empty in-process
  std::shared_ptr<void> local;  // keeps the in-process server alive; null with a daemon
};

// Runs another program, as slurm::RunHelper does.
using RunProgram = std::function<slurm::HelperResult(const std::string& program,
                                                     const std::vector<std::string>& arguments,
                                                     int64_t deadline_milliseconds)>;

struct Context {
  const Command* command = nullptr;  // being run
  std::ostream* out = nullptr;       // data
  std::ostream* err = nullptr;       // talk
  Terminal out_terminal;             // how `out` may be drawn on
  Terminal err_terminal;
  double now_unix_seconds = 0;  // against which dates are read
  // Opens the daemon, or the in-process server; decided by --addr, --local, --no-local and the
  // environment.
  std::function<absl::StatusOr<Home>(const Invocation&, Context&)> open_home;
  RunProgram run_program;
  // Set by open_home where the in-process server has a store: why an answer was not kept after all,
  // as on a full disk. OK while all were.
  std::function<absl::Status()> storage_now;
};

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_CONTEXT_H_

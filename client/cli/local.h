// SPDX-License-Identifier: Apache-2.0
// The server in this process, for answers without a daemon. Its .cc is the one file of the client
// that knows daemon/.
#ifndef RHUMB_CLIENT_CLI_LOCAL_H_
#define RHUMB_CLIENT_CLI_LOCAL_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace grpc {
class Channel;
}

namespace rhumb::cli {

// The environment variables that say where data lies; absent where unset or empty.
struct DataEnvironment {
  std::optional<std::string> xdg_data_home, home;
};

// The variables of this process.
DataEnvironment ReadDataEnvironment();

// ${XDG_DATA_HOME:-~/.local/share}/rhumb/rhumb.db, its folder made if its base is there.
// FAILED_PRECONDITION if there is no base ($XDG_DATA_HOME may be made, $HOME must exist) or the
// folder cannot be made.
absl::StatusOr<std::string> PrepareDatabasePath(const DataEnvironment& environment);

struct LocalServer {
  std::shared_ptr<void> server;  // alive as long as this is held
  std::shared_ptr<grpc::Channel> channel;
  std::string database_path;  // empty if there is none
  absl::Status storage;       // OK, or why nothing is stored
  // The same now: a write may have failed since. Keeps the server alive.
  std::function<absl::Status()> storage_now;
};

// The server on that database, or without one: a file that cannot be had never fails the answer.
absl::StatusOr<LocalServer> StartLocalServer(const DataEnvironment& environment);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LOCAL_H_

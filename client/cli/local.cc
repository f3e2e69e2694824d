// SPDX-License-Identifier: Apache-2.0
#include "client/cli/local.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/server.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

// Makes `folder` and what is missing above it, readable to the user alone as the XDG specification
// asks.
absl::Status MakeFolder(const fs::path& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return absl::OkStatus();
  if (folder.has_parent_path() && folder.parent_path() != folder) {
    RHUMB_RETURN_IF_ERROR(MakeFolder(folder.parent_path()));
  }
  if (!fs::create_directory(folder, error) && error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot make ", folder.string(), ": ", error.message()));
  }
  fs::permissions(folder, fs::perms::owner_all, error);
  return absl::OkStatus();
}

}  // namespace

DataEnvironment ReadDataEnvironment() {
  return {.xdg_data_home = Variable("XDG_DATA_HOME"), .home = Variable("HOME")};
}

absl::StatusOr<std::string> PrepareDatabasePath(const DataEnvironment& environment) {
  fs::path base;
  // A relative $XDG_DATA_HOME is to be ignored, says its specification.
  if (environment.xdg_data_home.has_value() && fs::path(*environment.xdg_data_home).is_absolute()) {
    base = *environment.xdg_data_home;
  } else if (environment.home.has_value()) {
    std::error_code error;
    if (!fs::is_directory(*environment.home, error)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the home ", *environment.home, " is not there"));
    }
    base = fs::path(*environment.home) / ".local" / "share";
  } else {
    return absl::FailedPreconditionError("neither $XDG_DATA_HOME nor $HOME is set");
  }
  const fs::path folder = base / "rhumb";
  RHUMB_RETURN_IF_ERROR(MakeFolder(folder));
  return (folder / "rhumb.db").string();
}

absl::StatusOr<LocalServer> StartLocalServer(const DataEnvironment& environment) {
  LocalServer local;
  daemon::ServerOptions options;
  options.in_process_only = true;
  const absl::StatusOr<std::string> path = PrepareDatabasePath(environment);
  if (path.ok()) {
    options.database_path = *path;
  } else {
    options.in_memory = true;
  }
  RHUMB_ASSIGN_OR_RETURN(std::shared_ptr<daemon::Server> server, daemon::Server::Start(options));
  local.storage = path.ok() ? server->storage_status() : path.status();
  if (local.storage.ok()) local.database_path = *path;
  local.channel = server->InProcessChannel();
  local.storage_now = [server] { return server->storage_status(); };
  local.server = std::move(server);
  return local;
}

}  // namespace rhumb::cli

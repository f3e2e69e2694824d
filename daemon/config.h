// SPDX-License-Identifier: Apache-2.0
// The daemon's configuration: defaults, then TOML file, drop-ins, environment, flags; the last one
// wins and every value knows where it came from.
#ifndef RHUMB_DAEMON_CONFIG_H_
#define RHUMB_DAEMON_CONFIG_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/process/log.h"
#include "daemon/server.h"

namespace rhumb::daemon {

struct ConfigSources {
  // Main file; drop-ins are <stem>.d/*.toml beside it, in order of their names. A missing file is
  // an error only if `config_path_given`.
  std::string config_path = "/etc/rhumb/rhumbd.toml";
  bool config_path_given = false;
  // NAME=value; only RHUMBD_<TABLE>_<KEY> is read.
  std::vector<std::string> environment;
  // "table.key", text, and the flag as typed for the origin.
  struct FlagValue {
    std::string key, text, flag;
  };
  std::vector<FlagValue> flags;
};

struct ConfigValue {
  std::string key;    // "store.database"
  std::string value;  // as text
  std::string
      origin;  // "default", "/etc/rhumb/rhumbd.toml:3", "RHUMBD_STORE_DATABASE", "--database"
};

struct Config {
  ServerOptions server;
  LogOptions log;
  std::vector<ConfigValue> values;  // every key, in a fixed order
};

// InvalidArgument with file, line and column, variable or flag for anything that is unknown or not
// allowed.
absl::StatusOr<Config> LoadConfig(const ConfigSources& sources);

// TOML with the origin of each value as a comment; reading it back gives the same configuration.
std::string PrintConfig(const Config& config);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_CONFIG_H_

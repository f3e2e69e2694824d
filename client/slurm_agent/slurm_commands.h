// SPDX-License-Identifier: Apache-2.0
// Slurm's commands, run under a deadline.
#ifndef RHUMB_CLIENT_SLURM_AGENT_SLURM_COMMANDS_H_
#define RHUMB_CLIENT_SLURM_AGENT_SLURM_COMMANDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rhumb::slurm_agent {

// The absolute path of an executable `name` in the folders of `path` ("/usr/bin:..."); empty: none.
std::string FindCommand(absl::string_view name, absl::string_view path);

// As FindCommand in this process's $PATH.
std::string FindCommand(absl::string_view name);

// Takes variables away that change what Slurm's commands print, and has them write times as seconds
// since 1970. Before threads start.
void PrepareCommandEnvironment();

// Standard output of `name` in $PATH. FAILED_PRECONDITION: there is none, or it knows no option
// that was given; UNAVAILABLE with its first words otherwise.
absl::StatusOr<std::string> RunCommand(absl::string_view name,
                                       const std::vector<std::string>& arguments,
                                       absl::Duration deadline);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_SLURM_COMMANDS_H_

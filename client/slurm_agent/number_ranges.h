// SPDX-License-Identifier: Apache-2.0
// Slurm's short forms of many: gh[01-16],login, and 2-3,7%1.
#ifndef RHUMB_CLIENT_SLURM_AGENT_NUMBER_RANGES_H_
#define RHUMB_CLIENT_SLURM_AGENT_NUMBER_RANGES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb::slurm_agent {

// Names of `text`, at most `max_count`, as in gh[1-2,05-07],ga1 or rack[1-2]node[1-4]; none for
// (null) and for what does not read.
std::vector<std::string> ExpandHostList(absl::string_view text, size_t max_count = 100000);

// Task ids of an array's record, as in 2-3,7,10-20:5%1; at most `max_count` from the first on.
// What does not read ends the list.
std::vector<int64_t> ExpandArrayTasks(absl::string_view text, size_t max_count);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_NUMBER_RANGES_H_

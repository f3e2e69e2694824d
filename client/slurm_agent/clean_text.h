// SPDX-License-Identifier: Apache-2.0
// Texts of Slurm, some of which any user may write, as the daemon takes them.
#ifndef RHUMB_CLIENT_SLURM_AGENT_CLEAN_TEXT_H_
#define RHUMB_CLIENT_SLURM_AGENT_CLEAN_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace rhumb::slurm_agent {

// The first `max_bytes` of `text` as UTF-8, with blanks for control characters.
std::string CleanText(absl::string_view text, size_t max_bytes = 256);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_CLEAN_TEXT_H_

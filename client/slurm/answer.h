// SPDX-License-Identifier: Apache-2.0
// What `rhumb plan --emit env` writes, read without running it.
#ifndef RHUMB_CLIENT_SLURM_ANSWER_H_
#define RHUMB_CLIENT_SLURM_ANSWER_H_

#include <map>
#include <string>
#include <string_view>

#include "client/slurm/outcome.h"

namespace rhumb::slurm {

// RHUMB_... and its value.
using Variables = std::map<std::string, std::string>;

// Reads "export RHUMB_NAME=VALUE" lines, values quoted as a shell has them; comments and blank
// lines are passed over. A problem for anything else: what is not understood is not half believed.
Outcome<Variables> ReadVariables(std::string_view text);

}  // namespace rhumb::slurm

#endif  // RHUMB_CLIENT_SLURM_ANSWER_H_

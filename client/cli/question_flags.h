// SPDX-License-Identifier: Apache-2.0
// The flags of questions: which request field each sets and how its value is written.
#ifndef RHUMB_CLIENT_CLI_QUESTION_FLAGS_H_
#define RHUMB_CLIENT_CLI_QUESTION_FLAGS_H_

#include <vector>

#include "client/cli/command.h"

namespace rhumb::cli {

// Flags of `rhumb plan` that set fields of CreatePlanRequest.
std::vector<Flag> PlanFieldFlags();

// Flags of `rhumb check` that set fields of CheckConfigurationRequest.
std::vector<Flag> CheckFieldFlags();

// Flags of `rhumb predict`, fields of PredictLossRequest.
std::vector<Flag> PredictFieldFlags();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_QUESTION_FLAGS_H_

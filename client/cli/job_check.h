// SPDX-License-Identifier: Apache-2.0
// `rhumb check JOB`: a job script judged, and what it shares with the check of flags.
#ifndef RHUMB_CLIENT_CLI_JOB_CHECK_H_
#define RHUMB_CLIENT_CLI_JOB_CHECK_H_

#include <string>

#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cli/output.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

// --gpu of `rhumb check`.
Flag JobGpuTypeFlag();

// --live.
Flag LiveFlag();

struct CheckShown {
  const v1::CheckConfigurationRequest* request = nullptr;  // that was asked
  bool explain = false;
};

// The verdict as -o table, wide or --parsable show it.
std::string RenderChecked(const v1::CheckConfigurationResponse& answer, const CheckShown& shown,
                          const OutputOptions& output, const Context& context);

// 3 if it does not fit, does not finish, or would not run on the live cluster as judged; else 0.
int ExitCodeOfCheck(const v1::CheckConfigurationResponse& answer);

// Judges the script that the argument names; answers the exit code.
int RunJobCheck(const Invocation& invocation, Context& context);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_JOB_CHECK_H_

// SPDX-License-Identifier: Apache-2.0
// rhumb gpu: the GPU types of the catalogue, and those applied.
#ifndef RHUMB_CLIENT_CLI_GPU_COMMAND_H_
#define RHUMB_CLIENT_CLI_GPU_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command GpuListCommand();
Command GpuShowCommand();
Command GpuApplyCommand();
Command GpuDeleteCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_GPU_COMMAND_H_

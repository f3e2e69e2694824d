// SPDX-License-Identifier: Apache-2.0
// rhumb gpu: the catalogue of GPU types.
#ifndef RHUMB_CLIENT_CLI_GPU_COMMAND_H_
#define RHUMB_CLIENT_CLI_GPU_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command GpuListCommand();
Command GpuShowCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_GPU_COMMAND_H_

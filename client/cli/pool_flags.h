// SPDX-License-Identifier: Apache-2.0
// Flags that say more about the GPUs of a question than --gpus does: price, node size, network.
#ifndef RHUMB_CLIENT_CLI_POOL_FLAGS_H_
#define RHUMB_CLIENT_CLI_POOL_FLAGS_H_

#include <vector>

#include "absl/status/status.h"
#include "client/cli/command.h"
#include "google/protobuf/message.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

// --price, --gpus-per-node, --inter-node-gbps.
std::vector<Flag> PoolDetailFlags();

// Applies those flags: to the request where it has such a field, else to every pool, of which one
// with a price of its own (256xH100@2.5) keeps it. INVALID_ARGUMENT names the flag, as when there
// is nothing it could apply to.
absl::Status ApplyPoolDetails(const Invocation& invocation, const std::vector<v1::GpuPool*>& pools,
                              google::protobuf::Message& request);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_POOL_FLAGS_H_

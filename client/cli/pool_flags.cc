// SPDX-License-Identifier: Apache-2.0
#include "client/cli/pool_flags.h"

#include "absl/strings/str_cat.h"
#include "client/cli/request_fields.h"
#include "google/protobuf/descriptor.h"

namespace rhumb::cli {
namespace {

constexpr char kPriceField[] = "price_usd_per_gpu_hour";

}  // namespace

std::vector<Flag> PoolDetailFlags() {
  return {
      {.name = "price",
       .field = kPriceField,
       .kind = FlagKind::kUsd,
       .placeholder = "USD",
       .help = "price per GPU-hour of GPUs without one of their own",
       .group = "Hardware"},
      {.name = "gpus-per-node",
       .field = "gpus_per_node",
       .kind = FlagKind::kCount,
       .placeholder = "N",
       .help = "default: 8, or 4 in rack-scale domains",
       .group = "Hardware"},
      {.name = "inter-node-gbps",
       .field = "inter_node_gbps_per_gpu",
       .kind = FlagKind::kNumber,
       .placeholder = "GBPS",
       .help = "network of one GPU between nodes, in gigabits per second",
       .group = "Hardware",
       .aliases = {"inter-node-gbps-per-gpu"}},
  };
}

absl::Status ApplyPoolDetails(const Invocation& invocation, const std::vector<v1::GpuPool*>& pools,
                              google::protobuf::Message& request) {
  for (const Flag& flag : PoolDetailFlags()) {
    if (!invocation.Has(flag.name)) continue;
    std::vector<google::protobuf::Message*> targets(pools.begin(), pools.end());
    const bool in_request = request.GetDescriptor()->FindFieldByName(flag.field) != nullptr;
    if (in_request) targets = {&request};
    if (targets.empty())
      return absl::InvalidArgumentError(absl::StrCat("--", flag.name, " needs --gpus"));
    for (google::protobuf::Message* target : targets) {
      const google::protobuf::FieldDescriptor* field =
          target->GetDescriptor()->FindFieldByName(flag.field);
      const bool has_own = flag.field == kPriceField && !in_request &&
                           target->GetReflection()->HasField(*target, field);
      if (has_own) continue;
      const absl::Status status =
          SetField(*target, flag.field, flag.kind, invocation.Value(flag.name), 0);
      if (!status.ok())
        return absl::InvalidArgumentError(absl::StrCat(FlagTitle(flag), ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace rhumb::cli

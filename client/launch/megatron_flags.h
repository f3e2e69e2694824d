// SPDX-License-Identifier: Apache-2.0
// A plan in the command-line flags of Megatron-LM (megatron/training/arguments.py, core 0.9 to
// 0.15).
#ifndef RHUMB_CLIENT_LAUNCH_MEGATRON_FLAGS_H_
#define RHUMB_CLIENT_LAUNCH_MEGATRON_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::launch {

struct MegatronFlag {
  std::string name;   // with its dashes
  std::string value;  // empty for a switch
};

struct MegatronFlags {
  std::vector<MegatronFlag> model;
  std::vector<MegatronFlag> layout;
  std::vector<MegatronFlag> training;
  // What CUDA_DEVICE_MAX_CONNECTIONS must be: "1" where tensor or context ranks overlap, empty
  // where it must not be set (FSDP) or does not matter.
  std::string max_connections;
};

// The flags of a plan with hardware. INVALID_ARGUMENT where Megatron-LM has no flag for a part of
// the model or the layout; the message names the field.
absl::StatusOr<MegatronFlags> MegatronFlagsOf(const v1::Plan& plan);

// "E", "t" and "L" by stage for --pipeline-model-parallel-layout, as "Et*13|t*14|t*13L": the stages
// of LayersOnStage.
std::string PipelineLayoutText(int64_t num_layers, int64_t pipeline_parallel_size);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_MEGATRON_FLAGS_H_

// SPDX-License-Identifier: Apache-2.0
// A run from the files of accelerate and DeepSpeed.
#ifndef RHUMB_CLIENT_LAUNCH_READ_CONFIGS_H_
#define RHUMB_CLIENT_LAUNCH_READ_CONFIGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/launch/job_facts.h"
#include "client/launch/script_flags.h"

namespace rhumb::launch {

// What accelerate starts; DeepSpeed's file is named here.
struct AccelerateConfig {
  std::optional<Fact<int64_t>> process_count;
  std::optional<Fact<int64_t>> machine_count;
  std::optional<Fact<std::string>> deepspeed_file;
};

// Reads accelerate's `text` (YAML; JSON where `path` ends so) into `config` and `facts`. Lines of
// the facts are 0, their texts name `path` and the line in it. INVALID_ARGUMENT if it is no JSON.
absl::Status ReadAccelerateConfig(absl::string_view text, const std::string& path,
                                  AccelerateConfig& config, JobFacts& facts);

// Flags of `accelerate launch` over what its file says, but for the file that they name.
void ReadAccelerateFlags(const ScriptFlags& flags, AccelerateConfig& config, JobFacts& facts);

// Reads DeepSpeed's `text` (JSON) into `facts`; values "auto" are the script's. INVALID_ARGUMENT if
// it is none.
absl::Status ReadDeepspeedConfig(absl::string_view text, const std::string& path, JobFacts& facts);

// What these files say and nothing else did.
std::vector<Remedy> RemediesOfAccelerate(const JobFacts& facts);
std::vector<Remedy> RemediesOfDeepspeed(const JobFacts& facts);

// "bf16", "fp16", "fp8"; others are remarked.
void SetPrecision(const Fact<std::string>& name, JobFacts& facts);

// FSDP1's sharding strategy, by name or number, as a ZeRO stage; others are remarked.
void SetStrategy(const Fact<std::string>& strategy, JobFacts& facts);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_READ_CONFIGS_H_

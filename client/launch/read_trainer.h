// SPDX-License-Identifier: Apache-2.0
// A run from the flags of Hugging Face's Trainer (TrainingArguments) and the file of its FSDP.
#ifndef RHUMB_CLIENT_LAUNCH_READ_TRAINER_H_
#define RHUMB_CLIENT_LAUNCH_READ_TRAINER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/launch/job_facts.h"
#include "client/launch/script_flags.h"

namespace rhumb::launch {

// Whether `flags` are the Trainer's, whose defaults then hold; others share some of its names.
bool IsTrainer(const ScriptFlags& flags);

// Flags as --per_device_train_batch_size. Called when files have been read: they win over defaults.
void ReadTrainerFlags(const ScriptFlags& flags, JobFacts& facts);

// --fsdp "full_shard auto_wrap".
void ReadTrainerFsdp(const ScriptFlags& flags, JobFacts& facts);

// The JSON that --fsdp_config names. INVALID_ARGUMENT if it is none.
absl::Status ReadTrainerFsdpConfig(absl::string_view text, const std::string& path,
                                   JobFacts& facts);

// What that file says and nothing else did.
std::vector<Remedy> RemediesOfTrainerFsdp(const JobFacts& facts);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_READ_TRAINER_H_

// SPDX-License-Identifier: Apache-2.0
// The model in the flags of Megatron-LM.
#ifndef RHUMB_CLIENT_LAUNCH_READ_MEGATRON_MODEL_H_
#define RHUMB_CLIENT_LAUNCH_READ_MEGATRON_MODEL_H_

#include "client/launch/job_facts.h"
#include "client/launch/script_flags.h"

namespace rhumb::launch {

// Fills `facts.model` and `facts.model_facts`. `facts.has_model` says whether every flag of it
// could be read; the others are remarked.
void ReadMegatronModel(const ScriptFlags& flags, JobFacts& facts);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_READ_MEGATRON_MODEL_H_

// SPDX-License-Identifier: Apache-2.0
// A run from the flags of Megatron-LM (megatron/training/arguments.py).
#ifndef RHUMB_CLIENT_LAUNCH_READ_MEGATRON_H_
#define RHUMB_CLIENT_LAUNCH_READ_MEGATRON_H_

#include "client/launch/job_facts.h"
#include "client/launch/script_flags.h"

namespace rhumb::launch {

// Whether `flags` are Megatron-LM's: they name a model's size or its layout.
bool IsMegatron(const ScriptFlags& flags);

// Puts model, layout, batch and length into `facts`, with Megatron-LM's own defaults where a flag
// is absent. A flag that has a meaning here and no value that is known, or a meaning that the time
// and memory model lacks, is remarked.
void ReadMegatron(const ScriptFlags& flags, JobFacts& facts);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_READ_MEGATRON_H_

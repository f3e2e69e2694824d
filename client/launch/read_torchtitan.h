// SPDX-License-Identifier: Apache-2.0
// A run from torchtitan's job config (TOML, releases up to 0.2) and the flags over it.
#ifndef RHUMB_CLIENT_LAUNCH_READ_TORCHTITAN_H_
#define RHUMB_CLIENT_LAUNCH_READ_TORCHTITAN_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/launch/config_scalars.h"
#include "client/launch/job_facts.h"
#include "client/launch/script_flags.h"

namespace rhumb::launch {

// A job config that was read.
struct TorchtitanFile {
  std::string path;
  ConfigScalars scalars;
};

// Whether `script` or its `flags` are torchtitan's.
bool IsTorchtitan(absl::string_view script, const ScriptFlags& flags);

// Puts layout, batch, length, steps and the models of FindTorchtitanFlavor into `facts`. Flags
// "--section.key value" win over `file`. What neither says has torchtitan's default, or stays
// unknown where there is no file. Keys have moved between sections from release to release: all of
// their places are looked at.
void ReadTorchtitan(const ScriptFlags& flags, const std::optional<TorchtitanFile>& file,
                    JobFacts& facts);

// What a job config says and nothing else did.
std::vector<Remedy> RemediesOfTorchtitan(const JobFacts& facts);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_READ_TORCHTITAN_H_

// SPDX-License-Identifier: Apache-2.0
// What the administrator says behind the plugin's path in plugstack.conf.
#ifndef RHUMB_CLIENT_SLURM_SETTINGS_H_
#define RHUMB_CLIENT_SLURM_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "client/slurm/gpu_names.h"
#include "client/slurm/outcome.h"

namespace rhumb::slurm {

// What becomes of a plan's decisions.
enum class Policy {
  kFill,    // what the user left out is filled in
  kAdvise,  // they are only said
};

struct Settings {
  std::string helper = "/usr/bin/rhumb";  // helper=PATH
  std::string addr;                       // addr=ADDRESS; empty: where `rhumb` looks itself
  std::string cluster;  // cluster=NAME: whose nodes a request without GPUs is about
  bool free = true;     // free=yes|no: only what is free now of that cluster
  std::string gpus_file = kGpuNamesFile;  // gpus=FILE: GpuNames
  int64_t deadline_milliseconds = 2000;   // deadline_ms=N, 100 to 10000
  Policy policy = Policy::kFill;          // policy=fill|advise
  bool reserve = false;  // reserve=yes|no: GPUs of plans on what is free are promised to the job
};

inline constexpr int64_t kMinDeadlineMilliseconds = 100;
inline constexpr int64_t kMaxDeadlineMilliseconds = 10'000;

// Reads "key=value" words. A problem for an unknown key, a value out of range, or a path that is
// not absolute.
Outcome<Settings> ReadSettings(const std::vector<std::string>& words);

}  // namespace rhumb::slurm

#endif  // RHUMB_CLIENT_SLURM_SETTINGS_H_

// SPDX-License-Identifier: Apache-2.0
// GPUs in the texts of Slurm, in the spellings of its versions. Never fails: what is no GPU counts
// as none.
#ifndef RHUMB_CLIENT_SLURM_AGENT_GRES_H_
#define RHUMB_CLIENT_SLURM_AGENT_GRES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb::slurm_agent {

struct GresGpus {
  std::string type;  // as gres.conf calls it; empty: none given
  int64_t count = 0;

  friend bool operator==(const GresGpus&, const GresGpus&) = default;
};

// GPUs of a list, one entry a type, in order:
// gpu:h100:8(S:0-1), gpu:h100:4(IDX:0-3), gpu:8, gres:gpu:h100:8, gres/gpu:h100:8,
// gres/gpu:h100=16. Other resources (mps, shard, cpu=64) are passed over, (null) and N/A are none.
// Where the list has both gres/gpu=16 and its types, as AllocTRES does, the sum over all types is
// passed over.
std::vector<GresGpus> ParseGres(absl::string_view text);

// Of all of them; at most 2^53, so that sums of thousands of nodes stay whole numbers.
int64_t GpuCount(const std::vector<GresGpus>& gpus);

// The entry with the most GPUs, the first of equals; no GPUs: an empty one.
GresGpus LargestGres(const std::vector<GresGpus>& gpus);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_GRES_H_

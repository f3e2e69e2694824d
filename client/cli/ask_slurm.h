// SPDX-License-Identifier: Apache-2.0
// What Slurm's own commands say, run as the user: the name of the cluster, and when a job would
// start. Slurm forecasts for the user who asks, with his limits and priority.
#ifndef RHUMB_CLIENT_CLI_ASK_SLURM_H_
#define RHUMB_CLIENT_CLI_ASK_SLURM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/context.h"

namespace rhumb::cli {

struct StartForecast {
  int64_t start_unix_seconds = 0;
  std::string node_list;  // as Slurm writes it: "gh[1-2]"
  std::string partition;
};

// How long Slurm may take to answer; slurmctld answers in milliseconds or is in trouble.
inline constexpr int64_t kSlurmMilliseconds = 5000;

// ClusterName of Slurm's configuration, by `scontrol show config`. UNAVAILABLE as ForecastStart.
absl::StatusOr<std::string> SlurmClusterName(const RunProgram& run_program);

// The nodes of `node_list`, as Slurm writes it ("gh[1-2],ga1"), by `scontrol show hostnames`, which
// asks nobody. UNAVAILABLE as ForecastStart.
absl::StatusOr<std::vector<std::string>> NodesOfList(const std::string& node_list,
                                                     const RunProgram& run_program);

// Reads what sbatch says on stderr with SLURM_TIME_FORMAT=%s. INTERNAL if there is no forecast in
// it.
absl::StatusOr<StartForecast> ParseStartForecast(absl::string_view said);

// The forecast for `sbatch ARGUMENT...`; nothing is submitted. FAILED_PRECONDITION in Slurm's words
// if such a job can never start, UNAVAILABLE if there is no sbatch or no slurmctld answers it.
absl::StatusOr<StartForecast> ForecastStart(const std::vector<std::string>& arguments,
                                            const RunProgram& run_program);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_ASK_SLURM_H_

// SPDX-License-Identifier: Apache-2.0
// Time limits as Slurm writes them.
#ifndef RHUMB_CLIENT_LAUNCH_SLURM_TIME_H_
#define RHUMB_CLIENT_LAUNCH_SLURM_TIME_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb::launch {

// Seconds of `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours`,
// `days-hours:minutes` or `days-hours:minutes:seconds` (sbatch(1), --time); nullopt where there is
// no limit: `0`, `infinite`, `unlimited`. INVALID_ARGUMENT for anything else.
absl::StatusOr<std::optional<double>> ParseSlurmTime(absl::string_view text);

// `seconds` rounded up to whole minutes, as `days-hours:minutes:seconds`.
std::string FormatSlurmTime(double seconds);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_SLURM_TIME_H_

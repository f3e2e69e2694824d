// SPDX-License-Identifier: Apache-2.0
// Finished runs, and their step times and memory as a table of measured runs for calibrations.
#ifndef RHUMB_CLIENT_CLI_LEARNED_RUNS_H_
#define RHUMB_CLIENT_CLI_LEARNED_RUNS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/calibration_fit.h"
#include "client/cli/judged_runs.h"
#include "client/cpp/client.h"
#include "planner/cost/hardware.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/run.pb.h"

namespace rhumb::cli {

// A run that has ended, as GetRun shows it in full, and the plan that it ended with.
struct FinishedRun {
  v1::Run run;
  std::optional<v1::Plan> plan;  // absent: none, or not stored any more
};

// Those of `cluster` (empty: all), oldest end first. Asks for every run and plan once.
absl::StatusOr<std::vector<FinishedRun>> FinishedRuns(const std::string& cluster,
                                                      client::Client& client);
// What the run measured of `quantity` (a comparison of GetRun), if above 0.
std::optional<double> ActualOf(const v1::Run& run, absl::string_view quantity);
// All types that the daemon knows, applied ones included.
absl::StatusOr<std::vector<Gpu>> KnownGpus(client::Client& client);

// Runs as rows of tables, a table a cluster and framework, each with its prediction by
// `calibration` (null: as shipped). A run that nothing can be learnt from has a defect instead: no
// plan or one without a layout, no measured step, another number of GPUs or another batch than
// planned, or planned anew while it ran, so that its steps are of several layouts. `framework`,
// unless empty, takes runs of that alone.
RunTables JudgeFinishedRuns(const std::vector<FinishedRun>& runs, const std::vector<Gpu>& gpus,
                            const std::string& framework, const TimeCalibration* calibration);

// What families gain from `calibration`, where that is nothing: "hopper: runs that were left out
// are predicted no better than without it (8.1% against 7.9%): not worth adopting".
std::vector<std::string> RemarksOnGain(const v1::Calibration& calibration);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LEARNED_RUNS_H_

// SPDX-License-Identifier: Apache-2.0
// Tables of measured runs from files, each row beside its prediction, for the commands that judge
// them. Everything happens here: the planner needs no daemon for it, but for GPU types of your own.
#ifndef RHUMB_CLIENT_CLI_JUDGED_RUNS_H_
#define RHUMB_CLIENT_CLI_JUDGED_RUNS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cli/progress_bar.h"
#include "client/run_table/run_table.h"
#include "planner/cost/measured_run.h"
#include "planner/cost/time_calibration.h"

namespace rhumb::cli {

struct JudgedRun {
  std::string table;  // the file's name without folder and extension, or the row's group
  RunRow row;
  std::optional<RunPrediction> prediction;  // absent where the row has no run
};

struct RunTables {
  std::vector<JudgedRun> runs;
  std::string sha256;  // of length and SHA-256 of every file, in their order
};

// The rows of every file that --table names, in their order, with what the model says of them: with
// the constants of `calibration`, which may be null, on the families of GPUs that it has. A folder
// stands for its *.csv files in the order of their names; of those the ones that are no table of
// runs are passed over with a remark. `group_column`, unless empty, makes a table of all rows with
// the same cell.
//
// A row may name a GPU type of the catalogue, as it is shipped, or one that was applied under an id
// of its own: only then is the daemon asked. If it does not answer, a remark says so and the row
// has no prediction.
//
// DEADLINE_EXCEEDED if a pipe has not ended in time; INVALID_ARGUMENT, behind the file's name, for
// what is wrong with it as a whole.
absl::StatusOr<RunTables> JudgeRuns(const Invocation& invocation, const std::string& group_column,
                                    const TimeCalibration* calibration, Context& context);

// Why a row has no prediction: "line 7, column tp: must be ...".
std::string ReasonOf(const JudgedRun& run);

// The flags --table and --by of these commands.
Flag RunTableFlag();
Flag GroupColumnFlag();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_JUDGED_RUNS_H_

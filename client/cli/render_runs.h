// SPDX-License-Identifier: Apache-2.0
// Predictions of measured runs as table, JSON and CSV.
#ifndef RHUMB_CLIENT_CLI_RENDER_RUNS_H_
#define RHUMB_CLIENT_CLI_RENDER_RUNS_H_

#include <string>
#include <vector>

#include "client/cli/judged_runs.h"
#include "client/cli/table.h"

namespace rhumb::cli {

Table RunsTable(const std::vector<JudgedRun>& runs);

// {"rows": [...]}: base units, keys as in docs/accuracy.md; absent where there is nothing to say.
// `calibration` is what the rows were predicted with, or null.
std::string RunsJson(const std::vector<JudgedRun>& runs, const TimeCalibration* calibration);

// A line a row: row_id,predicted_step_seconds,measured_step_seconds,predicted_peak_bytes,
// predicted_peak_p95_bytes,measured_peak_bytes,fits,note. Empty where nothing was predicted or
// measured; the note then says why.
std::string RunsCsv(const std::vector<JudgedRun>& runs, bool header);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_RUNS_H_

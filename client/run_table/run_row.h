// SPDX-License-Identifier: Apache-2.0
// One row of a table of measured runs to a MeasuredRun. Pure: cells in, run or defect out.
#ifndef RHUMB_CLIENT_RUN_TABLE_RUN_ROW_H_
#define RHUMB_CLIENT_RUN_TABLE_RUN_ROW_H_

#include <optional>
#include <string>
#include <vector>

#include "client/run_table/run_cells.h"
#include "planner/cost/hardware.h"
#include "planner/cost/measured_run.h"

namespace rhumb {

// Names of the columns that every table must have, and of those that are read besides.
const std::vector<std::string>& RequiredRunColumns();
const std::vector<std::string>& OptionalRunColumns();

// The run of a row on one of `gpu_types`; absent, with the defect in `cells`, where it cannot be
// expressed. What was derived, inferred or not printed is said in its note.
std::optional<MeasuredRun> ReadRunRow(RunCells& cells, const std::vector<Gpu>& gpu_types);

// --- The parts, in this order. Each reads its columns and says what is wrong through `cells`.

ModelShape ReadRunShape(RunCells& cells);

// GPU, fabric, and how the model lies on them; `run` has its shape already.
void ReadRunLayout(RunCells& cells, const std::vector<Gpu>& gpu_types, MeasuredRun& run);

// Framework profile with what the row says of attention, compiler, overlap and gradients; `run` has
// its GPU and layout already.
void ReadRunFramework(RunCells& cells, MeasuredRun& run);

// What was measured; `run` is complete otherwise.
void ReadRunMeasurements(RunCells& cells, MeasuredRun& run);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_RUN_TABLE_RUN_ROW_H_

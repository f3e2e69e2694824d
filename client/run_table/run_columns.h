// SPDX-License-Identifier: Apache-2.0
// Names between the planner and a table of measured runs: which column holds a field.
#ifndef RHUMB_CLIENT_RUN_TABLE_RUN_COLUMNS_H_
#define RHUMB_CLIENT_RUN_TABLE_RUN_COLUMNS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/run_table/run_cells.h"

namespace rhumb {

// The column that `field` of ModelShape or Layout is read from; empty if there is none.
std::string ColumnOfField(absl::string_view field);

// Refuses the row by the column of the field that `status` begins with, as the planner's
// validations do. Nothing if `status` is OK.
void RefuseField(RunCells& cells, const absl::Status& status);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_RUN_TABLE_RUN_COLUMNS_H_

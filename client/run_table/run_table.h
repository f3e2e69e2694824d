// SPDX-License-Identifier: Apache-2.0
// A table of measured training runs from delimited text: every row a run, or refused with its line,
// its column and a reason. docs/accuracy.md describes the format.
#ifndef RHUMB_CLIENT_RUN_TABLE_RUN_TABLE_H_
#define RHUMB_CLIENT_RUN_TABLE_RUN_TABLE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/run_table/run_cells.h"
#include "planner/cost/hardware.h"
#include "planner/cost/measured_run.h"

namespace rhumb {

struct RunRow {
  int64_t line = 0;    // where it begins, from 1
  std::string row_id;  // as printed; "line 7" where it is empty
  std::string group;   // cell of RunTableOptions::group_column
  std::optional<MeasuredRun> run;
  RunDefect defect;  // why there is no run
};

struct RunTable {
  std::vector<RunRow> rows;  // in the order of the text
  std::vector<std::string> ignored_columns;
};

struct RunTableOptions {
  std::string group_column;    // empty: rows have no group
  std::vector<Gpu> gpu_types;  // that rows may name; empty: the catalogue's
  // Fraction read, now and then.
  std::function<void(double)> progress;
};

// The whole of the file at `path`, "-" for standard input: as ReadTextFile (text_file.h), with at
// most 256 MiB.
absl::StatusOr<std::string> ReadRunText(const std::string& path,
                                        std::optional<double> timeout_seconds = std::nullopt);

// Rows of `text`: optional lines beginning with # and a line of column names, then a row a line.
// Cells are separated by commas, semicolons or tabs, whichever the header has most of. Rows that
// cannot be expressed are no error of the table.
//
// INVALID_ARGUMENT if the text is no table, a quote is never closed, a required column is missing,
// a column is there twice, there is no column for groups, or there is no row.
absl::StatusOr<RunTable> ParseRunTable(absl::string_view text, const RunTableOptions& options);

// "line 7, column tp: must be ...".
std::string DescribeDefect(const RunRow& row);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_RUN_TABLE_RUN_TABLE_H_

// SPDX-License-Identifier: Apache-2.0
// How far predictions are from measured runs: errors of a table and over tables. Predicts nothing
// itself (planner/cost/measured_run.h) and reads no file.
#ifndef RHUMB_PLANNER_CALIBRATE_ACCURACY_H_
#define RHUMB_PLANNER_CALIBRATE_ACCURACY_H_

#include <string>
#include <vector>

#include "planner/cost/measured_run.h"
#include "planner/cost/time_constants.h"

namespace rhumb {

// One prediction beside its measurement, in the unit of both.
struct RunError {
  std::string row_id;
  std::string family;  // of the GPU
  double measured = 0;
  double predicted = 0;
  double fraction() const { return predicted / measured - 1; }
};

// Errors of some rows, as fractions of the measured value.
struct ErrorSummary {
  int count = 0;
  double mean_abs = 0;  // MAPE / 100
  double median_abs = 0;
  double bias = 0;  // mean of the signed error
  RunError worst;   // of the largest absolute error
};

// A row that could not be expressed, and why.
struct UnexpressedRow {
  std::string row_id;
  std::string reason;
};

struct TableAccuracy {
  std::string name;
  int row_count = 0;  // all rows, expressed or not
  std::vector<RunError> time;
  std::vector<RunError> memory;
  std::vector<UnexpressedRow> not_expressed;
  int nothing_measured = 0;  // expressed, with neither time nor memory, and ran
  int memory_under_p95 = 0;  // of `memory`, measured at or below the upper estimate
  int ran_count = 0;         // expressed rows that ran
  int ran_called_unfit = 0;  // of those, predicted not to fit
  int out_of_memory_count = 0;
  int out_of_memory_caught = 0;  // predicted not to fit
  int time_in_interval = 0;      // of `time`, inside the 90% interval
};

// Counts one row into `table`; `spread` is the error whose 90% interval is meant.
void AddRun(const MeasuredRun& run, const RunPrediction& prediction, const TimeError& spread,
            TableAccuracy& table);
// The same with the error of the family.
void AddRun(const MeasuredRun& run, const RunPrediction& prediction, TableAccuracy& table);
void AddUnexpressed(std::string row_id, std::string reason, TableAccuracy& table);

ErrorSummary Summarize(const std::vector<RunError>& errors);

// The same over all rows of all tables, each row weighing the same.
TableAccuracy Pooled(const std::vector<TableAccuracy>& tables);

// Mean over tables of the mean absolute error, each table weighing the same; tables without rows do
// not count, and without any it is 0.
double MeanOverTables(const std::vector<TableAccuracy>& tables,
                      std::vector<RunError> TableAccuracy::*which);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_CALIBRATE_ACCURACY_H_

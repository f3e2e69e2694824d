// SPDX-License-Identifier: Apache-2.0
// Errors of predictions over tables of measured runs: a table is a file.
#ifndef RHUMB_TESTS_ACCURACY_ERROR_REPORT_H_
#define RHUMB_TESTS_ACCURACY_ERROR_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/accuracy/measured_table.h"

namespace rhumb::accuracy {

struct RowError {
  std::string row_id;
  std::string family;
  double measured = 0;
  double predicted = 0;
  double fraction() const { return predicted / measured - 1; }
};

// Mean absolute percentage error and what surrounds it, as fractions.
struct ErrorSummary {
  int count = 0;
  double mean_abs = 0;
  double median_abs = 0;
  double bias = 0;  // mean of the signed error
  RowError worst;
};

struct TableErrors {
  std::string name;  // file name without the extension
  std::vector<RowError> time;
  std::vector<RowError> memory;
  std::vector<std::string> not_expressed;  // "row: reason"
  int memory_rows_under_p95 = 0;
  int out_of_memory_rows = 0;
  int out_of_memory_caught = 0;
};

ErrorSummary Summarize(const std::vector<RowError>& errors);

// All rows of one CSV file. Rows that cannot be expressed are listed, not counted.
absl::StatusOr<TableErrors> EvaluateTable(const std::string& path);

// CSV files of a directory in name order, or the file itself.
std::vector<std::string> TableFiles(const std::string& directory_or_file);

// Mean over tables of the mean absolute error; tables without rows do not count.
double MeanOverTables(const std::vector<TableErrors>& tables,
                      std::vector<RowError> TableErrors::*which);

}  // namespace rhumb::accuracy

#endif  // RHUMB_TESTS_ACCURACY_ERROR_REPORT_H_

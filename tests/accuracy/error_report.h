// SPDX-License-Identifier: Apache-2.0
// Files of measured runs to the accuracy of their predictions, for the accuracy tests: the reader
// and the evaluator are the product's.
#ifndef RHUMB_TESTS_ACCURACY_ERROR_REPORT_H_
#define RHUMB_TESTS_ACCURACY_ERROR_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/calibrate/accuracy.h"
#include "planner/calibrate/calibrate.h"

namespace rhumb::accuracy {

// The runs of one CSV file; rows that cannot be expressed are left out.
absl::StatusOr<std::vector<MeasuredRun>> ReadRuns(const std::string& path);

// All rows of one CSV file, a table called by the file's name without its extension.
absl::StatusOr<TableAccuracy> EvaluateTable(const std::string& path);

// CSV files of a directory in name order, or the file itself.
std::vector<std::string> TableFiles(const std::string& directory_or_file);

// The runs with a measured step of every CSV file of a directory that has any, called by the files'
// names without extension; into `files` the paths, if given.
std::vector<RunGroup> TimedGroups(const std::string& directory, std::vector<std::string>* files);

}  // namespace rhumb::accuracy

#endif  // RHUMB_TESTS_ACCURACY_ERROR_REPORT_H_

// SPDX-License-Identifier: Apache-2.0
// The published tables of training runs that fits are judged on: which file, columns and rows make
// one data set.
#ifndef RHUMB_TESTS_ACCURACY_FIT_DATA_SETS_H_
#define RHUMB_TESTS_ACCURACY_FIT_DATA_SETS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/fit/observation.h"
#include "tests/accuracy/csv_records.h"

namespace rhumb::accuracy {

struct FitDataSet {
  std::string name;
  std::string file;  // in the data folder
  std::string params, tokens, loss;
  std::string flops;   // empty: 6ND
  std::string unique;  // empty: no repetition
  std::string run;     // columns joined by '|', empty: each row a run
  std::function<bool(const CsvRecord&)> keep = nullptr;  // nullptr: every row
  // Of rows of one (N, D) only the least loss: sweeps over hyper-parameters.
  bool best_of_cell = false;
  std::string fraction_of_schedule = {};
  ParamCountConvention convention = ParamCountConvention::kTotal;
};

// One entry per (laboratory, corpus, way of counting) of the folder.
std::vector<FitDataSet> FitDataSets();

// Rows with an empty or NaN cell in a named column are left out. Errors name file or column.
absl::StatusOr<ObservationSet> ReadFitDataSet(const std::string& folder, const FitDataSet& set);

}  // namespace rhumb::accuracy

#endif  // RHUMB_TESTS_ACCURACY_FIT_DATA_SETS_H_

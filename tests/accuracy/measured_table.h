// SPDX-License-Identifier: Apache-2.0
// Reads tables of measured training runs (CSV, one run a row) and predicts each row. What a table
// does not print is inferred where the format says how, and noted; a row that cannot be expressed
// keeps the reason.
#ifndef RHUMB_TESTS_ACCURACY_MEASURED_TABLE_H_
#define RHUMB_TESTS_ACCURACY_MEASURED_TABLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/cost/cost_model.h"

namespace rhumb::accuracy {

// A CSV record by column name. A column that the table lacks is absent.
using CsvRecord = std::map<std::string, std::string>;

// Records of CSV text with a header line; quoted fields may hold commas and doubled quotes. Leading
// '#' lines are comments. INVALID_ARGUMENT names the line of a record with too many fields.
absl::StatusOr<std::vector<CsvRecord>> ParseCsv(const std::string& text);
absl::StatusOr<std::vector<CsvRecord>> ReadCsvFile(const std::string& path);

struct MeasuredRow {
  std::string row_id;
  ModelShape shape;
  Gpu gpu;
  Fabric fabric;
  FrameworkProfile profile;
  Layout layout;
  int64_t global_batch_size = 0;
  // Not printed by the source: the fastest feasible value is taken.
  bool micro_batch_unknown = false;
  bool virtual_stages_unknown = false;
  bool recompute_unknown = false;
  // Share of layers under full recompute, when only some are ("every second layer"); absent
  // otherwise.
  std::optional<double> full_recompute_share;
  std::optional<double> step_seconds;
  std::optional<double> peak_bytes;
  bool peak_of_last_stage = false;  // the counter was read on the last rank only
  bool out_of_memory = false;
  std::string note;  // what was derived or inferred
};

// One row, or INVALID_ARGUMENT with the reason why it cannot be expressed.
absl::StatusOr<MeasuredRow> ParseMeasuredRow(const CsvRecord& record);

struct Prediction {
  double step_seconds = 0;
  double peak_bytes = 0;
  double p95_bytes = 0;
  Layout layout;  // with unknowns filled in
  std::string note;
};

// Prediction with `constants`; unknowns of the row take the fastest values that fit the GPU.
Prediction Predict(const MeasuredRow& row, const TimeConstants& constants);

}  // namespace rhumb::accuracy

#endif  // RHUMB_TESTS_ACCURACY_MEASURED_TABLE_H_

// SPDX-License-Identifier: Apache-2.0
// The golden file of fits and its CSV tables: rows chosen by the filter text of an entry.
#ifndef RHUMB_TESTS_PLANNER_FIT_GOLDEN_TABLE_H_
#define RHUMB_TESTS_PLANNER_FIT_GOLDEN_TABLE_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "planner/fit/observation.h"

namespace rhumb {

using Json = nlohmann::json;

// The golden file; null if it is absent.
const Json& GoldenFile();

// A CSV table: cells as text, by column.
struct CsvTable {
  std::vector<std::map<std::string, std::string>> rows;

  // Not a number for an empty cell.
  static double Number(const std::map<std::string, std::string>& row, const std::string& column);
};
CsvTable ReadTable(const std::string& file);

// What an entry's filter text says. A clause that is not understood fails the test that asks.
struct GoldenRows {
  CsvTable table;                          // the rows kept
  std::optional<double> train_max_flops;   // "train C<=X"
  std::optional<double> test_above_flops;  // "test C>Y"
};
GoldenRows FilteredRows(const Json& entry);

// The rows as observations, by the entry's column names ("tokens/params" is not a column).
std::vector<Observation> Observations(const Json& entry, const CsvTable& table);

}  // namespace rhumb

#endif  // RHUMB_TESTS_PLANNER_FIT_GOLDEN_TABLE_H_

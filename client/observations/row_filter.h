// SPDX-License-Identifier: Apache-2.0
// Conditions on the cells of a row, as `in_fit240==1 and name !~ rerun`: which rows of a table are
// meant.
#ifndef RHUMB_CLIENT_OBSERVATIONS_ROW_FILTER_H_
#define RHUMB_CLIENT_OBSERVATIONS_ROW_FILTER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb {

enum class Comparison {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kContains,
  kLacks
};

// "<=" as conditions write it.
absl::string_view ComparisonSymbol(Comparison comparison);

// `column comparison value`.
struct RowCondition {
  std::string column = {};
  Comparison comparison = Comparison::kEqual;
  std::string text = {};
  bool is_number = false;  // the value is one, and stood without quotes
  double number = 0;
};

// Conditions joined by `and`; all must hold. Operators: == (or =) != < <= > >=, and ~ and !~ for
// texts that contain another or do not. A column whose name holds blanks or operators stands in
// backticks, a text with either in single or double quotes. INVALID_ARGUMENT shows where it went
// wrong.
absl::StatusOr<std::vector<RowCondition>> ParseRowFilter(absl::string_view filter);

// Whether `cell` meets the condition. Numbers compare as numbers (1 is 1.0, 7B is 7e9), other texts
// as they are written. An empty cell, and one without a number beside a number, is only unequal.
bool Holds(const RowCondition& condition, absl::string_view cell);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_OBSERVATIONS_ROW_FILTER_H_

// SPDX-License-Identifier: Apache-2.0
// Which column of a table holds which quantity: by the field's name, an alias, or as the user says.
#ifndef RHUMB_CLIENT_OBSERVATIONS_OBSERVATION_COLUMNS_H_
#define RHUMB_CLIENT_OBSERVATIONS_OBSERVATION_COLUMNS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/observations/number_cell.h"
#include "planner/fit/observation.h"

namespace rhumb {

// A quantity of an Observation and the names its column may have, in lower case.
struct ObservationField {
  std::string name = {};
  std::vector<std::string> aliases = {};
  bool required = false;
  bool suffixes = false;  // 7B is a number
  NumberRange range = NumberRange::kPositive;
  // Puts a value into the observation; null for `run`, which is text.
  void (*set)(double value, Observation& observation) = nullptr;
};

// All fields; the required ones first.
const std::vector<ObservationField>& ObservationFields();

// `params (or param_count, n)`: a field with its aliases, for messages and help.
std::string DescribeField(const ObservationField& field);

// Names of `header` as messages list them, cut when there are many.
std::string ListColumns(const std::vector<std::string>& header);

// The place of the column called `name`: as written, else regardless of case. INVALID_ARGUMENT if
// there is none (with those there are) or two.
absl::StatusOr<size_t> FindColumn(const std::vector<std::string>& header, absl::string_view name);

// For each of ObservationFields() the column that holds it; absent where an optional one is
// missing. `renamed` says field -> column, the field by its name or an alias. A field's own name
// goes before its aliases, of which at most one may be there.
//
// INVALID_ARGUMENT, everything wrong at once and one a line: required columns that are missing with
// those there are, ambiguous ones, unknown fields or columns in `renamed`, a column used twice.
absl::StatusOr<std::vector<std::optional<size_t>>> ResolveColumns(
    const std::vector<std::string>& header, const std::map<std::string, std::string>& renamed);

// The field called `name` by its name or an alias, regardless of case; absent if there is none.
std::optional<size_t> FindField(absl::string_view name);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_OBSERVATIONS_OBSERVATION_COLUMNS_H_

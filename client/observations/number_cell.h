// SPDX-License-Identifier: Apache-2.0
// A number as tables hold it, and in plain words why a text is none.
#ifndef RHUMB_CLIENT_OBSERVATIONS_NUMBER_CELL_H_
#define RHUMB_CLIENT_OBSERVATIONS_NUMBER_CELL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb {

// What a number must be besides finite.
enum class NumberRange { kAny, kPositive, kNotNegative, kShare };

// `1e21`, `3.14`, `-2`; with `suffixes` also `7B`, `1.4T`. kShare is [0, 1].
// INVALID_ARGUMENT says what is wrong: empty, NaN, infinite, negative, a decimal comma, thousands
// separators, a percentage, beyond double, or no number at all.
absl::StatusOr<double> ReadNumberCell(absl::string_view cell, NumberRange range, bool suffixes);

// `text` as messages show it: quoted, control characters escaped, cut when long.
std::string ShownCell(absl::string_view text);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_OBSERVATIONS_NUMBER_CELL_H_

// SPDX-License-Identifier: Apache-2.0
#include "client/run_table/run_cells.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace rhumb {
std::string RunCells::Text(absl::string_view column) const {
  const auto place = columns_.find(std::string(column));
  if (place == columns_.end() || place->second >= cells_.size()) return "";
  return std::string(absl::StripAsciiWhitespace(cells_[place->second]));
}

bool RunCells::Has(absl::string_view column) const {
  const std::string text = Text(column);
  return !text.empty() && !absl::StartsWithIgnoreCase(text, "unk");
}

std::optional<double> RunCells::Number(absl::string_view column, NumberRange range, bool suffixes) {
  if (!Has(column)) return std::nullopt;
  const absl::StatusOr<double> value = ReadNumberCell(Text(column), range, suffixes);
  if (value.ok()) return *value;
  RefuseIf(column, value.status());
  return std::nullopt;
}

int64_t RunCells::Count(absl::string_view column, int64_t least, int64_t fallback, int64_t most) {
  const std::optional<double> value = Number(column, NumberRange::kAny);
  if (!value.has_value()) return fallback;
  if (*value != std::floor(*value) || *value < static_cast<double>(least) ||
      *value > static_cast<double>(most)) {
    Refuse(column, absl::StrCat("must be a whole number from ", least, " to ", most, ", got ",
                                ShownCell(Text(column))));
    return fallback;
  }
  return static_cast<int64_t>(*value);
}

int64_t RunCells::RequiredCount(absl::string_view column, int64_t most) {
  if (!Has(column)) Refuse(column, "is empty; every row needs it");
  return Count(column, 1, 1, most);
}

bool RunCells::Switch(absl::string_view column, bool fallback) {
  if (!Has(column)) return fallback;
  const std::string text = absl::AsciiStrToLower(Text(column));
  if (text == "1" || text == "true" || text == "yes") return true;
  if (text == "0" || text == "false" || text == "no") return false;
  Refuse(column, absl::StrCat("must be 0 or 1, got ", ShownCell(Text(column))));
  return fallback;
}

void RunCells::Refuse(absl::string_view column, absl::string_view reason) {
  if (!defect_.has_value()) defect_ = {std::string(column), std::string(reason)};
}

void RunCells::RefuseIf(absl::string_view column, const absl::Status& status) {
  if (!status.ok()) {
    const absl::string_view message = status.message();
    Refuse(column, message);
  }
}

}  // namespace rhumb

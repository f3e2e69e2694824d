// SPDX-License-Identifier: Apache-2.0
// The cells of one row of a table of measured runs by column, read strictly: the first defect of
// the row is kept with its column and a reason.
#ifndef RHUMB_CLIENT_RUN_TABLE_RUN_CELLS_H_
#define RHUMB_CLIENT_RUN_TABLE_RUN_CELLS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/observations/number_cell.h"

namespace rhumb {

// Column name -> place in a row.
using RunColumns = std::map<std::string, size_t>;

// Why a row cannot be expressed.
struct RunDefect {
  std::string column;  // empty if the row as a whole is wrong
  std::string reason;

  friend bool operator==(const RunDefect&, const RunDefect&) = default;
};

// Valid as long as the columns and cells it was made of. A getter that meets a defect records it,
// unless there is one already, and answers the fallback.
class RunCells {
 public:
  RunCells(const RunColumns& columns, const std::vector<std::string>& cells)
      : columns_(columns), cells_(cells) {}

  // Beyond any size of a model or a machine, and small enough that products of two stay whole.
  static constexpr int64_t kMostCount = 1'000'000'000;

  // Without blanks around it; empty where the table lacks the column.
  std::string Text(absl::string_view column) const;
  // Whether something was printed: neither empty nor "unk" nor "unk" with an explanation behind it.
  bool Has(absl::string_view column) const;
  // Absent where nothing was printed. With `suffixes` 7B is a number.
  std::optional<double> Number(absl::string_view column, NumberRange range, bool suffixes = false);
  // A whole number from `least` to `most`; `fallback` where nothing was printed.
  int64_t Count(absl::string_view column, int64_t least, int64_t fallback,
                int64_t most = kMostCount);
  // As Count from 1, of a column that the row must have.
  int64_t RequiredCount(absl::string_view column, int64_t most = kMostCount);
  // 0 or 1.
  bool Switch(absl::string_view column, bool fallback);

  void Refuse(absl::string_view column, absl::string_view reason);
  // As Refuse, if `status` is not OK.
  void RefuseIf(absl::string_view column, const absl::Status& status);
  bool ok() const { return !defect_.has_value(); }
  const std::optional<RunDefect>& defect() const { return defect_; }

 private:
  const RunColumns& columns_;
  const std::vector<std::string>& cells_;
  std::optional<RunDefect> defect_;
};

}  // namespace rhumb

#endif  // RHUMB_CLIENT_RUN_TABLE_RUN_CELLS_H_

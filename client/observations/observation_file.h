// SPDX-License-Identifier: Apache-2.0
// Observations for a fit from a table of delimited text: every row read or refused with its line,
// its column and a reason.
#ifndef RHUMB_CLIENT_OBSERVATIONS_OBSERVATION_FILE_H_
#define RHUMB_CLIENT_OBSERVATIONS_OBSERVATION_FILE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/fit/observation.h"

namespace rhumb {

struct ObservationFileOptions {
  std::map<std::string, std::string> columns;  // field -> column, where names and aliases do not do
  std::vector<std::string> filters;            // of ParseRowFilter; all must hold
  // Fraction read, now and then.
  std::function<void(double)> progress;
};

// Why one row cannot be used.
struct BadRow {
  int64_t line = 0;
  std::string column;  // as the header calls it; empty if the row as a whole is wrong
  std::string reason;

  friend bool operator==(const BadRow&, const BadRow&) = default;
};

// At most this many bad rows are described; the others are counted.
inline constexpr int kDescribedBadRows = 20;

struct ObservationTable {
  std::vector<Observation> observations;
  std::vector<int64_t> lines;    // where each stood, from 1
  std::vector<BadRow> bad_rows;  // the first kDescribedBadRows
  int64_t bad_row_count = 0;
  int64_t filtered_row_count = 0;  // sound or not, the filters do not want them
  std::vector<std::pair<std::string, std::string>> columns;  // field, the column it was read from
};

// The whole of the file at `path`, "-" for standard input: as ReadTextFile (text_file.h), with at
// most 256 MiB.
absl::StatusOr<std::string> ReadObservationText(
    const std::string& path, std::optional<double> timeout_seconds = std::nullopt);

// Observations of `text`: optional lines beginning with # and a line of column names, then a row a
// line. Cells are separated by commas, semicolons or tabs, whichever the header has most of.
//
// Rows that cannot be used are no error of the table but listed in it. INVALID_ARGUMENT if the text
// is no table, is not UTF-8, a quote is never closed, columns are missing or ambiguous, a filter is
// wrong, or no row is left and none is bad.
absl::StatusOr<ObservationTable> ParseObservations(absl::string_view text,
                                                   const ObservationFileOptions& options);

// "line 7, column loss_nats: must be positive, got "0"", one a line, and how many more there are.
std::string DescribeBadRows(const ObservationTable& table);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_OBSERVATIONS_OBSERVATION_FILE_H_

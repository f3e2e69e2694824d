// SPDX-License-Identifier: Apache-2.0
// A text of delimited cells to rows that know their lines, over libcsv. Says where a row is
// malformed and goes on behind it; what the cells mean is not its business.
#ifndef RHUMB_CLIENT_OBSERVATIONS_CSV_FILE_H_
#define RHUMB_CLIENT_OBSERVATIONS_CSV_FILE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rhumb {

struct CsvRow {
  int64_t line = 0;  // where it begins, from 1
  // Unquoted; unquoted cells without blanks around them. Of a malformed row those before the fault.
  std::vector<std::string> cells;
  std::string fault;  // why the row cannot be read; empty: it can
};

struct CsvOptions {
  char delimiter = ',';
  int64_t first_line = 1;  // line number of the beginning of the text
  // A row longer than this is a fault of the file: mostly a quote that was never closed.
  size_t max_row_bytes = size_t{1} << 20;
};

// Gives `sink` every row of `text` in order until it answers false; `offset` is how many bytes are
// read. Lines end in LF, CR LF or CR; blank lines, and lines of empty cells as spreadsheets leave
// them, are passed over. Quoting is that of RFC 4180, strictly.
//
// INVALID_ARGUMENT with the line if a quote is never closed or a row is too long: nothing behind it
// can be trusted.
absl::Status ReadCsv(absl::string_view text, const CsvOptions& options,
                     const std::function<bool(const CsvRow& row, size_t offset)>& sink);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_OBSERVATIONS_CSV_FILE_H_

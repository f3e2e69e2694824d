// SPDX-License-Identifier: Apache-2.0
// Whether bytes are a table of delimited text at all, where it begins, and what separates its
// cells.
#ifndef RHUMB_CLIENT_OBSERVATIONS_TABLE_TEXT_H_
#define RHUMB_CLIENT_OBSERVATIONS_TABLE_TEXT_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb {

struct TableText {
  size_t offset = 0;  // of the header line, behind byte order mark, comments and blank lines
  int64_t line = 1;   // its number
  char delimiter = ',';
};

// INVALID_ARGUMENT says what the bytes are instead: nothing, UTF-16, an archive or a spreadsheet,
// JSON, binary (with the line of the first NUL byte), or a header that is not UTF-8.
absl::StatusOr<TableText> FindTable(absl::string_view text);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_OBSERVATIONS_TABLE_TEXT_H_

// SPDX-License-Identifier: Apache-2.0
#include "tests/accuracy/csv_records.h"

#include <algorithm>

#include "client/observations/csv_file.h"
#include "client/observations/observation_file.h"
#include "client/observations/table_text.h"
#include "planner/status_macros.h"

namespace rhumb::accuracy {

absl::StatusOr<std::vector<CsvRecord>> ReadCsvFile(const std::string& path) {
  RHUMB_ASSIGN_OR_RETURN(const std::string text, ReadObservationText(path));
  RHUMB_ASSIGN_OR_RETURN(const TableText start, FindTable(text));
  std::vector<std::string> header;
  std::vector<CsvRecord> records;
  const CsvOptions options = {.delimiter = start.delimiter, .first_line = start.line};
  RHUMB_RETURN_IF_ERROR(ReadCsv(absl::string_view(text).substr(start.offset), options,
                                [&](const CsvRow& row, size_t) {
                                  if (header.empty()) {
                                    header = row.cells;
                                    return true;
                                  }
                                  CsvRecord& record = records.emplace_back();
                                  const size_t cells = std::min(row.cells.size(), header.size());
                                  for (size_t i = 0; i < cells; ++i)
                                    record[header[i]] = row.cells[i];
                                  return true;
                                }));
  return records;
}

}  // namespace rhumb::accuracy

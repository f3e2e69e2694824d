// SPDX-License-Identifier: Apache-2.0
// A CSV file as records by column name, for data sets of fits that are chosen by any column.
#ifndef RHUMB_TESTS_ACCURACY_CSV_RECORDS_H_
#define RHUMB_TESTS_ACCURACY_CSV_RECORDS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rhumb::accuracy {

// Cells by column name. Cells beyond the header are dropped, missing ones absent.
using CsvRecord = std::map<std::string, std::string>;

absl::StatusOr<std::vector<CsvRecord>> ReadCsvFile(const std::string& path);

}  // namespace rhumb::accuracy

#endif  // RHUMB_TESTS_ACCURACY_CSV_RECORDS_H_

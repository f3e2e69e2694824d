// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tests/accuracy/measured_table.h"

namespace rhumb::accuracy {
namespace {

// Splits one line; quoted fields may hold commas, "" is a quote.
std::vector<std::string> SplitLine(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"') {
        fields.back() += '"';
        ++i;
      } else {
        quoted = !quoted;
      }
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

}  // namespace

absl::StatusOr<std::vector<CsvRecord>> ParseCsv(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> header;
  std::vector<CsvRecord> records;
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> fields = SplitLine(line);
    if (header.empty()) {
      header = std::move(fields);
      continue;
    }
    if (fields.size() > header.size()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", fields.size(),
                                                     " fields, the header names ", header.size()));
    }
    CsvRecord record;
    for (size_t i = 0; i < fields.size(); ++i) record[header[i]] = fields[i];
    records.push_back(std::move(record));
  }
  if (header.empty()) return absl::InvalidArgumentError("no header line");
  return records;
}

absl::StatusOr<std::vector<CsvRecord>> ReadCsvFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot open ", path));
  std::ostringstream text;
  text << file.rdbuf();
  return ParseCsv(text.str());
}

}  // namespace rhumb::accuracy

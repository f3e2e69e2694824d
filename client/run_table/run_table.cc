// SPDX-License-Identifier: Apache-2.0
#include "client/run_table/run_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/config/text_file.h"
#include "client/config/utf8.h"
#include "client/observations/csv_file.h"
#include "client/observations/table_text.h"
#include "client/run_table/run_row.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;
constexpr size_t kProgressRows = 4096;

bool IsOneOf(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class TableReader {
 public:
  TableReader(const RunTableOptions& options, RunTable& table)
      : options_(options),
        gpu_types_(options.gpu_types.empty() ? GpuCatalog() : options.gpu_types),
        table_(table) {}

  absl::Status SetHeader(const CsvRow& row) {
    if (!row.fault.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", row.line, ": ", row.fault));
    }
    width_ = row.cells.size();
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const std::string name = absl::AsciiStrToLower(absl::StripAsciiWhitespace(row.cells[i]));
      titles_.push_back(name.empty() ? absl::StrCat(i + 1) : name);
      if (name.empty()) continue;
      if (!columns_.emplace(name, i).second) {
        return absl::InvalidArgumentError(absl::StrCat("line ", row.line, ": columns ",
                                                       columns_[name] + 1, " and ", i + 1,
                                                       " are both called ", ShownCell(name)));
      }
      if (!IsOneOf(RequiredRunColumns(), name) && !IsOneOf(OptionalRunColumns(), name)) {
        table_.ignored_columns.push_back(name);
      }
    }
    std::vector<std::string> missing;
    for (const std::string& name : RequiredRunColumns()) {
      if (columns_.count(name) == 0) missing.push_back(name);
    }
    if (!missing.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", row.line, ": no table of measured runs: no column called ",
                       absl::StrJoin(missing, ", ")));
    }
    const std::string group = absl::AsciiStrToLower(options_.group_column);
    if (!group.empty() && columns_.count(group) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no column called ", ShownCell(options_.group_column)));
    }
    group_ = group;
    return absl::OkStatus();
  }

  void Read(const CsvRow& row) {
    RunCells cells(columns_, row.cells);
    RunRow read;
    read.line = row.line;
    read.row_id = cells.Text("row_id");
    if (!IsUtf8(read.row_id)) cells.Refuse("row_id", "is not UTF-8");
    if (read.row_id.empty() || !cells.ok()) read.row_id = absl::StrCat("line ", row.line);
    if (!group_.empty()) read.group = cells.Text(group_);
    if (!row.fault.empty()) {
      cells.Refuse(Title(row.cells.size()), row.fault);
    } else if (row.cells.size() != width_) {
      const bool short_row = row.cells.size() < width_;
      cells.Refuse(short_row ? Title(row.cells.size()) : "",
                   absl::StrCat(short_row ? "is missing: " : "", "the row has ", row.cells.size(),
                                " cells, the header has ", width_));
    }
    if (cells.ok()) read.run = ReadRunRow(cells, gpu_types_);
    if (read.run.has_value()) read.run->row_id = read.row_id;
    if (!cells.ok()) read.defect = *cells.defect();
    table_.rows.push_back(std::move(read));
  }

 private:
  std::string Title(size_t place) const { return place < titles_.size() ? titles_[place] : ""; }

  const RunTableOptions& options_;
  const std::vector<Gpu>& gpu_types_;
  RunTable& table_;
  RunColumns columns_;
  std::vector<std::string> titles_;  // names, or places where there is none
  std::string group_;
  size_t width_ = 0;
};

}  // namespace

absl::StatusOr<std::string> ReadRunText(const std::string& path,
                                        std::optional<double> timeout_seconds) {
  const TextLimits limits = {.max_bytes = kMaxFileBytes, .timeout_seconds = timeout_seconds};
  return ReadTextFileOrInput(path, limits);
}

absl::StatusOr<RunTable> ParseRunTable(absl::string_view text, const RunTableOptions& options) {
  RHUMB_ASSIGN_OR_RETURN(const TableText start, FindTable(text));
  const absl::string_view body = text.substr(start.offset);
  RunTable table;
  TableReader reader(options, table);
  absl::Status header = absl::OkStatus();
  bool has_header = false;
  const CsvOptions csv = {.delimiter = start.delimiter, .first_line = start.line};
  const absl::Status read = ReadCsv(body, csv, [&](const CsvRow& row, size_t offset) {
    if (!has_header) {
      has_header = true;
      header = reader.SetHeader(row);
      return header.ok();
    }
    reader.Read(row);
    if (table.rows.size() % kProgressRows == 0 && options.progress) {
      options.progress(static_cast<double>(offset) / static_cast<double>(body.size()));
    }
    return true;
  });
  RHUMB_RETURN_IF_ERROR(header);
  RHUMB_RETURN_IF_ERROR(read);
  if (table.rows.empty()) {
    return absl::InvalidArgumentError("there is no row behind the column names");
  }
  return table;
}

std::string DescribeDefect(const RunRow& row) {
  return absl::StrCat("line ", row.line,
                      row.defect.column.empty() ? "" : absl::StrCat(", column ", row.defect.column),
                      ": ", row.defect.reason);
}

}  // namespace rhumb

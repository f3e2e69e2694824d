// SPDX-License-Identifier: Apache-2.0
#include "client/observations/observation_file.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/config/text_file.h"
#include "client/config/utf8.h"
#include "client/observations/csv_file.h"
#include "client/observations/number_cell.h"
#include "client/observations/observation_columns.h"
#include "client/observations/row_filter.h"
#include "client/observations/table_text.h"
#include "planner/fit/rows.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;
constexpr size_t kProgressRows = 4096;

// A condition and where its column stands.
struct PlacedCondition {
  RowCondition condition;
  size_t place = 0;
};

// One table being read: from the header on, a row at a time.
class TableReader {
 public:
  TableReader(const ObservationFileOptions& options, ObservationTable& table)
      : options_(options), table_(table) {}

  absl::Status SetHeader(const CsvRow& row) {
    header_ = row.cells;
    for (std::string& name : header_) name = std::string(absl::StripAsciiWhitespace(name));
    if (IsAllNumbers(header_)) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", row.line,
                       ": the first line must name the columns, as in "
                       "param_count,token_count,loss_nats; got ",
                       ListColumns(header_)));
    }
    RHUMB_ASSIGN_OR_RETURN(places_, ResolveColumns(header_, options_.columns));
    for (size_t i = 0; i < places_.size(); ++i) {
      if (places_[i].has_value()) {
        table_.columns.emplace_back(ObservationFields()[i].name, header_[*places_[i]]);
      }
    }
    for (const std::string& filter : options_.filters) {
      RHUMB_RETURN_IF_ERROR(AddFilter(filter));
    }
    return absl::OkStatus();
  }

  void Read(const CsvRow& row) {
    if (!row.fault.empty()) {
      return Refuse(row.line, ColumnName(row.cells.size()), row.fault);
    }
    if (row.cells.size() != header_.size()) {
      const std::string counts =
          absl::StrCat("has ", row.cells.size(), " cells, the header has ", header_.size());
      return Refuse(row.line, row.cells.size() < header_.size() ? ColumnName(row.cells.size()) : "",
                    row.cells.size() < header_.size() ? absl::StrCat("is missing: the row ", counts)
                                                      : absl::StrCat("the row ", counts));
    }
    for (const PlacedCondition& filter : filters_) {
      if (!Holds(filter.condition, row.cells[filter.place])) {
        ++table_.filtered_row_count;
        return;
      }
    }
    Observation observation;
    const std::vector<ObservationField>& fields = ObservationFields();
    for (size_t i = 0; i < fields.size(); ++i) {
      if (!places_[i].has_value()) continue;
      const std::string& cell = row.cells[*places_[i]];
      const absl::Status status = SetField(fields[i], cell, observation);
      if (!status.ok()) {
        return Refuse(row.line, header_[*places_[i]], std::string(status.message()));
      }
    }
    table_.observations.push_back(std::move(observation));
    table_.lines.push_back(row.line);
  }

  // Counts rows that are there, for whatever reason they are not used.
  int64_t RowCount() const {
    return static_cast<int64_t>(table_.observations.size()) + table_.bad_row_count +
           table_.filtered_row_count;
  }

 private:
  static bool IsAllNumbers(const std::vector<std::string>& cells) {
    return std::all_of(cells.begin(), cells.end(), [](const std::string& cell) {
      return ReadNumberCell(cell, NumberRange::kAny, true).ok();
    });
  }

  absl::Status AddFilter(const std::string& text) {
    absl::StatusOr<std::vector<RowCondition>> conditions = ParseRowFilter(text);
    if (!conditions.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--where: ", conditions.status().message()));
    }
    for (RowCondition& condition : *conditions) {
      absl::StatusOr<size_t> place = FindColumn(header_, condition.column);
      // training_flops is the column that was read as that, whatever it is called here.
      const std::optional<size_t> field = FindField(condition.column);
      if (!place.ok() && field.has_value() && places_[*field].has_value()) place = *places_[*field];
      if (!place.ok()) {
        return absl::InvalidArgumentError(absl::StrCat("--where: ", place.status().message()));
      }
      filters_.push_back({std::move(condition), *place});
    }
    return absl::OkStatus();
  }

  static absl::Status SetField(const ObservationField& field, absl::string_view cell,
                               Observation& observation) {
    const absl::string_view text = absl::StripAsciiWhitespace(cell);
    if (field.set == nullptr) {
      if (!IsUtf8(text)) return absl::InvalidArgumentError("is not UTF-8");
      observation.run = std::string(text);
      return absl::OkStatus();
    }
    // Not given is not wrong; a word such as "nan" is.
    if (text.empty() && !field.required) return absl::OkStatus();
    RHUMB_ASSIGN_OR_RETURN(const double value, ReadNumberCell(text, field.range, field.suffixes));
    const std::optional<PossibleRange> range = PossibleRangeOf(field.name);
    if (range.has_value() && !(value >= range->least && value <= range->most)) {
      return absl::InvalidArgumentError(absl::StrCat("must be from ", range->least, " to ",
                                                     range->most, ", got ", ShownCell(text)));
    }
    field.set(value, observation);
    return absl::OkStatus();
  }

  std::string ColumnName(size_t place) const {
    if (place >= header_.size()) return "";
    return header_[place].empty() ? absl::StrCat(place + 1) : header_[place];
  }

  void Refuse(int64_t line, std::string column, std::string reason) {
    ++table_.bad_row_count;
    if (table_.bad_rows.size() < kDescribedBadRows) {
      table_.bad_rows.push_back({line, std::move(column), std::move(reason)});
    }
  }

  const ObservationFileOptions& options_;
  ObservationTable& table_;
  std::vector<std::string> header_;
  std::vector<std::optional<size_t>> places_;  // by ObservationFields()
  std::vector<PlacedCondition> filters_;
};

}  // namespace

absl::StatusOr<std::string> ReadObservationText(const std::string& path,
                                                std::optional<double> timeout_seconds) {
  const TextLimits limits = {.max_bytes = kMaxFileBytes, .timeout_seconds = timeout_seconds};
  return ReadTextFileOrInput(path, limits);
}

absl::StatusOr<ObservationTable> ParseObservations(absl::string_view text,
                                                   const ObservationFileOptions& options) {
  RHUMB_ASSIGN_OR_RETURN(const TableText start, FindTable(text));
  const absl::string_view body = text.substr(start.offset);
  ObservationTable table;
  TableReader reader(options, table);
  absl::Status header = absl::OkStatus();
  bool has_header = false;
  size_t rows = 0;
  const CsvOptions csv = {.delimiter = start.delimiter, .first_line = start.line};
  const absl::Status read = ReadCsv(body, csv, [&](const CsvRow& row, size_t offset) {
    if (!has_header) {
      has_header = true;
      header = row.fault.empty()
                   ? reader.SetHeader(row)
                   : absl::InvalidArgumentError(absl::StrCat("line ", row.line, ": ", row.fault));
      return header.ok();
    }
    reader.Read(row);
    if (++rows % kProgressRows == 0 && options.progress) {
      options.progress(static_cast<double>(offset) / static_cast<double>(body.size()));
    }
    return true;
  });
  RHUMB_RETURN_IF_ERROR(header);
  RHUMB_RETURN_IF_ERROR(read);
  if (!has_header) return absl::InvalidArgumentError("the file has no line of column names");
  if (reader.RowCount() == 0) {
    return absl::InvalidArgumentError("there is no row behind the column names");
  }
  if (table.observations.empty() && table.bad_row_count == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--where leaves none of the ", table.filtered_row_count, " rows"));
  }
  return table;
}

std::string DescribeBadRows(const ObservationTable& table) {
  std::string text;
  for (const BadRow& row : table.bad_rows) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", "line ", row.line,
                    row.column.empty() ? "" : absl::StrCat(", column ", row.column), ": ",
                    row.reason);
  }
  const int64_t more = table.bad_row_count - static_cast<int64_t>(table.bad_rows.size());
  if (more > 0) absl::StrAppend(&text, "\nand ", more, " more bad rows");
  return text;
}

}  // namespace rhumb

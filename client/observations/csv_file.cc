// SPDX-License-Identifier: Apache-2.0
#include "client/observations/csv_file.h"

#include <csv.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace rhumb {
namespace {

// Bytes of the first line of `text`, its end included.
size_t LineLength(absl::string_view text) {
  const size_t end = text.find_first_of("\r\n");
  if (end == absl::string_view::npos) return text.size();
  return end + (text.substr(end, 2) == "\r\n" ? 2 : 1);
}

// libcsv takes tabs for blanks, which eats empty cells of tab-separated files.
int IsBlank(unsigned char c) { return c == CSV_SPACE ? 1 : 0; }

// libcsv's parser, with what it has said since the last Feed().
class Parser {
 public:
  explicit Parser(char delimiter) : delimiter_(delimiter) { Open(); }
  ~Parser() { csv_free(&parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // False if `line` cannot continue what stands before it.
  bool Feed(absl::string_view line) {
    row_ended_ = false;
    return csv_parse(&parser_, line.data(), line.size(), OnCell, OnRow, this) == line.size();
  }
  // False if the text ends inside quotes.
  bool Finish() {
    row_ended_ = false;
    return csv_fini(&parser_, OnCell, OnRow, this) == 0;
  }
  // Forgets the row it is in.
  void Reset() {
    csv_free(&parser_);
    Open();
    cells_.clear();
  }

  bool row_ended() const { return row_ended_; }
  std::vector<std::string>& cells() { return cells_; }

 private:
  void Open() {
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_delim(&parser_, static_cast<unsigned char>(delimiter_));
    if (delimiter_ == '\t') csv_set_space_func(&parser_, IsBlank);
  }
  static void OnCell(void* cell, size_t size, void* self) {
    static_cast<Parser*>(self)->cells_.emplace_back(static_cast<const char*>(cell), size);
  }
  static void OnRow(int, void* self) { static_cast<Parser*>(self)->row_ended_ = true; }

  char delimiter_;
  csv_parser parser_;
  std::vector<std::string> cells_;
  bool row_ended_ = false;
};

bool IsEmptyRow(const std::vector<std::string>& cells) {
  return std::all_of(cells.begin(), cells.end(), [](const std::string& cell) {
    return cell.find_first_not_of(" \t") == std::string::npos;
  });
}

}  // namespace

absl::Status ReadCsv(absl::string_view text, const CsvOptions& options,
                     const std::function<bool(const CsvRow& row, size_t offset)>& sink) {
  Parser parser(options.delimiter);
  CsvRow row;
  int64_t line = options.first_line;
  size_t offset = 0;
  // Where the row being read begins; several lines if quotes hold line ends.
  size_t row_offset = 0;
  int64_t row_line = line;
  bool open = false;

  const auto deliver = [&] {
    row.line = row_line;
    std::swap(row.cells, parser.cells());
    parser.cells().clear();
    const bool wanted = row.fault.empty() && IsEmptyRow(row.cells) ? true : sink(row, offset);
    row.fault.clear();
    return wanted;
  };

  while (offset < text.size()) {
    const size_t length = LineLength(text.substr(offset));
    const absl::string_view piece = text.substr(offset, length);
    if (!open) {
      row_offset = offset;
      row_line = line;
    }
    if (offset + length - row_offset > options.max_row_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", row_line, ": the row that begins here is longer than ",
                       options.max_row_bytes, " bytes", open ? "; is a quote never closed?" : ""));
    }
    if (!parser.Feed(piece)) {
      // Whatever follows the row's first line may be sound again: a quote too many must not cost
      // the rows it swallowed.
      row.fault = "a quote inside a cell; put the whole cell in quotes and double those inside";
      std::vector<std::string> cells = parser.cells();
      parser.Reset();
      parser.cells() = std::move(cells);
      offset = row_offset + LineLength(text.substr(row_offset));
      line = row_line + 1;
      open = false;
      if (!deliver()) return absl::OkStatus();
      continue;
    }
    offset += length;
    ++line;
    if (parser.row_ended()) {
      open = false;
      if (!deliver()) return absl::OkStatus();
    } else {
      open = open || piece.find_first_not_of(" \t\r\n") != absl::string_view::npos;
    }
  }
  if (!parser.Finish()) {
    return absl::InvalidArgumentError(absl::StrCat("line ", row_line, ", column ",
                                                   parser.cells().size() + 1,
                                                   ": a quote that begins here is never closed"));
  }
  if (parser.row_ended()) deliver();
  return absl::OkStatus();
}

}  // namespace rhumb

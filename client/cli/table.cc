// SPDX-License-Identifier: Apache-2.0
#include "client/cli/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace rhumb::cli {
namespace {

constexpr char kGap[] = "  ";

std::string Shown(const std::string& cell, const TableOptions& options) {
  // A separator or a line feed inside a cell would tear a script's row apart.
  if (options.parsable) return absl::StrReplaceAll(cell, {{"|", "/"}, {"\n", " "}});
  return cell.empty() ? "-" : absl::StrReplaceAll(cell, {{"\n", " "}});
}

}  // namespace

std::string RenderTable(const Table& table, const TableOptions& options, const Terminal& terminal) {
  std::vector<size_t> shown;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (options.wide || options.parsable || !table.columns[i].wide_only) shown.push_back(i);
  }
  std::vector<int> widths(table.columns.size(), 0);
  for (const size_t i : shown) {
    widths[i] = options.header ? DisplayWidth(table.columns[i].title) : 0;
    for (const auto& row : table.rows)
      widths[i] = std::max(widths[i], DisplayWidth(Shown(row[i], options)));
  }

  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells, Style style) {
    std::vector<std::string> parts;
    for (const size_t i : shown) {
      const std::string cell = Shown(cells[i], options);
      if (options.parsable) {
        parts.push_back(cell);
      } else if (table.columns[i].number) {
        parts.push_back(PadLeft(cell, widths[i]));
      } else {
        parts.push_back(i == shown.back() ? cell : PadRight(cell, widths[i]));
      }
    }
    const std::string line = absl::StrJoin(parts, options.parsable ? "|" : kGap);
    absl::StrAppend(&text, options.parsable ? line : Styled(terminal, style, line), "\n");
  };
  if (options.header) {
    std::vector<std::string> titles;
    for (const Column& column : table.columns) titles.push_back(column.title);
    add_line(titles, Style::kBold);
  }
  for (const auto& row : table.rows) add_line(row, Style::kPlain);
  return text;
}

}  // namespace rhumb::cli

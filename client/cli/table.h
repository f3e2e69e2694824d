// SPDX-License-Identifier: Apache-2.0
// Rows and columns as aligned text, or as one line a row for scripts.
#ifndef RHUMB_CLIENT_CLI_TABLE_H_
#define RHUMB_CLIENT_CLI_TABLE_H_

#include <string>
#include <vector>

#include "client/cli/terminal.h"

namespace rhumb::cli {

struct Column {
  std::string title = {};  // upper case, unit included where the cells do not carry it
  bool number = false;     // aligned to the right
  bool wide_only = false;
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as `columns`
};

struct TableOptions {
  bool wide = false;  // with the columns that are wide_only
  bool header = true;
  bool parsable = false;  // fields separated by |, unaligned, never shortened
};

// One line a row, each ending in a line feed. A cell that is empty is shown as "-" unless parsable.
std::string RenderTable(const Table& table, const TableOptions& options, const Terminal& terminal);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_TABLE_H_

// SPDX-License-Identifier: Apache-2.0
// Errors over tables of measured runs as text, table and JSON.
#ifndef RHUMB_CLIENT_CLI_RENDER_ACCURACY_H_
#define RHUMB_CLIENT_CLI_RENDER_ACCURACY_H_

#include <string>
#include <vector>

#include "client/cli/table.h"
#include "client/cli/terminal.h"
#include "planner/calibrate/accuracy.h"

namespace rhumb::cli {

// A table of times, one of memory, and sentences on what fits and what could not be expressed.
std::string RenderAccuracy(const std::vector<TableAccuracy>& tables, const TableOptions& options,
                           const Terminal& terminal);

// One row a table and measured quantity.
Table AccuracyTable(const std::vector<TableAccuracy>& tables);

// {"tables": [...], "overall": {...}}: errors as fractions.
std::string AccuracyJson(const std::vector<TableAccuracy>& tables);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_ACCURACY_H_

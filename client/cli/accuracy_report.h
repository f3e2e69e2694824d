// SPDX-License-Identifier: Apache-2.0
// How planned and actual have compared over the runs that ended, as text.
#ifndef RHUMB_CLIENT_CLI_ACCURACY_REPORT_H_
#define RHUMB_CLIENT_CLI_ACCURACY_REPORT_H_

#include <string>

#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cli/table.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {

// One row a group and quantity.
Table AccuracyGroupsTable(const v1::AccuracyReport& report);

// A sentence, the table, and which runs are left out.
std::string RenderAccuracyReport(const v1::AccuracyReport& report, const TableOptions& options,
                                 const Terminal& terminal);

// --since and --cluster.
std::vector<Flag> AccuracyReportFlags();

// `rhumb accuracy` without a table: asks the daemon and answers the exit code. --by is the
// grouping.
int RunAccuracyReport(const Invocation& invocation, Context& context);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_ACCURACY_REPORT_H_

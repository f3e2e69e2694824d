// SPDX-License-Identifier: Apache-2.0
// A run as a person reads it: the report at the end of a job.
#ifndef RHUMB_CLIENT_CLI_RUN_REPORT_H_
#define RHUMB_CLIENT_CLI_RUN_REPORT_H_

#include <string>
#include <vector>

#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/run.pb.h"

namespace rhumb::cli {

// "runs/r-12: job 123 on mine succeeded after 3 h 12 min on 16 H100-SXM5-80GB, 4% faster than
// planned."
std::string RunSentence(const v1::Run& run);

// The sentence, what it was created with, how far it is and where it goes, alarms, planned numbers
// beside what happened, its jobs and processes, and what to do. `wide`: also where numbers are
// from, and more of the jobs. `losses`, first to last, are drawn in a line where the terminal can.
std::string RenderRun(const v1::Run& run, bool wide, const Terminal& terminal,
                      const std::vector<double>& losses = {});

// Rows of what the run was created with; none of what nobody said.
void AddSettings(const v1::RunSettings& settings, Report& report);

// One row a run.
Table RunsTable(const std::vector<v1::Run>& runs);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_REPORT_H_

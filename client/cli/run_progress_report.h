// SPDX-License-Identifier: Apache-2.0
// What a run's samples say, as parts of its report: forecast, alarms, processes, plans before.
#ifndef RHUMB_CLIENT_CLI_RUN_PROGRESS_REPORT_H_
#define RHUMB_CLIENT_CLI_RUN_PROGRESS_REPORT_H_

#include <string>
#include <vector>

#include "client/cli/report.h"
#include "client/cli/table.h"
#include "rhumb/v1/run.pb.h"
#include "rhumb/v1/run_progress.pb.h"

namespace rhumb::cli {

// "45.2%, 9.04B of 20B tokens, step 17,250, told 2027-03-01T12:00:00Z"; empty without a sample.
std::string ProgressText(const v1::Run& run);

// "final loss 2.213 nats (90%: 2.195-2.232, by prior and run); ends ..."; empty where nothing is
// known.
std::string ForecastText(const v1::RunForecast& forecast);

// Progress, forecast and alarms, those that last first, each with since when and what to do.
void AddProgress(const v1::Run& run, Report& report);

// The processes that reported, and the plans that it had before. `wide`: also ids and owners.
void AddAttempts(const v1::Run& run, bool wide, Report& report);

// One row an alarm, in the given order.
Table AlarmsTable(const std::vector<v1::DriftAlarm>& alarms);

// One row a sample.
Table SamplesTable(const std::vector<v1::RunSample>& samples);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_PROGRESS_REPORT_H_

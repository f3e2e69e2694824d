// SPDX-License-Identifier: Apache-2.0
// Rows that ran the same configuration: whether they agree, and as what they count. The model says
// the same of all of them, so that they are one piece of evidence, however often it is written
// down.
#ifndef RHUMB_PLANNER_CALIBRATE_REPEATED_RUNS_H_
#define RHUMB_PLANNER_CALIBRATE_REPEATED_RUNS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "planner/calibrate/calibrate.h"
#include "planner/cost/measured_run.h"

namespace rhumb {

// How many times longer one row of a configuration may take than another. Of 36 configurations that
// public tables repeat within one software release, 9 of 10 stay below 1.14 and the farthest is at
// 1.25; between releases one reaches 1.77 (docs/accuracy.md). Beyond the first ratio they are worth
// a remark; beyond the second at least one row is off by a fifth, more than all but the worst
// predictions, and nobody here can say which: where that is so of more than a quarter of the
// configurations with several rows, the tables contradict each other. No run takes twice as long as
// the same one.
inline constexpr double kUsualRepeatRatio = 1.15;
inline constexpr double kMostRepeatRatio = 1.5;
inline constexpr double kMostContradictingShare = 0.25;
inline constexpr double kImpossibleRepeatRatio = 2;

// A measured row and the table that it stands in.
struct TableRow {
  const std::string* table = nullptr;
  const MeasuredRun* run = nullptr;
};

// A configuration and the rows with a measured step that ran it, in the order of the tables.
using Configuration = std::vector<TableRow>;

// In the order of their first rows. The rows point into `groups`.
std::vector<Configuration> ConfigurationsOf(const std::vector<RunGroup>& groups);

// INVALID_ARGUMENT naming two rows of one configuration that are more than kImpossibleRepeatRatio
// apart, or the two farthest where more than kMostContradictingShare of the configurations with
// several rows are more than kMostRepeatRatio apart; and how many configurations are.
absl::Status CheckRunsAgree(const std::vector<Configuration>& configurations);

// Sentences about rows of one configuration that are farther apart than kUsualRepeatRatio: one for
// every two tables, or table, that they stand in.
std::vector<std::string> RepeatRemarks(const std::vector<Configuration>& configurations);

// Its first row, with the mean of ln(measured) of all of them.
MeasuredRun MeanRun(const Configuration& rows);

// Every configuration as its mean run, in the table of its first row. Tables without such a row are
// absent.
std::vector<RunGroup> OnceEach(const std::vector<Configuration>& configurations);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_CALIBRATE_REPEATED_RUNS_H_

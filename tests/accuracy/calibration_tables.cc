// SPDX-License-Identifier: Apache-2.0
// calibration_tables DIR_OR_CSV...: what a calibration on tables of measured runs reaches on runs
// that it was not fitted on. With --spreads it prints instead how assumptions on the spread of
// machines do after three runs of tables that the constants were fitted without.
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "planner/calibrate/constant_space.h"
#include "planner/calibrate/left_out.h"
#include "planner/calibrate/shipped_fit.h"
#include "tests/accuracy/error_report.h"

namespace {

void PrintErrors(const char* title, const rhumb::LeftOutErrors& errors) {
  std::printf("%-24s %6s %7s %7s  %s\n", title, "rows", "MAPE", "bias", "in 90%");
  double inside = 0;
  int tables = 0;
  for (const rhumb::TableAccuracy& table : errors.tables) {
    if (table.time.empty()) continue;
    const rhumb::ErrorSummary summary = rhumb::Summarize(table.time);
    const double share = static_cast<double>(table.time_in_interval) / summary.count;
    inside += share;
    ++tables;
    std::printf("%-24s %6d %6.1f%% %+6.1f%%  %.1f%%\n", table.name.c_str(), summary.count,
                100 * summary.mean_abs, 100 * summary.bias, 100 * share);
  }
  std::printf("%-24s        %6.1f%%          %.1f%% (mean over tables)\n", "mean of splits",
              100 * errors.mean_abs, 100 * inside / tables);
  const rhumb::TableAccuracy all = rhumb::Pooled(errors.tables);
  std::printf("%-24s %6zu                  %.1f%%\nsplits:", "all rows", all.time.size(),
              100.0 * all.time_in_interval / static_cast<double>(all.time.size()));
  for (const double split : errors.by_split) std::printf(" %.1f%%", 100 * split);
  std::printf("\n\n");
}

void PrintFit(const std::vector<rhumb::RunGroup>& groups) {
  const auto calibration = rhumb::Calibrate(groups, {});
  if (!calibration.ok()) return;
  for (const rhumb::FamilyCalibration& family : calibration->families) {
    std::printf("%s: %s; error %.2f%% -> %.2f%%%s\n", family.constants.family.c_str(),
                family.constants.source.c_str(), 100 * family.default_error, 100 * family.error,
                family.complete ? "" : " (not complete)");
    const rhumb::TimeConstants& before = rhumb::TimeConstantsOf(family.constants.family);
    for (const rhumb::ConstantAxis& axis : rhumb::AxesOf(before)) {
      std::printf("  %-26s %10.4g -> %10.4g\n", axis.name, before.*axis.member,
                  family.constants.*axis.member);
    }
  }
}

// Mean over tables of the error after three runs of a table, by the two spreads.
int PrintSpreads(const std::vector<rhumb::RunGroup>& groups) {
  constexpr double kSpreads[] = {0.03, 0.06, 0.1, 0.2};
  double errors[std::size(kSpreads)][std::size(kSpreads)] = {};
  double uncalibrated = 0;
  int tables = 0;
  rhumb::LeftOutOptions options = rhumb::ShippedLeftOutOptions();
  options.split_count = 20;
  for (const rhumb::RunGroup& judged : groups) {
    if (judged.runs.size() < 8) continue;
    std::vector<rhumb::RunGroup> others;
    for (const rhumb::RunGroup& group : groups) {
      if (group.name != judged.name)
        others.push_back(rhumb::Thinned(group, options.max_fitted_rows));
    }
    const auto fit = rhumb::FitShippedConstants(others, options.shipped_fit);
    if (!fit.ok()) return 1;
    rhumb::RunGroup moved = judged;
    std::map<std::string, rhumb::TimeConstants> families;
    for (rhumb::MeasuredRun& run : moved.runs) {
      run.profile = rhumb::ProfileAt(fit->values, run.profile);
      families.try_emplace(run.gpu.family, rhumb::FamilyAt(fit->values, run.gpu.family));
    }
    options.calibration.defaults = [&](absl::string_view family) -> const rhumb::TimeConstants& {
      return families.at(std::string(family));
    };
    double unmoved = 0;
    for (const rhumb::MeasuredRun& run : moved.runs) {
      const double seconds = rhumb::PredictRun(run, families.at(run.gpu.family)).step_seconds;
      unmoved += std::abs(seconds / *run.step_seconds - 1);
    }
    uncalibrated += unmoved / static_cast<double>(moved.runs.size());
    ++tables;
    for (size_t i = 0; i < std::size(kSpreads); ++i) {
      for (size_t j = 0; j < std::size(kSpreads); ++j) {
        options.calibration.shared_log_spread = kSpreads[i];
        options.calibration.own_log_spread = kSpreads[j];
        const auto few = rhumb::JudgeAfterFewRuns({moved}, 3, 8, options);
        if (!few.ok()) return 1;
        errors[i][j] += few->mean_abs;
      }
    }
  }
  std::printf("%d tables, without their runs: %.2f%%\n| together |", tables,
              100 * uncalibrated / tables);
  for (const double own : kSpreads) std::printf(" own %g |", own);
  std::printf("\n| --- | --- | --- | --- | --- |\n");
  for (size_t i = 0; i < std::size(kSpreads); ++i) {
    std::printf("| %g |", kSpreads[i]);
    for (const double error : errors[i]) std::printf(" %.2f%% |", 100 * error / tables);
    std::printf("\n");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool spreads = argc == 3 && std::strcmp(argv[2], "--spreads") == 0;
  if (argc < 2) {
    std::fprintf(stderr, "usage: calibration_tables DIR --spreads | DIR_OR_CSV...\n");
    return 2;
  }
  if (spreads) return PrintSpreads(rhumb::accuracy::TimedGroups(argv[1], nullptr));
  std::vector<rhumb::RunGroup> groups;
  for (int i = 1; i < argc; ++i) {
    for (const std::string& file : rhumb::accuracy::TableFiles(argv[i])) {
      auto runs = rhumb::accuracy::ReadRuns(file);
      if (!runs.ok()) continue;
      groups.push_back({file.substr(file.rfind('/') + 1), *std::move(runs)});
    }
  }
  rhumb::LeftOutOptions options;
  options.max_fitted_rows = 100;
  options.calibration.defaults = rhumb::AnchorConstantsOf;
  if (const auto errors = rhumb::JudgeOnLeftOutTables(groups, options); errors.ok()) {
    PrintErrors("tables left out", *errors);
  }
  options.calibration.defaults = rhumb::TimeConstantsOf;
  options.split_count = 20;
  if (const auto errors = rhumb::JudgeAfterFewRuns(groups, 3, 8, options); errors.ok()) {
    PrintErrors("after 3 runs", *errors);
  }
  PrintFit(groups);
  return 0;
}

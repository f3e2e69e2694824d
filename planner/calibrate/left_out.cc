// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/left_out.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "planner/fit/random.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

std::vector<RunGroup> WithMeasuredSteps(const std::vector<RunGroup>& groups, int least_rows) {
  std::vector<RunGroup> kept;
  for (const RunGroup& group : groups) {
    RunGroup timed = {.name = group.name, .runs = {}};
    for (const MeasuredRun& run : group.runs) {
      if (run.step_seconds.has_value()) timed.runs.push_back(run);
    }
    if (static_cast<int>(timed.runs.size()) >= least_rows) kept.push_back(std::move(timed));
  }
  return kept;
}

RunGroup Thinned(const RunGroup& group, int max_rows) {
  const size_t count = group.runs.size();
  const size_t most = static_cast<size_t>(max_rows);
  if (max_rows <= 0 || count <= most) return group;
  RunGroup thinned = {.name = group.name, .runs = {}};
  for (size_t i = 0; i < most; ++i) thinned.runs.push_back(group.runs[i * count / most]);
  return thinned;
}

// 0 .. count - 1 in random order (Fisher & Yates).
std::vector<size_t> Shuffled(size_t count, Random& random) {
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = i;
  for (size_t i = count; i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(random.Below(static_cast<int>(i)))]);
  }
  return order;
}

// Judges `run` with its family's constants and counts it into `table`.
void Judge(const MeasuredRun& run, const Calibration& calibration, const LeftOutOptions& options,
           TableAccuracy& table) {
  const TimeConstants& constants = ConstantsOf(calibration, options.calibration, run.gpu.family);
  AddRun(run, PredictRun(run, constants), table);
}

void Append(const TableAccuracy& judged, TableAccuracy& all) {
  const std::string name = all.name;
  all = Pooled({all, judged});
  all.name = name;
}

std::vector<TableAccuracy> NamedLike(const std::vector<RunGroup>& groups) {
  std::vector<TableAccuracy> tables(groups.size());
  for (size_t i = 0; i < groups.size(); ++i) tables[i].name = groups[i].name;
  return tables;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

}  // namespace

absl::StatusOr<LeftOutErrors> JudgeOnLeftOutTables(const std::vector<RunGroup>& groups,
                                                   const LeftOutOptions& options) {
  const std::vector<RunGroup> timed = WithMeasuredSteps(groups, 1);
  if (timed.size() < 3) {
    return absl::InvalidArgumentError("at least three tables with measured steps are needed");
  }
  const size_t held_out =
      std::clamp<size_t>(static_cast<size_t>(std::llround(options.held_out_fraction *
                                                          static_cast<double>(timed.size()))),
                         1, timed.size() - 1);
  LeftOutErrors errors;
  errors.tables = NamedLike(timed);
  Random random(options.seed);
  for (int split = 0; split < options.split_count; ++split) {
    const std::vector<size_t> order = Shuffled(timed.size(), random);
    std::vector<RunGroup> fitted;
    for (size_t i = held_out; i < order.size(); ++i) {
      fitted.push_back(Thinned(timed[order[i]], options.max_fitted_rows));
    }
    RHUMB_ASSIGN_OR_RETURN(const ShippedFit fit, FitShippedConstants(fitted, options.shipped_fit));
    std::vector<TableAccuracy> judged;
    for (size_t i = 0; i < held_out; ++i) {
      TableAccuracy& table = judged.emplace_back();
      for (const MeasuredRun& run : timed[order[i]].runs) {
        AddRun(run, PredictRunAt(fit.values, run), table);
      }
      Append(table, errors.tables[order[i]]);
    }
    errors.by_split.push_back(MeanOverTables(judged, &TableAccuracy::time));
  }
  errors.mean_abs = Mean(errors.by_split);
  return errors;
}

absl::StatusOr<LeftOutErrors> JudgeAfterFewRuns(const std::vector<RunGroup>& groups, int run_count,
                                                int least_rows, const LeftOutOptions& options) {
  const std::vector<RunGroup> timed =
      WithMeasuredSteps(groups, std::max(least_rows, run_count + 1));
  LeftOutErrors errors;
  errors.tables = NamedLike(timed);
  Random random(options.seed);
  for (int split = 0; split < options.split_count; ++split) {
    std::vector<TableAccuracy> judged;
    for (size_t g = 0; g < timed.size(); ++g) {
      const std::vector<size_t> order = Shuffled(timed[g].runs.size(), random);
      RunGroup few = {.name = timed[g].name, .runs = {}};
      for (int i = 0; i < run_count; ++i) {
        few.runs.push_back(timed[g].runs[order[static_cast<size_t>(i)]]);
      }
      RHUMB_ASSIGN_OR_RETURN(const Calibration calibration, Calibrate({few}, options.calibration));
      TableAccuracy& table = judged.emplace_back();
      for (size_t i = static_cast<size_t>(run_count); i < order.size(); ++i) {
        Judge(timed[g].runs[order[i]], calibration, options, table);
      }
      Append(table, errors.tables[g]);
    }
    errors.by_split.push_back(MeanOverTables(judged, &TableAccuracy::time));
  }
  errors.mean_abs = Mean(errors.by_split);
  return errors;
}

}  // namespace rhumb

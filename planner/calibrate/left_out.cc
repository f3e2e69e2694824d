// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/left_out.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
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

// Runs of the same dimensions are of the same model.
std::string ModelOf(const MeasuredRun& run) {
  const ModelShape& shape = run.shape;
  return absl::StrCat(shape.num_layers, " ", shape.hidden_size, " ", shape.num_attention_heads, " ",
                      shape.ffn_hidden_size, " ", shape.expert_count, " ", shape.vocab_size);
}

// Families that runs of one table only are of.
std::set<std::string> FamiliesOfOneTable(const std::vector<RunGroup>& groups) {
  std::map<std::string, std::set<std::string>> tables;
  for (const RunGroup& group : groups) {
    for (const MeasuredRun& run : group.runs) tables[run.gpu.family].insert(group.name);
  }
  std::set<std::string> families;
  for (const auto& [family, names] : tables) {
    if (names.size() == 1) families.insert(family);
  }
  return families;
}

// Fits on the runs of `groups` that `is_left_out` does not name, and counts the others into the
// tables.
template <typename IsLeftOut>
absl::Status JudgeWithout(const std::vector<RunGroup>& groups, const LeftOutOptions& options,
                          const IsLeftOut& is_left_out, std::vector<TableAccuracy>& tables) {
  std::vector<RunGroup> fitted;
  for (size_t g = 0; g < groups.size(); ++g) {
    RunGroup kept = {.name = groups[g].name, .runs = {}};
    for (const MeasuredRun& run : groups[g].runs) {
      if (!is_left_out(g, run)) kept.runs.push_back(run);
    }
    if (!kept.runs.empty()) fitted.push_back(Thinned(kept, options.max_fitted_rows));
  }
  RHUMB_ASSIGN_OR_RETURN(const ShippedFit fit, FitShippedConstants(fitted, options.shipped_fit));
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const MeasuredRun& run : groups[g].runs) {
      if (is_left_out(g, run)) AddRun(run, PredictRunAt(fit.values, run), tables[g]);
    }
  }
  return absl::OkStatus();
}

// Of values with weights, the least at or below which lies `share` of the weight.
double Quantile(const std::vector<std::pair<double, double>>& sorted, double share) {
  double total = 0;
  for (const auto& [value, weight] : sorted) total += weight;
  double below = 0;
  for (const auto& [value, weight] : sorted) {
    below += weight;
    if (below >= share * total) return value;
  }
  return sorted.empty() ? 0 : sorted.back().first;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

}  // namespace

RunGroup Thinned(const RunGroup& group, int max_rows) {
  const size_t count = group.runs.size();
  const size_t most = static_cast<size_t>(max_rows);
  if (max_rows <= 0 || count <= most) return group;
  RunGroup thinned = {.name = group.name, .runs = {}};
  for (size_t i = 0; i < most; ++i) thinned.runs.push_back(group.runs[i * count / most]);
  return thinned;
}

LeftOutOptions ShippedLeftOutOptions() {
  LeftOutOptions options;
  options.max_fitted_rows = 100;
  return options;
}

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

absl::StatusOr<LeftOutErrors> JudgeOnEachLeftOutTable(const std::vector<RunGroup>& groups,
                                                      const LeftOutOptions& options) {
  const std::vector<RunGroup> timed = WithMeasuredSteps(groups, 1);
  if (timed.size() < 3) {
    return absl::InvalidArgumentError("at least three tables with measured steps are needed");
  }
  LeftOutErrors errors;
  errors.tables = NamedLike(timed);
  const std::set<std::string> lone = FamiliesOfOneTable(timed);
  std::set<std::pair<size_t, std::string>> models;  // of lone families
  for (size_t g = 0; g < timed.size(); ++g) {
    bool has_others = false;
    for (const MeasuredRun& run : timed[g].runs) {
      if (lone.count(run.gpu.family) > 0) {
        models.insert({g, ModelOf(run)});
      } else {
        has_others = true;
      }
    }
    if (!has_others) continue;
    const auto is_left_out = [&](size_t group, const MeasuredRun& run) {
      return group == g && lone.count(run.gpu.family) == 0;
    };
    RHUMB_RETURN_IF_ERROR(JudgeWithout(timed, options, is_left_out, errors.tables));
  }
  for (const auto& [g, model] : models) {
    const auto is_left_out = [&, left_out = g, &name = model](size_t group,
                                                              const MeasuredRun& run) {
      return group == left_out && lone.count(run.gpu.family) > 0 && ModelOf(run) == name;
    };
    RHUMB_RETURN_IF_ERROR(JudgeWithout(timed, options, is_left_out, errors.tables));
  }
  for (const TableAccuracy& table : errors.tables) {
    errors.by_split.push_back(Summarize(table.time).mean_abs);
  }
  errors.mean_abs = Mean(errors.by_split);
  return errors;
}

std::vector<FamilyError> TimeErrorsOf(const LeftOutErrors& errors) {
  struct Rows {
    std::vector<std::pair<double, double>> log_ratios;  // with weights
    int64_t table_count = 0;
  };
  std::map<std::string, Rows> families;
  for (const TableAccuracy& table : errors.tables) {
    std::map<std::string, std::vector<double>> log_ratios;
    for (const RunError& row : table.time) {
      log_ratios[row.family].push_back(std::log(row.measured / row.predicted));
    }
    for (const auto& [family, values] : log_ratios) {
      ++families[family].table_count;
      for (const double value : values) {
        families[family].log_ratios.push_back({value, 1.0 / static_cast<double>(values.size())});
      }
    }
  }
  std::vector<FamilyError> result;
  for (auto& [family, rows] : families) {
    std::sort(rows.log_ratios.begin(), rows.log_ratios.end());
    std::vector<std::pair<double, double>> alike = rows.log_ratios;
    for (auto& [value, weight] : alike) weight = 1;
    TimeError error;
    error.log_bias = Quantile(rows.log_ratios, 0.5);
    error.log_sigma = (Quantile(rows.log_ratios, 0.84) - Quantile(rows.log_ratios, 0.16)) / 2;
    error.log_quantile_05 = std::min(Quantile(rows.log_ratios, 0.05), Quantile(alike, 0.05));
    error.log_quantile_95 = std::max(Quantile(rows.log_ratios, 0.95), Quantile(alike, 0.95));
    error.row_count = static_cast<int64_t>(rows.log_ratios.size());
    error.table_count = rows.table_count;
    error.source =
        absl::StrCat("error on runs of tables that were left out: ", error.row_count, " runs of ",
                     error.table_count, error.table_count == 1 ? " table, by model" : " tables");
    result.push_back({family, error});
  }
  return result;
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

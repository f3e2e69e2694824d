// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/fold_errors.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "planner/calibrate/repeated_runs.h"
#include "planner/cost/measured_run.h"
#include "planner/fit/random.h"
#include "planner/laws/loss_model.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr size_t kLeastBlocks = 3;
// Points that stand for the shipped error, at the middles of as many equal probabilities.
constexpr int kShippedPoints = 40;

// A configuration of the family, in the table of its first row.
struct FamilyRun {
  size_t group = 0;
  MeasuredRun mean;
  const Configuration* rows = nullptr;
};

std::string ModelOf(const MeasuredRun& run) {
  const ModelShape& shape = run.shape;
  return absl::StrCat(shape.num_layers, " ", shape.hidden_size, " ", shape.num_attention_heads, " ",
                      shape.ffn_hidden_size, " ", shape.expert_count, " ",
                      shape.moe_ffn_hidden_size);
}

size_t CountOf(const std::vector<std::string>& blocks) {
  std::vector<std::string> names = blocks;
  std::sort(names.begin(), names.end());
  return static_cast<size_t>(std::unique(names.begin(), names.end()) - names.begin());
}

// For every run the name of what it is left out with, and what that is.
std::pair<std::vector<std::string>, std::string> BlocksOf(const std::vector<FamilyRun>& runs) {
  std::vector<std::string> tables, models, each;
  for (size_t i = 0; i < runs.size(); ++i) {
    tables.push_back(absl::StrCat(runs[i].group));
    models.push_back(ModelOf(runs[i].mean));
    each.push_back(absl::StrCat(i));
  }
  if (CountOf(tables) >= kLeastBlocks) return {tables, "tables"};
  if (CountOf(models) >= kLeastBlocks) return {models, "models"};
  return {each, "runs"};
}

// For every block its fold: blocks in random order dealt one after the other, so that folds have
// nearly as many blocks each.
std::map<std::string, int> FoldsOf(const std::vector<std::string>& blocks, int fold_count,
                                   Random& random) {
  std::vector<std::string> names = blocks;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (size_t i = names.size(); i > 1; --i) {
    std::swap(names[i - 1], names[static_cast<size_t>(random.Below(static_cast<int>(i)))]);
  }
  std::map<std::string, int> folds;
  for (size_t i = 0; i < names.size(); ++i) {
    folds[names[i]] = static_cast<int>(i % static_cast<size_t>(fold_count));
  }
  return folds;
}

absl::StatusOr<FoldErrors> JudgeFamily(const std::string& family,
                                       const std::vector<FamilyRun>& runs, size_t group_count,
                                       const FoldOptions& options) {
  FoldErrors errors;
  errors.family = family;
  if (static_cast<int>(runs.size()) < options.least_run_count) return errors;
  const auto [blocks, unit] = BlocksOf(runs);
  errors.unit = unit;
  Random random(options.seed);
  const std::map<std::string, int> folds = FoldsOf(blocks, options.fold_count, random);
  std::vector<double> runs_of_group(group_count, 0);
  for (const FamilyRun& run : runs) ++runs_of_group[run.group];
  const auto tables =
      static_cast<double>(group_count) -
      static_cast<double>(std::count(runs_of_group.begin(), runs_of_group.end(), 0));
  errors.table_count = static_cast<int64_t>(tables);
  for (int fold = 0; fold < options.fold_count; ++fold) {
    std::vector<RunGroup> fitted(group_count);
    std::vector<const FamilyRun*> judged;
    bool any_fitted = false;
    for (size_t i = 0; i < runs.size(); ++i) {
      if (folds.at(blocks[i]) == fold) {
        judged.push_back(&runs[i]);
      } else {
        fitted[runs[i].group].runs.push_back(runs[i].mean);
        any_fitted = true;
      }
    }
    if (judged.empty() || !any_fitted) continue;
    RHUMB_ASSIGN_OR_RETURN(const Calibration calibration, Calibrate(fitted, options.calibration));
    if (options.calibration.should_stop && options.calibration.should_stop()) {
      errors.complete = false;
      return errors;
    }
    const TimeConstants& constants = ConstantsOf(calibration, options.calibration, family);
    for (const FamilyRun* run : judged) {
      const double predicted = PredictRun(run->mean, constants).step_seconds;
      const double weight = static_cast<double>(runs.size()) / (tables * runs_of_group[run->group]);
      for (const TableRow& row : *run->rows) {
        errors.runs.push_back({std::log(*row.run->step_seconds / predicted),
                               weight / static_cast<double>(run->rows->size())});
      }
    }
    errors.configuration_count += static_cast<int64_t>(judged.size());
  }
  return errors;
}

// The value below which a share of `probability` of the weight lies, linear between the middles of
// neighbouring weights. `points` is in order of its values and not empty.
double Quantile(const std::vector<LeftOutRun>& points, double probability) {
  double total = 0;
  for (const LeftOutRun& point : points) total += point.weight;
  const double wanted = probability * total;
  double below = 0;
  double last_middle = 0, last_value = points.front().log_ratio;
  for (const LeftOutRun& point : points) {
    const double middle = below + point.weight / 2;
    if (middle >= wanted) {
      if (middle <= last_middle || wanted <= last_middle) return point.log_ratio;
      const double share = (wanted - last_middle) / (middle - last_middle);
      return last_value + share * (point.log_ratio - last_value);
    }
    last_middle = middle;
    last_value = point.log_ratio;
    below += point.weight;
  }
  return points.back().log_ratio;
}

}  // namespace

double FoldErrors::MeanAbs() const {
  double sum = 0, weight = 0;
  for (const LeftOutRun& run : runs) {
    sum += run.weight * std::abs(run.log_ratio);
    weight += run.weight;
  }
  return weight > 0 ? sum / weight : 0;
}

double FoldErrors::OneSidedMedian() const {
  if (runs.empty()) return 0;
  std::vector<LeftOutRun> points = runs;
  std::sort(points.begin(), points.end(),
            [](const LeftOutRun& a, const LeftOutRun& b) { return a.log_ratio < b.log_ratio; });
  const bool one_sided = Quantile(points, 0.05) > 0 || Quantile(points, 0.95) < 0;
  return one_sided ? Quantile(points, 0.5) : 0;
}

absl::StatusOr<std::vector<FoldErrors>> JudgeByFolds(const std::vector<RunGroup>& groups,
                                                     const FoldOptions& options) {
  std::map<const std::string*, size_t> group_of;  // by the address of its name
  for (size_t g = 0; g < groups.size(); ++g) group_of[&groups[g].name] = g;
  const std::vector<Configuration> configurations = ConfigurationsOf(groups);
  std::map<std::string, std::vector<FamilyRun>> families;
  for (const Configuration& rows : configurations) {
    families[rows.front().run->gpu.family].push_back(
        {group_of.at(rows.front().table), MeanRun(rows), &rows});
  }
  std::vector<FoldErrors> errors;
  for (const auto& [family, runs] : families) {
    RHUMB_ASSIGN_OR_RETURN(errors.emplace_back(),
                           JudgeFamily(family, runs, groups.size(), options));
  }
  return errors;
}

TimeError ErrorOfFolds(const FoldErrors& errors, const TimeError& shipped,
                       double default_run_count) {
  TimeError error = shipped;
  if (errors.runs.empty()) {
    error.row_count = 0;
    error.table_count = 0;
    error.source = absl::StrCat("too few runs to leave any out; ", shipped.source);
    return error;
  }
  std::vector<LeftOutRun> points = errors.runs;
  const double z95 = StandardNormalQuantile(0.95);
  for (int i = 0; i < kShippedPoints; ++i) {
    const double z = StandardNormalQuantile((i + 0.5) / kShippedPoints);
    const double tail = z < 0 ? shipped.log_bias - shipped.log_quantile_05
                              : shipped.log_quantile_95 - shipped.log_bias;
    points.push_back({shipped.log_bias + tail * z / z95, default_run_count / kShippedPoints});
  }
  std::sort(points.begin(), points.end(),
            [](const LeftOutRun& a, const LeftOutRun& b) { return a.log_ratio < b.log_ratio; });
  error.log_bias = Quantile(points, 0.5);
  error.log_sigma = (Quantile(points, 0.84) - Quantile(points, 0.16)) / 2;
  error.log_quantile_05 = std::min(Quantile(points, 0.05), 0.0);
  error.log_quantile_95 = std::max(Quantile(points, 0.95), 0.0);
  error.row_count = errors.configuration_count;
  error.table_count = errors.table_count;
  error.source =
      absl::StrCat("left-out error on ", error.row_count, " runs, ", errors.unit,
                   " left out together, beside the shipped error as ", default_run_count, " runs");
  return error;
}

}  // namespace rhumb

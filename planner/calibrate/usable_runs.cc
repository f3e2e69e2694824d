// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/usable_runs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rhumb {
namespace {

constexpr double kMostRepeatRatio = 2;
constexpr size_t kShownRows = 3;

auto KeyOf(const Layout& l) {
  return std::make_tuple(l.tensor_parallel_size, l.pipeline_parallel_size, l.context_parallel_size,
                         l.expert_parallel_size, l.data_parallel_size, l.virtual_pipeline_stages,
                         l.zero_stage, l.micro_batch_size, l.recompute, l.precision,
                         l.sequence_parallel, l.expert_tensor_parallel_size);
}

// Whether the model says the same of both: what it reads of a run is equal.
bool SameConfiguration(const MeasuredRun& a, const MeasuredRun& b) {
  ModelShape shape = b.shape;
  shape.name = a.shape.name;
  return a.shape == shape && a.gpu == b.gpu && a.fabric.gpus_per_node == b.fabric.gpus_per_node &&
         a.fabric.inter_node_bytes_per_second_per_gpu ==
             b.fabric.inter_node_bytes_per_second_per_gpu &&
         a.profile == b.profile && KeyOf(a.layout) == KeyOf(b.layout) &&
         a.global_batch_size == b.global_batch_size &&
         a.micro_batch_unknown == b.micro_batch_unknown &&
         a.virtual_stages_unknown == b.virtual_stages_unknown &&
         a.recompute_unknown == b.recompute_unknown &&
         a.full_recompute_share == b.full_recompute_share;
}

struct TableRun {
  const std::string* table = nullptr;
  const MeasuredRun* run = nullptr;
};

std::string NameOf(const TableRun& run) { return absl::StrCat(*run.table, " ", run.run->row_id); }

std::string Seconds(double seconds) { return absl::StrFormat("%.3g s", seconds); }

}  // namespace

std::string WhyUnusable(const MeasuredRun& run, double predicted_step_seconds) {
  if (run.out_of_memory) return "ran out of memory: no step was measured";
  if (!run.step_seconds.has_value()) return "no measured step";
  const double ratio = *run.step_seconds / predicted_step_seconds;
  if (ratio <= kMostStepRatio && ratio >= 1 / kMostStepRatio) return "";
  return absl::StrCat("the measured step of ", Seconds(*run.step_seconds), " is ",
                      absl::StrFormat("%.3g", ratio), " times the predicted ",
                      Seconds(predicted_step_seconds), ": a unit or a column is wrong");
}

absl::Status CheckRunsAgree(const std::vector<RunGroup>& groups) {
  // By what any two equal configurations share, so that few pairs are compared.
  std::map<std::tuple<int64_t, int64_t, int64_t, int64_t>, std::vector<TableRun>> alike;
  for (const RunGroup& group : groups) {
    for (const MeasuredRun& run : group.runs) {
      if (!run.step_seconds.has_value()) continue;
      const auto key = std::make_tuple(run.shape.num_layers, run.shape.hidden_size,
                                       run.layout.gpu_count(), run.global_batch_size);
      const TableRun here = {&group.name, &run};
      std::vector<TableRun>& known = alike[key];
      for (const TableRun& other : known) {
        if (!SameConfiguration(*other.run, run)) continue;
        const double ratio = *run.step_seconds / *other.run->step_seconds;
        if (ratio <= kMostRepeatRatio && ratio >= 1 / kMostRepeatRatio) continue;
        return absl::InvalidArgumentError(absl::StrCat(
            "rows ", NameOf(other), " and ", NameOf(here), " ran the same configuration, but took ",
            Seconds(*other.run->step_seconds), " and ", Seconds(*run.step_seconds),
            " a step: leave out the wrong one"));
      }
      known.push_back(here);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFits(const FamilyCalibration& family, const std::vector<RunGroup>& groups) {
  if (family.error <= kMostCalibratedError) return absl::OkStatus();
  std::vector<std::pair<double, std::string>> rows;
  for (const RunGroup& group : groups) {
    for (const MeasuredRun& run : group.runs) {
      if (run.gpu.family != family.constants.family || !run.step_seconds.has_value()) continue;
      const double predicted = PredictRun(run, family.constants).step_seconds;
      const double off = std::log(predicted / *run.step_seconds);
      rows.emplace_back(-std::abs(off),
                        absl::StrCat(NameOf({&group.name, &run}), " (", Seconds(*run.step_seconds),
                                     ", predicted ", Seconds(predicted), ")"));
    }
  }
  std::sort(rows.begin(), rows.end());
  std::string worst;
  for (size_t i = 0; i < rows.size() && i < kShownRows; ++i) {
    absl::StrAppend(&worst, i > 0 ? ", " : "", rows[i].second);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no constants of ", family.constants.family,
                   " explain these runs: the best are still off by ",
                   absl::StrFormat("%.0f%%", 100 * family.error), " (at most ",
                   absl::StrFormat("%.0f%%", 100 * kMostCalibratedError),
                   "), so the rows contradict each other or a column is wrong; worst: ", worst));
}

}  // namespace rhumb

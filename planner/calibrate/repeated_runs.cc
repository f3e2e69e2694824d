// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/repeated_runs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rhumb {
namespace {

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

std::string NameOf(const TableRow& row) { return absl::StrCat(*row.table, " ", row.run->row_id); }

std::string Seconds(const TableRow& row) {
  return absl::StrFormat("%.3g s", *row.run->step_seconds);
}

// The fastest and the slowest row of a configuration, the earlier one where they are equal.
std::pair<TableRow, TableRow> Extremes(const Configuration& rows) {
  const auto faster = [](const TableRow& a, const TableRow& b) {
    return *a.run->step_seconds < *b.run->step_seconds;
  };
  const auto [fastest, slowest] = std::minmax_element(rows.begin(), rows.end(), faster);
  return {*fastest, *slowest};
}

double RatioOf(const Configuration& rows) {
  const auto [fastest, slowest] = Extremes(rows);
  return *slowest.run->step_seconds / *fastest.run->step_seconds;
}

}  // namespace

std::vector<Configuration> ConfigurationsOf(const std::vector<RunGroup>& groups) {
  std::vector<Configuration> configurations;
  // By what any two equal configurations share, so that few pairs are compared.
  std::map<std::tuple<int64_t, int64_t, int64_t, int64_t>, std::vector<size_t>> alike;
  for (const RunGroup& group : groups) {
    for (const MeasuredRun& run : group.runs) {
      if (!run.step_seconds.has_value()) continue;
      std::vector<size_t>& known =
          alike[std::make_tuple(run.shape.num_layers, run.shape.hidden_size, run.layout.gpu_count(),
                                run.global_batch_size)];
      const auto same = std::find_if(known.begin(), known.end(), [&](size_t i) {
        return SameConfiguration(*configurations[i].front().run, run);
      });
      if (same == known.end()) {
        known.push_back(configurations.size());
        configurations.push_back({{&group.name, &run}});
      } else {
        configurations[*same].push_back({&group.name, &run});
      }
    }
  }
  return configurations;
}

absl::Status CheckRunsAgree(const std::vector<Configuration>& configurations) {
  const Configuration* worst = nullptr;
  int repeated = 0, apart = 0;
  for (const Configuration& rows : configurations) {
    if (rows.size() < 2) continue;
    ++repeated;
    const double ratio = RatioOf(rows);
    if (ratio <= kMostRepeatRatio) continue;
    ++apart;
    if (worst == nullptr || ratio > RatioOf(*worst)) worst = &rows;
  }
  if (worst == nullptr) return absl::OkStatus();
  if (RatioOf(*worst) <= kImpossibleRepeatRatio && apart <= kMostContradictingShare * repeated) {
    return absl::OkStatus();  // RepeatRemarks names them
  }
  auto [first, second] = Extremes(*worst);
  // In the order of the tables, as a reader looks them up.
  for (const TableRow& row : *worst) {
    if (row.run == first.run) break;
    if (row.run == second.run) {
      std::swap(first, second);
      break;
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "rows ", NameOf(first), " and ", NameOf(second), " ran the same configuration, but took ",
      Seconds(first), " and ", Seconds(second), " a step; ", apart, " of the ", repeated,
      " configurations with several rows ", apart == 1 ? "has" : "have",
      absl::StrFormat(" rows more than %.3g times apart: ", kMostRepeatRatio),
      first.table == second.table ? "leave out the wrong ones"
                                  : "leave out the wrong ones, or calibrate the tables apart"));
}

std::vector<std::string> RepeatRemarks(const std::vector<Configuration>& configurations) {
  struct Apart {
    int count = 0;
    const Configuration* worst = nullptr;
  };
  std::vector<std::pair<std::string, Apart>> tables;  // in the order of their first configurations
  for (const Configuration& rows : configurations) {
    const double ratio = RatioOf(rows);
    if (ratio <= kUsualRepeatRatio) continue;
    const auto [fastest, slowest] = Extremes(rows);
    const std::string names = fastest.table == slowest.table
                                  ? *fastest.table
                                  : absl::StrCat(*fastest.table, " and ", *slowest.table);
    auto known = std::find_if(tables.begin(), tables.end(),
                              [&](const auto& table) { return table.first == names; });
    if (known == tables.end()) known = tables.insert(tables.end(), {names, {}});
    ++known->second.count;
    if (known->second.worst == nullptr || ratio > RatioOf(*known->second.worst)) {
      known->second.worst = &rows;
    }
  }
  std::vector<std::string> remarks;
  for (const auto& [names, apart] : tables) {
    const auto [fastest, slowest] = Extremes(*apart.worst);
    remarks.push_back(absl::StrCat(
        names, ": rows of ", apart.count,
        apart.count == 1 ? " configuration differ" : " configurations differ",
        absl::StrFormat(" by more than %.0f%%, the most ", 100 * (kUsualRepeatRatio - 1)),
        NameOf(fastest), " (", Seconds(fastest), ") and ", NameOf(slowest), " (", Seconds(slowest),
        "); their mean counts"));
  }
  return remarks;
}

MeasuredRun MeanRun(const Configuration& rows) {
  MeasuredRun run = *rows.front().run;
  if (rows.size() == 1) return run;
  double sum = 0;
  for (const TableRow& row : rows) sum += std::log(*row.run->step_seconds);
  run.step_seconds = std::exp(sum / static_cast<double>(rows.size()));
  return run;
}

std::vector<RunGroup> OnceEach(const std::vector<Configuration>& configurations) {
  std::vector<RunGroup> groups;
  std::map<const std::string*, size_t> index;
  for (const Configuration& rows : configurations) {
    const auto [at, is_new] = index.try_emplace(rows.front().table, groups.size());
    if (is_new) groups.push_back({.name = *rows.front().table, .runs = {}});
    groups[at->second].runs.push_back(MeanRun(rows));
  }
  return groups;
}

}  // namespace rhumb

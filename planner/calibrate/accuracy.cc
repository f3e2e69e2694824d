// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/accuracy.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace rhumb {
namespace {

bool InInterval(const RunError& error, const TimeError& spread) {
  const double log_ratio = std::log(error.measured / error.predicted);
  return log_ratio >= spread.log_quantile_05 && log_ratio <= spread.log_quantile_95;
}

template <typename T>
void Append(const std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

void AddRun(const MeasuredRun& run, const RunPrediction& prediction, TableAccuracy& table) {
  AddRun(run, prediction, TimeErrorOf(run.gpu.family), table);
}

void AddRun(const MeasuredRun& run, const RunPrediction& prediction, const TimeError& spread,
            TableAccuracy& table) {
  ++table.row_count;
  if (run.out_of_memory) {
    ++table.out_of_memory_count;
    table.out_of_memory_caught += prediction.fits ? 0 : 1;
    return;
  }
  ++table.ran_count;
  table.ran_called_unfit += prediction.fits ? 0 : 1;
  if (!run.step_seconds.has_value() && !run.peak_bytes.has_value()) ++table.nothing_measured;
  if (run.step_seconds.has_value()) {
    table.time.push_back({run.row_id, run.gpu.family, *run.step_seconds, prediction.step_seconds});
    table.time_in_interval += InInterval(table.time.back(), spread) ? 1 : 0;
  }
  if (run.peak_bytes.has_value()) {
    table.memory.push_back({run.row_id, run.gpu.family, *run.peak_bytes, prediction.peak_bytes});
    table.memory_under_p95 += *run.peak_bytes <= prediction.p95_bytes ? 1 : 0;
  }
}

void AddUnexpressed(std::string row_id, std::string reason, TableAccuracy& table) {
  ++table.row_count;
  table.not_expressed.push_back({std::move(row_id), std::move(reason)});
}

ErrorSummary Summarize(const std::vector<RunError>& errors) {
  ErrorSummary summary;
  summary.count = static_cast<int>(errors.size());
  if (errors.empty()) return summary;
  std::vector<double> magnitudes;
  magnitudes.reserve(errors.size());
  const RunError* worst = nullptr;
  for (const RunError& error : errors) {
    const double magnitude = std::abs(error.fraction());
    magnitudes.push_back(magnitude);
    summary.mean_abs += magnitude / static_cast<double>(errors.size());
    summary.bias += error.fraction() / static_cast<double>(errors.size());
    if (worst == nullptr || magnitude > std::abs(worst->fraction())) worst = &error;
  }
  summary.worst = *worst;
  std::sort(magnitudes.begin(), magnitudes.end());
  const size_t middle = magnitudes.size() / 2;
  summary.median_abs = magnitudes.size() % 2 == 1
                           ? magnitudes[middle]
                           : (magnitudes[middle - 1] + magnitudes[middle]) / 2;
  return summary;
}

TableAccuracy Pooled(const std::vector<TableAccuracy>& tables) {
  TableAccuracy all;
  for (const TableAccuracy& table : tables) {
    Append(table.time, all.time);
    Append(table.memory, all.memory);
    Append(table.not_expressed, all.not_expressed);
    for (int TableAccuracy::*count :
         {&TableAccuracy::row_count, &TableAccuracy::nothing_measured,
          &TableAccuracy::memory_under_p95, &TableAccuracy::ran_count,
          &TableAccuracy::ran_called_unfit, &TableAccuracy::out_of_memory_count,
          &TableAccuracy::out_of_memory_caught, &TableAccuracy::time_in_interval}) {
      all.*count += table.*count;
    }
  }
  return all;
}

double MeanOverTables(const std::vector<TableAccuracy>& tables,
                      std::vector<RunError> TableAccuracy::*which) {
  double sum = 0;
  int count = 0;
  for (const TableAccuracy& table : tables) {
    if ((table.*which).empty()) continue;
    sum += Summarize(table.*which).mean_abs;
    ++count;
  }
  return count > 0 ? sum / count : 0.0;
}

}  // namespace rhumb

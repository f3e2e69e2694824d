// SPDX-License-Identifier: Apache-2.0
#include "tests/accuracy/error_report.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/run_table/run_table.h"
#include "planner/status_macros.h"

namespace rhumb::accuracy {
namespace {

absl::StatusOr<RunTable> ReadTable(const std::string& path) {
  RHUMB_ASSIGN_OR_RETURN(const std::string text, ReadRunText(path));
  return ParseRunTable(text, {});
}

}  // namespace

absl::StatusOr<std::vector<MeasuredRun>> ReadRuns(const std::string& path) {
  RHUMB_ASSIGN_OR_RETURN(RunTable table, ReadTable(path));
  std::vector<MeasuredRun> runs;
  for (RunRow& row : table.rows) {
    if (row.run.has_value()) runs.push_back(*std::move(row.run));
  }
  return runs;
}

absl::StatusOr<TableAccuracy> EvaluateTable(const std::string& path) {
  RHUMB_ASSIGN_OR_RETURN(const RunTable table, ReadTable(path));
  TableAccuracy accuracy;
  accuracy.name = std::filesystem::path(path).stem().string();
  for (const RunRow& row : table.rows) {
    if (row.run.has_value()) {
      AddRun(*row.run, PredictRun(*row.run), accuracy);
    } else {
      AddUnexpressed(row.row_id, absl::StrCat(row.defect.column, ": ", row.defect.reason),
                     accuracy);
    }
  }
  return accuracy;
}

std::vector<std::string> TableFiles(const std::string& directory_or_file) {
  std::vector<std::string> files;
  if (!std::filesystem::is_directory(directory_or_file)) return {directory_or_file};
  for (const auto& entry : std::filesystem::directory_iterator(directory_or_file)) {
    if (entry.path().extension() == ".csv") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<RunGroup> TimedGroups(const std::string& directory, std::vector<std::string>* files) {
  std::vector<RunGroup> groups;
  for (const std::string& file : TableFiles(directory)) {
    absl::StatusOr<std::vector<MeasuredRun>> runs = ReadRuns(file);
    if (!runs.ok()) continue;
    RunGroup group = {.name = std::filesystem::path(file).stem().string(), .runs = {}};
    for (MeasuredRun& run : *runs) {
      if (run.step_seconds.has_value()) group.runs.push_back(std::move(run));
    }
    if (group.runs.empty()) continue;
    groups.push_back(std::move(group));
    if (files != nullptr) files->push_back(file);
  }
  return groups;
}

}  // namespace rhumb::accuracy

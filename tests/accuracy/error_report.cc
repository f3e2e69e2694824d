// SPDX-License-Identifier: Apache-2.0
#include "tests/accuracy/error_report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "planner/status_macros.h"

namespace rhumb::accuracy {

ErrorSummary Summarize(const std::vector<RowError>& errors) {
  ErrorSummary summary;
  summary.count = static_cast<int>(errors.size());
  if (errors.empty()) return summary;
  std::vector<double> magnitudes;
  for (const RowError& error : errors) {
    const double magnitude = std::abs(error.fraction());
    magnitudes.push_back(magnitude);
    summary.mean_abs += magnitude / static_cast<double>(errors.size());
    summary.bias += error.fraction() / static_cast<double>(errors.size());
    if (summary.worst.row_id.empty() || magnitude > std::abs(summary.worst.fraction()))
      summary.worst = error;
  }
  std::sort(magnitudes.begin(), magnitudes.end());
  const size_t middle = magnitudes.size() / 2;
  summary.median_abs = magnitudes.size() % 2 == 1
                           ? magnitudes[middle]
                           : (magnitudes[middle - 1] + magnitudes[middle]) / 2;
  return summary;
}

absl::StatusOr<TableErrors> EvaluateTable(const std::string& path) {
  TableErrors errors;
  errors.name = std::filesystem::path(path).stem().string();
  RHUMB_ASSIGN_OR_RETURN(const std::vector<CsvRecord> records, ReadCsvFile(path));
  for (const CsvRecord& record : records) {
    const absl::StatusOr<MeasuredRow> row = ParseMeasuredRow(record);
    if (!row.ok()) {
      const auto id = record.find("row_id");
      errors.not_expressed.push_back(absl::StrCat(id == record.end() ? "(no row_id)" : id->second,
                                                  ": ", std::string(row.status().message())));
      continue;
    }
    if (!row->out_of_memory && !row->step_seconds.has_value() && !row->peak_bytes.has_value()) {
      errors.not_expressed.push_back(absl::StrCat(row->row_id, ": nothing measured"));
      continue;
    }
    const Prediction prediction = Predict(*row, TimeConstantsOf(row->gpu.family));
    if (row->out_of_memory) {
      ++errors.out_of_memory_rows;
      if (prediction.peak_bytes > static_cast<double>(row->gpu.memory_bytes))
        ++errors.out_of_memory_caught;
      continue;
    }
    if (row->step_seconds.has_value()) {
      errors.time.push_back(
          {row->row_id, row->gpu.family, *row->step_seconds, prediction.step_seconds});
    }
    if (row->peak_bytes.has_value()) {
      if (*row->peak_bytes <= prediction.p95_bytes) ++errors.memory_rows_under_p95;
      errors.memory.push_back(
          {row->row_id, row->gpu.family, *row->peak_bytes, prediction.peak_bytes});
    }
  }
  return errors;
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

double MeanOverTables(const std::vector<TableErrors>& tables,
                      std::vector<RowError> TableErrors::*which) {
  double sum = 0;
  int count = 0;
  for (const TableErrors& table : tables) {
    if ((table.*which).empty()) continue;
    sum += Summarize(table.*which).mean_abs;
    ++count;
  }
  return count > 0 ? sum / count : 0.0;
}

}  // namespace rhumb::accuracy

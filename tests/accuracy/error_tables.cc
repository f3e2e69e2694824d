// SPDX-License-Identifier: Apache-2.0
// error_tables DIR_OR_CSV...: how far out-of-the-box predictions are from measured runs, table by
// table.
#include <cstddef>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "tests/accuracy/error_report.h"

namespace {

void PrintTables(const char* title, const std::vector<rhumb::TableAccuracy>& tables,
                 std::vector<rhumb::RunError> rhumb::TableAccuracy::*which) {
  std::printf("%-24s %5s %7s %7s %7s  %s\n", title, "n", "MAPE", "median", "bias", "worst row");
  for (const auto& table : tables) {
    const rhumb::ErrorSummary summary = rhumb::Summarize(table.*which);
    if (summary.count == 0) continue;
    std::printf("%-24s %5d %6.1f%% %6.1f%% %+6.1f%%  %+.0f%% %s\n", table.name.c_str(),
                summary.count, 100 * summary.mean_abs, 100 * summary.median_abs, 100 * summary.bias,
                100 * summary.worst.fraction(), summary.worst.row_id.c_str());
  }
  std::printf("%-24s       %6.1f%%\n\n", "mean of tables",
              100 * rhumb::MeanOverTables(tables, which));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: error_tables DIR_OR_CSV...\n");
    return 2;
  }
  std::vector<rhumb::TableAccuracy> tables;
  for (int i = 1; i < argc; ++i) {
    for (const std::string& file : rhumb::accuracy::TableFiles(argv[i])) {
      auto table = rhumb::accuracy::EvaluateTable(file);
      if (!table.ok()) {
        std::fprintf(stderr, "%s: %s\n", file.c_str(),
                     std::string(table.status().message()).c_str());
        continue;
      }
      tables.push_back(*std::move(table));
    }
  }
  PrintTables("time", tables, &rhumb::TableAccuracy::time);
  PrintTables("memory", tables, &rhumb::TableAccuracy::memory);
  const rhumb::TableAccuracy all = rhumb::Pooled(tables);
  std::printf("%d of %zu measured peaks at or below the p95 estimate\n", all.memory_under_p95,
              all.memory.size());
  std::printf("%d of %zu measured steps inside the 90%% interval\n", all.time_in_interval,
              all.time.size());
  std::printf("%d of %d out-of-memory rows called so\n", all.out_of_memory_caught,
              all.out_of_memory_count);
  std::printf("%d of %d rows that ran called unfit\n", all.ran_called_unfit, all.ran_count);
  for (const auto& table : tables) {
    // Reasons repeat over rows: one line a reason.
    std::map<std::string, std::vector<std::string>> rows_by_reason;
    for (const rhumb::UnexpressedRow& row : table.not_expressed) {
      rows_by_reason[row.reason].push_back(row.row_id);
    }
    for (const auto& [reason, rows] : rows_by_reason) {
      std::printf("%s: %zu rows not expressed (%s ...): %s\n", table.name.c_str(), rows.size(),
                  rows.front().c_str(), reason.c_str());
    }
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_accuracy.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/format.h"
#include "client/cli/json_object.h"
#include "client/cli/report.h"

namespace rhumb::cli {
namespace {

using Errors = std::vector<RunError> TableAccuracy::*;

std::string Percent(double fraction) { return absl::StrFormat("%.1f%%", 100 * fraction); }
std::string Signed(double fraction) { return absl::StrFormat("%+.1f%%", 100 * fraction); }

std::vector<std::string> Cells(const std::string& name, const ErrorSummary& errors) {
  return {name,
          absl::StrCat(errors.count),
          Percent(errors.mean_abs),
          Percent(errors.median_abs),
          Signed(errors.bias),
          Signed(errors.worst.fraction()),
          errors.worst.row_id};
}

Table ErrorTable(const char* title, const std::vector<TableAccuracy>& tables, Errors which) {
  Table table;
  table.columns = {{.title = title},
                   {.title = "ROWS", .number = true},
                   {.title = "MAPE", .number = true},
                   {.title = "MEDIAN", .number = true},
                   {.title = "BIAS", .number = true},
                   {.title = "WORST", .number = true},
                   {.title = "WORST ROW"}};
  for (const TableAccuracy& accuracy : tables) {
    const ErrorSummary errors = Summarize(accuracy.*which);
    if (errors.count > 0) table.rows.push_back(Cells(accuracy.name, errors));
  }
  if (table.rows.size() > 1) {
    table.rows.push_back(Cells("all rows", Summarize(Pooled(tables).*which)));
    table.rows.push_back(
        {"mean of tables", "", Percent(MeanOverTables(tables, which)), "", "", "", ""});
  }
  return table;
}

std::string ShareOf(int part, size_t whole) {
  return absl::StrCat(part, " of ", whole, " (",
                      Percent(static_cast<double>(part) / static_cast<double>(whole)), ")");
}

struct Reason {
  int count = 0;
  std::string first_row;
};

std::map<std::string, Reason> ReasonsOf(const TableAccuracy& table) {
  std::map<std::string, Reason> reasons;
  for (const UnexpressedRow& row : table.not_expressed) {
    Reason& reason = reasons[row.reason];
    if (reason.count++ == 0) reason.first_row = row.row_id;
  }
  return reasons;
}

std::string SummaryJson(const ErrorSummary& errors) {
  return JsonObject()
      .Integer("row_count", errors.count)
      .Number("mean_abs_error_fraction", errors.mean_abs)
      .Number("median_abs_error_fraction", errors.median_abs)
      .Number("bias_fraction", errors.bias)
      .Text("worst_row_id", errors.worst.row_id)
      .Number("worst_error_fraction", errors.worst.fraction())
      .str();
}

void AppendCounts(const TableAccuracy& table, JsonObject& json) {
  json.Integer("row_count", table.row_count);
  if (!table.time.empty()) json.Json("time", SummaryJson(Summarize(table.time)));
  if (!table.memory.empty()) json.Json("memory", SummaryJson(Summarize(table.memory)));
  json.Integer("time_in_interval_count", table.time_in_interval)
      .Integer("memory_under_p95_count", table.memory_under_p95)
      .Integer("ran_count", table.ran_count)
      .Integer("ran_called_unfit_count", table.ran_called_unfit)
      .Integer("out_of_memory_count", table.out_of_memory_count)
      .Integer("out_of_memory_caught_count", table.out_of_memory_caught)
      .Integer("nothing_measured_count", table.nothing_measured)
      .Integer("not_expressed_count", static_cast<int64_t>(table.not_expressed.size()));
  std::vector<std::string> reasons;
  for (const auto& [reason, rows] : ReasonsOf(table)) {
    reasons.push_back(JsonObject()
                          .Text("reason", reason)
                          .Integer("row_count", rows.count)
                          .Text("first_row_id", rows.first_row)
                          .str());
  }
  json.Json("not_expressed", JsonList(reasons));
}

}  // namespace

std::string RenderAccuracy(const std::vector<TableAccuracy>& tables, const TableOptions& options,
                           const Terminal& terminal) {
  const TableAccuracy all = Pooled(tables);
  std::string text;
  for (const auto& [title, which] :
       {std::pair<const char*, Errors>{"STEP TIME", &TableAccuracy::time},
        std::pair<const char*, Errors>{"PEAK MEMORY", &TableAccuracy::memory}}) {
    if ((all.*which).empty()) continue;
    absl::StrAppend(&text, RenderTable(ErrorTable(title, tables, which), options, terminal), "\n");
  }
  Report report(terminal);
  if (!all.time.empty()) {
    report.Row("Interval", absl::StrCat(ShareOf(all.time_in_interval, all.time.size()),
                                        " measured steps lie inside the 90% interval"));
  }
  if (!all.memory.empty()) {
    report.Row("Upper estimate", absl::StrCat(ShareOf(all.memory_under_p95, all.memory.size()),
                                              " measured peaks are at or below it (p95)"));
  }
  if (all.ran_count > 0) {
    report.Row("Fits",
               absl::StrCat(ShareOf(all.ran_called_unfit, static_cast<size_t>(all.ran_count)),
                            " rows that ran are said not to fit"));
  }
  if (all.out_of_memory_count > 0) {
    report.Row("Out of memory",
               absl::StrCat(all.out_of_memory_caught, " of ", all.out_of_memory_count,
                            " rows that ran out of memory are said not to fit"));
  }
  if (all.nothing_measured > 0) {
    report.Row("Not measured",
               absl::StrCat(Counted(all.nothing_measured, "row"), " without time and memory"));
  }
  if (!all.not_expressed.empty()) {
    report.Row("Not expressed", ShareOf(static_cast<int>(all.not_expressed.size()),
                                        static_cast<size_t>(all.row_count)) +
                                    " rows");
  }
  for (const TableAccuracy& table : tables) {
    for (const auto& [reason, rows] : ReasonsOf(table)) {
      report.Row("", absl::StrCat(table.name, ": ", Counted(rows.count, "row"), ", first ",
                                  rows.first_row, ": ", reason));
    }
  }
  return text + report.text();
}

Table AccuracyTable(const std::vector<TableAccuracy>& tables) {
  Table table = ErrorTable("TABLE", {}, &TableAccuracy::time);
  table.columns.insert(table.columns.begin() + 1, {.title = "QUANTITY"});
  for (const auto& [name, which] :
       {std::pair<const char*, Errors>{"time", &TableAccuracy::time},
        std::pair<const char*, Errors>{"memory", &TableAccuracy::memory}}) {
    for (std::vector<std::string>& row : ErrorTable("", tables, which).rows) {
      row.insert(row.begin() + 1, name);
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

std::string AccuracyJson(const std::vector<TableAccuracy>& tables) {
  std::vector<std::string> items;
  for (const TableAccuracy& table : tables) {
    JsonObject item;
    item.Text("name", table.name);
    AppendCounts(table, item);
    items.push_back(item.str());
  }
  JsonObject overall;
  const TableAccuracy all = Pooled(tables);
  if (!all.time.empty()) {
    overall.Number("time_mean_over_tables_fraction", MeanOverTables(tables, &TableAccuracy::time));
  }
  if (!all.memory.empty()) {
    overall.Number("memory_mean_over_tables_fraction",
                   MeanOverTables(tables, &TableAccuracy::memory));
  }
  AppendCounts(all, overall);
  return absl::StrCat("{\n  \"tables\": ", JsonList(items), ",\n  \"overall\": ", overall.str(),
                      "\n}");
}

}  // namespace rhumb::cli

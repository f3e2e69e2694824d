// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_runs.h"

#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "client/cli/json_object.h"
#include "planner/units.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {
namespace {

constexpr double kIntervalLevel = 0.9;

std::string Seconds(const std::optional<double>& seconds) {
  return seconds.has_value() ? absl::StrFormat("%.4g", *seconds) : "";
}

std::string Gibibytes(const std::optional<double>& bytes) {
  return bytes.has_value() ? absl::StrFormat("%.2f", *bytes / kGibibyte) : "";
}

std::string Error(double predicted, const std::optional<double>& measured) {
  return measured.has_value() ? absl::StrFormat("%+.1f%%", 100 * (predicted / *measured - 1)) : "";
}

// What there is to say of a row, without the separator at its end.
std::string NoteOf(const JudgedRun& run) {
  if (!run.prediction.has_value()) return absl::StrCat("not expressed: ", ReasonOf(run));
  const std::string ran = run.row.run->out_of_memory ? "ran out of memory; " : "";
  const std::string note = absl::StrCat(ran, run.prediction->note);
  return std::string(absl::StripSuffix(note, "; "));
}

std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

// Whole bytes, however many: a row may be of a machine that no integer counts.
std::string Bytes(double bytes) { return absl::StrFormat("%.0f", bytes); }

std::string RowJson(const JudgedRun& run, const TimeCalibration* calibration) {
  JsonObject row;
  row.Text("table", run.table).Text("row_id", run.row.row_id).Integer("line", run.row.line);
  row.Bool("expressed", run.prediction.has_value());
  if (run.prediction.has_value()) {
    const MeasuredRun& measured = *run.row.run;
    const RunPrediction& predicted = *run.prediction;
    const std::string& family = measured.gpu.family;
    const TimeError& error = TimeErrorWith(calibration, family);
    row.Number("predicted_step_seconds", predicted.step_seconds)
        .Json("step_seconds_interval",
              JsonObject()
                  .Number("level", kIntervalLevel)
                  .Number("low", predicted.step_seconds * std::exp(error.log_quantile_05))
                  .Number("high", predicted.step_seconds * std::exp(error.log_quantile_95))
                  .str())
        .Number("measured_step_seconds", measured.step_seconds)
        .Json("predicted_peak_bytes", Bytes(predicted.peak_bytes))
        .Json("predicted_peak_p95_bytes", Bytes(predicted.p95_bytes));
    if (measured.peak_bytes.has_value()) {
      row.Json("measured_peak_bytes", Bytes(*measured.peak_bytes));
    }
    row.Bool("fits", predicted.fits)
        .Bool("fits_p95", predicted.fits_p95)
        .Bool("out_of_memory", measured.out_of_memory)
        .Text("gpu_type", measured.gpu.id)
        .Text("framework", measured.profile.name)
        .Integer("micro_batch_size", predicted.layout.micro_batch_size)
        .Integer("virtual_pipeline_stages", predicted.layout.virtual_pipeline_stages)
        .Bool("calibrated", FindFamily(calibration, family) != nullptr)
        .Text("constants_source", TimeConstantsWith(calibration, family).source)
        .Integer("error_run_count", error.row_count);
  } else {
    row.Text("column", run.row.defect.column);
  }
  return row.Text("note", NoteOf(run)).str();
}

}  // namespace

Table RunsTable(const std::vector<JudgedRun>& runs) {
  Table table;
  table.columns = {
      {.title = "TABLE", .wide_only = true},    {.title = "ROW"},
      {.title = "STEP s", .number = true},      {.title = "MEASURED s", .number = true},
      {.title = "ERROR", .number = true},       {.title = "PEAK GiB", .number = true},
      {.title = "P95 GiB", .number = true},     {.title = "MEASURED GiB", .number = true},
      {.title = "ERROR", .number = true},       {.title = "FITS"},
      {.title = "FITS P95", .wide_only = true}, {.title = "NOTE", .wide_only = true}};
  for (const JudgedRun& run : runs) {
    std::vector<std::string>& cells = table.rows.emplace_back();
    cells = {run.table, run.row.row_id};
    if (run.prediction.has_value()) {
      const MeasuredRun& measured = *run.row.run;
      const RunPrediction& predicted = *run.prediction;
      for (std::string& cell : std::vector<std::string>{
               Seconds(predicted.step_seconds), Seconds(measured.step_seconds),
               Error(predicted.step_seconds, measured.step_seconds),
               Gibibytes(predicted.peak_bytes), Gibibytes(predicted.p95_bytes),
               measured.out_of_memory ? "OOM" : Gibibytes(measured.peak_bytes),
               Error(predicted.peak_bytes, measured.peak_bytes), predicted.fits ? "yes" : "no",
               predicted.fits_p95 ? "yes" : "no"}) {
        cells.push_back(std::move(cell));
      }
    } else {
      cells.resize(table.columns.size() - 1);
    }
    cells.push_back(NoteOf(run));
  }
  return table;
}

std::string RunsJson(const std::vector<JudgedRun>& runs, const TimeCalibration* calibration) {
  std::vector<std::string> rows;
  rows.reserve(runs.size());
  for (const JudgedRun& run : runs) rows.push_back(RowJson(run, calibration));
  return absl::StrCat("{\n  \"rows\": ", JsonList(rows), "\n}");
}

std::string RunsCsv(const std::vector<JudgedRun>& runs, bool header) {
  std::string text =
      header ? "row_id,predicted_step_seconds,measured_step_seconds,predicted_peak_bytes,"
               "predicted_peak_p95_bytes,measured_peak_bytes,fits,note\n"
             : "";
  for (const JudgedRun& run : runs) {
    std::vector<std::string> cells(8);
    cells[0] = CsvCell(run.row.row_id);
    if (run.prediction.has_value()) {
      const MeasuredRun& measured = *run.row.run;
      const RunPrediction& predicted = *run.prediction;
      cells[1] = PrintJsonNumber(predicted.step_seconds);
      if (measured.step_seconds.has_value()) cells[2] = PrintJsonNumber(*measured.step_seconds);
      cells[3] = Bytes(predicted.peak_bytes);
      cells[4] = Bytes(predicted.p95_bytes);
      if (measured.peak_bytes.has_value()) cells[5] = Bytes(*measured.peak_bytes);
      cells[6] = predicted.fits ? "true" : "false";
    }
    cells[7] = CsvCell(NoteOf(run));
    absl::StrAppend(&text, absl::StrJoin(cells, ","), "\n");
  }
  return text;
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "client/cli/judged_runs.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/output.h"
#include "client/cli/request_fields.h"
#include "client/cli/resources.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/sha256.h"
#include "planner/status_macros.h"
#include "proto/convert/gpu_message.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::cli {
namespace {

constexpr size_t kProgressRows = 4096;  // a tenth of a second

struct TableFile {
  std::string path;
  bool named = true;  // by the person, not found in a folder
};

absl::StatusOr<std::vector<TableFile>> FilesOf(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector<TableFile>{{path, true}};
  std::vector<TableFile> files;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".csv") files.push_back({entry->path().string(), false});
  }
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read: ", error.message()));
  }
  if (files.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": the folder holds no .csv file"));
  }
  std::sort(files.begin(), files.end(),
            [](const TableFile& a, const TableFile& b) { return a.path < b.path; });
  return files;
}

std::string TableName(const std::string& path) {
  return path == "-" ? "stdin" : std::filesystem::path(path).stem().string();
}

// GPU types that rows may name: the catalogue's, and behind them those that were applied under
// other ids. Who keeps those is asked once, and only if a row names none of the catalogue.
class GpuTypes {
 public:
  GpuTypes(const Invocation& invocation, Context& context)
      : invocation_(invocation), context_(context) {}

  const std::vector<Gpu>& All() {
    if (!types_.empty()) return types_;
    types_ = GpuCatalog();
    const absl::StatusOr<std::vector<Gpu>> applied = Ask();
    if (!applied.ok()) {
      Remark(invocation_, context_,
             absl::StrCat("GPU types beside the catalogue's are not known: ",
                          applied.status().message()));
      return types_;
    }
    for (const Gpu& gpu : *applied) {
      const bool known = std::any_of(types_.begin(), types_.end(),
                                     [&](const Gpu& other) { return other.id == gpu.id; });
      if (!known) types_.push_back(gpu);
    }
    return types_;
  }

 private:
  absl::StatusOr<std::vector<Gpu>> Ask() {
    RHUMB_ASSIGN_OR_RETURN(const Home home, context_.open_home(invocation_, context_));
    RHUMB_ASSIGN_OR_RETURN(const v1::ListGpuTypesResponse listed, AllGpuTypes(*home.client));
    std::vector<Gpu> types;
    for (const v1::GpuType& type : listed.gpu_types()) types.push_back(convert::FromProto(type));
    return types;
  }

  const Invocation& invocation_;
  Context& context_;
  std::vector<Gpu> types_;
};

bool NamesUnknownGpu(const RunTable& table) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [](const RunRow& row) { return row.defect.column == "gpu"; });
}

// Adds to `hashed` what the hash of the tables is of.
absl::StatusOr<RunTable> ReadFile(const std::string& path, const std::string& group_column,
                                  std::optional<double> timeout_seconds, GpuTypes& gpu_types,
                                  ProgressBar& progress, std::string& hashed) {
  const absl::StatusOr<std::string> text = ReadRunText(path, timeout_seconds);
  if (absl::IsDeadlineExceeded(text.status())) return text.status();
  // Names the file itself.
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  RunTableOptions options = {.group_column = group_column};
  options.progress = [&](double fraction) { progress.Show(fraction, "reading"); };
  absl::StatusOr<RunTable> table = ParseRunTable(*text, options);
  if (table.ok() && NamesUnknownGpu(*table)) {
    progress.Clear();
    options.gpu_types = gpu_types.All();
    table = ParseRunTable(*text, options);
  }
  if (!table.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path == "-" ? "stdin" : path, ": ", table.status().message()));
  }
  absl::StrAppend(&hashed, text->size(), " ", Sha256Hex(*text), "\n");
  return table;
}

}  // namespace

absl::StatusOr<RunTables> JudgeRuns(const Invocation& invocation, const std::string& group_column,
                                    const TimeCalibration* calibration, Context& context) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<double> timeout, ReadTimeoutSeconds(invocation));
  ProgressBar progress(context);
  GpuTypes gpu_types(invocation, context);
  RunTables tables;
  std::vector<JudgedRun>& runs = tables.runs;
  std::string hashed;
  for (const std::string& path : invocation.flags.at("table")) {
    RHUMB_ASSIGN_OR_RETURN(const std::vector<TableFile> files, FilesOf(path));
    for (const TableFile& file : files) {
      absl::StatusOr<RunTable> table =
          ReadFile(file.path, group_column, timeout, gpu_types, progress, hashed);
      if (!table.ok() && !file.named && absl::IsInvalidArgument(table.status())) {
        progress.Clear();
        const absl::string_view why = table.status().message();
        Remark(invocation, context, absl::StrCat("passed over ", why));
        continue;
      }
      if (!table.ok()) return table.status();
      for (RunRow& row : table->rows) {
        std::string name = group_column.empty() ? TableName(file.path) : row.group;
        runs.push_back({std::move(name), std::move(row), std::nullopt});
      }
    }
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    if (i > 0 && i % kProgressRows == 0) {
      progress.Show(static_cast<double>(i) / static_cast<double>(runs.size()), "predicting");
    }
    const std::optional<MeasuredRun>& run = runs[i].row.run;
    if (!run.has_value()) continue;
    runs[i].prediction = PredictRun(*run, TimeConstantsWith(calibration, run->gpu.family));
  }
  progress.Clear();
  tables.sha256 = Sha256Hex(hashed);
  return tables;
}

std::string ReasonOf(const JudgedRun& run) { return DescribeDefect(run.row); }

Flag RunTableFlag() {
  return {.name = "table",
          .kind = FlagKind::kFile,
          .placeholder = "FILE",
          .help = "measured runs, a row a run; a folder is all its .csv files, - is stdin",
          .group = "Measured runs",
          .repeatable = true,
          .completion = Completion::kFile};
}

Flag GroupColumnFlag() {
  return {.name = "by",
          .kind = FlagKind::kText,
          .placeholder = "COLUMN",
          .help = "a table is what shares a cell of this column; default: the file",
          .group = "Measured runs"};
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "client/cli/judged_runs.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/output.h"
#include "client/cli/request_fields.h"
#include "planner/status_macros.h"

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

absl::StatusOr<RunTable> ReadFile(const std::string& path, const std::string& group_column,
                                  std::optional<double> timeout_seconds, ProgressBar& progress) {
  const absl::StatusOr<std::string> text = ReadRunText(path, timeout_seconds);
  if (absl::IsDeadlineExceeded(text.status())) return text.status();
  // Names the file itself.
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  RunTableOptions options = {.group_column = group_column};
  options.progress = [&](double fraction) { progress.Show(fraction, "reading"); };
  absl::StatusOr<RunTable> table = ParseRunTable(*text, options);
  if (!table.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path == "-" ? "stdin" : path, ": ", table.status().message()));
  }
  return table;
}

}  // namespace

absl::StatusOr<std::vector<JudgedRun>> JudgeRuns(const Invocation& invocation,
                                                 const std::string& group_column,
                                                 Context& context) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<double> timeout, ReadTimeoutSeconds(invocation));
  ProgressBar progress(context);
  std::vector<JudgedRun> runs;
  for (const std::string& path : invocation.flags.at("table")) {
    RHUMB_ASSIGN_OR_RETURN(const std::vector<TableFile> files, FilesOf(path));
    for (const TableFile& file : files) {
      absl::StatusOr<RunTable> table = ReadFile(file.path, group_column, timeout, progress);
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
    if (runs[i].row.run.has_value()) runs[i].prediction = PredictRun(*runs[i].row.run);
  }
  progress.Clear();
  return runs;
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

}  // namespace rhumb::cli

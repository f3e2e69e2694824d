// SPDX-License-Identifier: Apache-2.0
#include "client/cli/sync_command.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/json_object.h"
#include "client/cli/output.h"
#include "client/cli/progress_bar.h"
#include "client/cli/progress_sender.h"
#include "client/cli/run_home.h"
#include "client/cli/spool_file.h"
#include "client/cpp/rpc_error.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

namespace fs = std::filesystem;

enum class Outcome { kSent, kBusy, kEmpty, kFailed };

struct FileResult {
  std::string path;
  std::string run;
  Outcome outcome = Outcome::kSent;
  SentSamples sent;
  absl::Status status;
};

std::string OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSent:
      return "sent";
    case Outcome::kBusy:
      return "busy";
    case Outcome::kEmpty:
      return "empty";
    case Outcome::kFailed:
      return "failed";
  }
  return "";
}

// The spool files that `path` stands for: itself, or those of a folder by name.
absl::StatusOr<std::vector<std::string>> FilesOf(const std::string& path, bool is_default) {
  std::error_code error;
  const fs::file_status facts = fs::status(path, error);
  if (facts.type() == fs::file_type::not_found) {
    if (is_default) return std::vector<std::string>();  // no launcher ever kept anything
    return absl::InvalidArgumentError(absl::StrCat("there is no ", path));
  }
  if (!fs::is_directory(facts)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  fs::directory_iterator entries(path, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string file = entries->path().string();
    if (absl::EndsWith(file, kSpoolSuffix)) files.push_back(file);
  }
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path, ": ", error.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Says how the run ended, unless that has been said, or is said by the scheduler of its jobs.
absl::Status Finish(v1::FinishRunRequest finish, client::Client& client) {
  absl::Status status = client.FinishRun(finish).status();
  const std::vector<client::FieldViolation> violations =
      client::DescribeError(status).field_violations;
  const bool is_time = std::any_of(violations.begin(), violations.end(),
                                   [](const auto& each) { return each.field == "end_time"; });
  if (is_time) {
    // The run was created after it had ended, no daemon being there before, or by another clock.
    finish.clear_end_time();
    status = client.FinishRun(finish).status();
  }
  const std::string reason = client::DescribeError(status).reason;
  return reason == "RUN_HAS_JOBS" || reason == "RUN_HAS_ENDED" ? absl::OkStatus() : status;
}

// Tells all that `file` says; it stays.
absl::Status SendFile(const SpoolFile& file, const SpoolContents& contents,
                      const std::string& run_instead, client::Client& client, FileResult& result,
                      ProgressBar& progress) {
  result.run = contents.run.empty() ? run_instead : contents.run;
  if (result.run.empty()) {
    if (!contents.create.has_value()) {
      return absl::FailedPreconditionError("it does not say which run it is of; give --run");
    }
    RHUMB_ASSIGN_OR_RETURN(const v1::Run run, client.CreateRun(*contents.create));
    // Written down before anything is told: broken off and repeated, it creates no second run.
    RHUMB_RETURN_IF_ERROR(file.NameRun(run.name()));
    result.run = run.name();
  }
  ProgressSender sender(client, result.run);
  const absl::Status sent =
      sender.Send(contents.attempt_id, contents.samples,
                  [&](double fraction) { progress.Show(fraction, "sending"); });
  result.sent = sender.sent();
  RHUMB_RETURN_IF_ERROR(sent);
  if (!contents.finish.has_value()) return absl::OkStatus();
  v1::FinishRunRequest finish = *contents.finish;
  finish.set_name(result.run);
  return Finish(std::move(finish), client);
}

FileResult SyncFile(const std::string& path, const std::string& run_instead, client::Client& client,
                    ProgressBar& progress) {
  FileResult result = {.path = path, .run = "", .sent = {}, .status = {}};
  const absl::StatusOr<SpoolFile> file = SpoolFile::Open(path);
  if (absl::IsUnavailable(file.status())) {
    result.outcome = Outcome::kBusy;
    return result;
  }
  absl::StatusOr<std::string> text = file.ok() ? file->Read() : file.status();
  const absl::StatusOr<SpoolContents> contents = text.ok() ? ParseSpool(*text) : text.status();
  if (text.ok() && absl::IsNotFound(contents.status())) {
    result.outcome = Outcome::kEmpty;  // its process was killed before anything was said
    result.status = file->Remove();
    return result;
  }
  result.status = contents.ok() ? SendFile(*file, *contents, run_instead, client, result, progress)
                                : contents.status();
  if (result.status.ok()) result.status = file->Remove();
  result.outcome = result.status.ok() ? Outcome::kSent : Outcome::kFailed;
  return result;
}

std::string ResultsJson(const std::vector<FileResult>& results) {
  std::vector<std::string> files;
  SentSamples sum;
  for (const FileResult& result : results) {
    JsonObject file;
    file.Text("file", result.path)
        .Text("outcome", OutcomeName(result.outcome))
        .Text("run", result.run)
        .Integer("stored_count", result.sent.stored_count)
        .Integer("duplicate_count", result.sent.duplicate_count)
        .Integer("late_count", result.sent.late_count)
        .Integer("refused_count", result.sent.refused_count)
        .Text("problem", std::string(result.status.message()));
    files.push_back(file.str());
    sum.stored_count += result.sent.stored_count;
    sum.duplicate_count += result.sent.duplicate_count;
  }
  return absl::StrCat("{\n  \"files\": ", JsonList(files),
                      ",\n  \"stored_count\": ", sum.stored_count,
                      ",\n  \"duplicate_count\": ", sum.duplicate_count, "\n}");
}

Table ResultsTable(const std::vector<FileResult>& results) {
  Table table;
  table.columns = {{.title = "FILE"},
                   {.title = "OUTCOME"},
                   {.title = "RUN"},
                   {.title = "STORED", .number = true},
                   {.title = "KNOWN", .number = true},
                   {.title = "LATE", .number = true},
                   {.title = "REFUSED", .number = true}};
  for (const FileResult& result : results) {
    table.rows.push_back(
        {result.path.substr(result.path.rfind('/') + 1), OutcomeName(result.outcome),
         BareName(result.run), absl::StrCat(result.sent.stored_count),
         absl::StrCat(result.sent.duplicate_count), absl::StrCat(result.sent.late_count),
         absl::StrCat(result.sent.refused_count)});
  }
  return table;
}

int RunSync(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const bool is_default = invocation.arguments.empty();
  const absl::StatusOr<std::vector<std::string>> files =
      FilesOf(is_default ? SpoolFolder() : invocation.arguments[0], is_default);
  if (!files.ok()) return FailUsage(context, files.status());
  std::vector<FileResult> results;
  if (!files->empty()) {
    const absl::StatusOr<Home> home = OpenRunHome(invocation, context);
    if (!home.ok()) return Fail(context, home.status());
    ProgressBar progress(context);
    for (const std::string& file : *files) {
      results.push_back(SyncFile(file, invocation.Value("run"), *home->client, progress));
      // Nor will it be there for the next.
      if (absl::IsUnavailable(results.back().status)) break;
    }
  }
  std::vector<std::string> runs;
  for (const FileResult& result : results) {
    if (result.outcome == Outcome::kSent) runs.push_back(result.run);
  }
  const absl::Status written = WriteJson(
      ResultsJson(results), *output,
      [&] {
        return results.empty()
                   ? std::string()
                   : RenderTable(ResultsTable(results), output->table, context.out_terminal);
      },
      runs, context);
  if (!written.ok()) return Fail(context, written);
  if (results.empty()) Remark(invocation, context, "nothing waits to be sent");
  int code = kExitOk;
  for (const FileResult& result : results) {
    if (result.sent.refused_count > 0) {
      Remark(invocation, context,
             absl::StrCat(result.path, ": ", Counted(result.sent.refused_count, "sample"),
                          " refused: ", result.sent.refusal));
    }
    if (result.status.ok()) continue;
    const int failed =
        Fail(context,
             absl::Status(result.status.code(),
                          absl::StrCat(result.path, ", which stays: ", result.status.message())));
    if (code == kExitOk) code = failed;
  }
  return code;
}

}  // namespace

Command SyncCommand() {
  return {
      .words = {"sync"},
      .summary = "Send what launchers kept while no daemon was there.",
      .description =
          "Launchers keep what they cannot tell in files of $RHUMB_SPOOL_DIR, else of "
          "rhumb/spool in $XDG_STATE_HOME or ~/.local/state. Each is sent and then removed; one "
          "that fails stays, and one whose process is alive is left to it. It may be broken off "
          "and repeated at any time: nothing is stored twice.",
      .arguments = {{.name = "PATH",
                     .help = "a folder of such files, or one of them",
                     .completion = Completion::kFile,
                     .optional = true}},
      .flags = {{.name = "run",
                 .kind = FlagKind::kText,
                 .placeholder = "RUN",
                 .help = "takes the place of runs that were never created",
                 .group = "Run",
                 .completion = Completion::kRun}},
      .examples = {{"sync", "all that waits"},
                   {"sync /scratch/ada/spool -o json", "of another folder, for a script"}},
      .run = RunSync};
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run_log_command.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/interrupt_watch.h"
#include "client/cli/output.h"
#include "client/cli/request_fields.h"
#include "client/cli/run_progress_report.h"
#include "client/cli/run_samples.h"
#include "client/cli/run_watch.h"
#include "client/config/human_numbers.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {
namespace {

// Columns of a table that grows are as wide as what may still come.
constexpr int kFollowedWidth = 9;

absl::StatusOr<std::optional<int64_t>> ReadLast(const Invocation& invocation) {
  if (!invocation.Has("last")) return std::nullopt;
  const absl::StatusOr<int64_t> last = ParseIntegerCount(invocation.Value("last"));
  if (!last.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--last: ", last.status().message()));
  }
  if (*last < 1 || *last > INT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("--last must be from 1 to ", INT32_MAX, ", got ", *last));
  }
  return *last;
}

// Prints samples as they come, each once.
class SamplePrinter {
 public:
  SamplePrinter(const OutputOptions& output, Context& context)
      : output_(output), context_(context) {}

  void Print(const google::protobuf::RepeatedPtrField<v1::RunSample>& samples) {
    for (const v1::RunSample& sample : samples) {
      if (!printed_.emplace(sample.attempt(), sample.sequence()).second) continue;
      *context_.out << LineOf(sample);
      is_first_ = false;
    }
    context_.out->flush();
  }

 private:
  std::string LineOf(const v1::RunSample& sample) const {
    const bool header = is_first_ && output_.table.header;
    if (output_.format == OutputFormat::kJson) {
      return absl::StrCat(PrintJson(sample), "\n");
    }
    if (output_.format == OutputFormat::kCsv) {
      return absl::StrCat(header ? SampleCsvHeader() : "", SampleCsvLine(sample));
    }
    Table table = SamplesTable({sample});
    if (!output_.table.parsable) {
      for (size_t i = 0; i < table.columns.size(); ++i) {
        std::string& cell = table.rows[0][i];
        if (table.columns[i].number) {
          cell = PadLeft(cell.empty() ? "-" : cell, kFollowedWidth);
        }
      }
    }
    TableOptions options = output_.table;
    options.header = header;
    return RenderTable(table, options, context_.out_terminal);
  }

  const OutputOptions& output_;
  Context& context_;
  std::set<std::pair<int64_t, int64_t>> printed_;  // attempt, sequence
  bool is_first_ = true;
};

int Follow(const std::string& run, std::optional<int64_t> last, const OutputOptions& output,
           const Invocation& invocation, Context& context) {
  if (output.format == OutputFormat::kYaml || output.format == OutputFormat::kName) {
    return FailUsage(context,
                     absl::InvalidArgumentError("--follow prints table, wide, json or csv"));
  }
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const InterruptWatch interrupt;
  SamplePrinter printer(output, context);
  WatchOptions options;
  options.interrupted = [] { return InterruptWatch::interrupted(); };
  options.on_loss = [&](const absl::Status& status) {
    Remark(invocation, context,
           absl::StrCat("the daemon is away, trying again: ", status.message()));
  };
  bool is_listed = false;
  const absl::Status status = WatchUntilEnd(
      *home->client, run, options, [&](const v1::WatchRunResponse& message) -> absl::Status {
        // A message with the whole run begins a watch: what came before it is listed then, so that
        // nothing falls between.
        if (message.has_run()) {
          RHUMB_ASSIGN_OR_RETURN(const v1::ListRunSamplesResponse list,
                                 FetchSamples(*home->client, run, is_listed ? std::nullopt : last));
          is_listed = true;
          printer.Print(list.samples());
        }
        printer.Print(message.samples());
        return absl::OkStatus();
      });
  if (absl::IsCancelled(status) && InterruptWatch::interrupted()) return kExitOk;
  return status.ok() ? kExitOk : Fail(context, status);
}

int RunLog(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<std::optional<int64_t>> last = ReadLast(invocation);
  if (!last.ok()) return FailUsage(context, last.status());
  const std::string& run = invocation.arguments[0];
  if (invocation.Has("follow")) return Follow(run, *last, *output, invocation, context);
  if (output->format == OutputFormat::kName) {
    return FailUsage(context, absl::InvalidArgumentError("--output: a sample has no name"));
  }
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::ListRunSamplesResponse> list = FetchSamples(*home->client, run, *last);
  if (!list.ok()) return Fail(context, list.status());
  if (output->format == OutputFormat::kCsv) {
    if (output->table.header) *context.out << SampleCsvHeader();
    for (const v1::RunSample& sample : list->samples()) *context.out << SampleCsvLine(sample);
    return kExitOk;
  }
  const auto table = [&] {
    return RenderTable(
        SamplesTable(std::vector<v1::RunSample>(list->samples().begin(), list->samples().end())),
        output->table, context.out_terminal);
  };
  const absl::Status written = WriteMessage(*list, *output, table, {}, context);
  if (!written.ok()) return Fail(context, written);
  if (list->samples().empty() && output->format != OutputFormat::kJson) {
    Remark(invocation, context, "nothing was reported of it");
  }
  return kExitOk;
}

}  // namespace

Command RunLogCommand() {
  constexpr char kGroup[] = "Samples";
  return {.words = {"run", "log"},
          .summary = "Print what a run reported, sample by sample.",
          .description =
              "Samples stand by attempt, first to last. Old ones are means of several (MEAN OF in "
              "-o wide). With --follow, new ones are printed as they come, until the run ends or "
              "Ctrl-C; -o json is then one object a line.",
          .arguments = {{.name = "RUN",
                         .help = "name of a run, as runs/r-0123",
                         .completion = Completion::kRun}},
          .flags = {{.name = "last",
                     .kind = FlagKind::kCount,
                     .placeholder = "N",
                     .help = "the last N samples alone",
                     .group = kGroup,
                     .short_name = 'n'},
                    {.name = "follow",
                     .kind = FlagKind::kSwitch,
                     .help = "go on with what is reported from now on",
                     .group = kGroup,
                     .short_name = 'f'}},
          .examples = {{"run log runs/r-0123 -n 20", "the last samples"},
                       {"run log r-0123 --follow", "as they come"},
                       {"run log r-0123 -o csv > r.csv",
                        "all of them, for a plot; rhumb ingest --csv reads it"}},
          .run = RunLog};
}

}  // namespace rhumb::cli

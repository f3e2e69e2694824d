// SPDX-License-Identifier: Apache-2.0
#include "client/cli/law_backtest_command.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/fit_flags.h"
#include "client/cli/interrupt_watch.h"
#include "client/cli/observation_import.h"
#include "client/cli/output.h"
#include "client/cli/progress_bar.h"
#include "client/cli/render_fit.h"
#include "client/cli/request_fields.h"

namespace rhumb::cli {
namespace {

constexpr char kSetPrefix[] = "observations/";

std::vector<Flag> RequestFlags() {
  return {{.name = "level",
           .field = "level",
           .kind = FlagKind::kNumber,
           .placeholder = "FRACTION",
           .help = "level of the intervals; default 0.9",
           .group = "Question"}};
}

int RunBacktest(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  if (output->format == OutputFormat::kName) {
    return FailUsage(context, absl::InvalidArgumentError("--output: a back-test has no name"));
  }
  const absl::StatusOr<TableQuestion> question = ReadTableFlags(invocation);
  if (!question.ok()) return FailUsage(context, question.status());
  v1::BacktestLawRequest request;
  const absl::Status fields =
      SetFieldsFromFlags(RequestFlags(), invocation, context.now_unix_seconds, request);
  if (!fields.ok()) return FailUsage(context, fields);
  request.set_law(invocation.arguments[0]);
  const absl::StatusOr<std::optional<double>> timeout = ReadTimeoutSeconds(invocation);
  if (!timeout.ok()) return FailUsage(context, timeout.status());

  // Runs that are stored already are named, all others come from a file.
  const std::string& source = invocation.arguments[1];
  ProgressBar progress(context);
  std::optional<ObservationRows> rows;
  if (!absl::StartsWith(source, kSetPrefix)) {
    absl::StatusOr<ObservationRows> read = ReadRows(source, *question, *timeout, progress);
    if (!read.ok()) return FailUsage(context, read.status());
    rows = *std::move(read);
    RemarkOnRows(*rows, invocation, context);
  }
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const InterruptWatch watch;
  std::optional<TemporarySet> set;
  if (rows.has_value()) {
    absl::StatusOr<TemporarySet> imported =
        TemporarySet::Import(*home->client, *rows, question->header, *timeout, progress);
    progress.Clear();
    if (!imported.ok()) return Fail(context, imported.status());
    set.emplace(*std::move(imported));
  }
  request.set_observations(set.has_value() ? set->name() : source);
  const absl::StatusOr<v1::BacktestLawResponse> answer =
      home->client->BacktestLaw(request, [] { return !InterruptWatch::interrupted(); });
  if (!answer.ok() && InterruptWatch::interrupted()) {
    *context.err << "rhumb: cancelled\n";
    return kExitError;
  }
  if (!answer.ok()) return Fail(context, answer.status());
  const auto table = [&] {
    return output->table.parsable
               ? RenderTable(BacktestTable(answer->backtest()), output->table, context.out_terminal)
               : RenderBacktest(*answer, rows.has_value() ? rows->file : source, output->table.wide,
                                context.out_terminal);
  };
  const absl::Status written = WriteMessage(*answer, *output, table, {}, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

}  // namespace

Command LawBacktestCommand() {
  std::vector<Flag> flags = RequestFlags();
  for (Flag& flag : TableFlags()) flags.push_back(std::move(flag));
  return {.words = {"law", "backtest"},
          .summary = "How well does a law predict measured runs?",
          .description = "Nothing is fitted and nothing is stored: the law is judged as it is.",
          .arguments = {{.name = "LAW",
                         .help = "name of a law, as besiroglu2024 or mine@2",
                         .completion = Completion::kLaw},
                        {.name = "OBS",
                         .help = "table of observations, as rhumb fit reads it, or a stored set "
                                 "observations/NAME",
                         .completion = Completion::kFile}},
          .flags = std::move(flags),
          .examples = {{"law backtest besiroglu2024 runs.csv", "does the default law hold for us?"},
                       {"law backtest mine runs.csv --where 'flops>1e21' -o wide",
                        "the large runs, one by one"}},
          .run = RunBacktest};
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "client/cli/law_backtest_command.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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
#include "planner/status_macros.h"
#include "proto/convert/law_message.h"

namespace rhumb::cli {
namespace {

constexpr char kSetPrefix[] = "observations/";

// Everything but the observations: a law that is judged as it is, or how to fit one.
absl::StatusOr<v1::BacktestLawRequest> ReadRequest(const Invocation& invocation) {
  RHUMB_ASSIGN_OR_RETURN(const v1::FitLawRequest fit, ReadFitFlags(invocation));
  v1::BacktestLawRequest request;
  if (!convert::GivesLossSurface(fit.options().method())) {
    return absl::InvalidArgumentError(
        absl::StrCat("--method: ", invocation.Value("method"),
                     " gives no law that could predict a loss; vpnls and nls do"));
  }
  if (invocation.arguments.size() == 1) {
    *request.mutable_options() = fit.options();
    return request;
  }
  for (const Flag& flag : FitOptionFlags()) {
    if (flag.name == "level" || !invocation.Has(flag.name)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag.name, " says how to fit, but ", invocation.arguments[0],
                     " is judged as it is; leave LAW out to judge a fit"));
  }
  request.set_law(invocation.arguments[0]);
  if (fit.options().has_level()) request.set_level(fit.options().level());
  return request;
}

int RunBacktest(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  if (output->format == OutputFormat::kName) {
    return FailUsage(context, absl::InvalidArgumentError("--output: a back-test has no name"));
  }
  const absl::StatusOr<TableQuestion> question = ReadTableFlags(invocation);
  if (!question.ok()) return FailUsage(context, question.status());
  absl::StatusOr<v1::BacktestLawRequest> request = ReadRequest(invocation);
  if (!request.ok()) return FailUsage(context, request.status());
  const absl::StatusOr<std::optional<double>> timeout = ReadTimeoutSeconds(invocation);
  if (!timeout.ok()) return FailUsage(context, timeout.status());

  // Runs that are stored already are named, all others come from a file.
  const std::string& source = invocation.arguments.back();
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
  request->set_observations(set.has_value() ? set->name() : source);
  const absl::StatusOr<v1::BacktestLawResponse> answer =
      home->client->BacktestLaw(*request, [] { return !InterruptWatch::interrupted(); });
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
  std::vector<Flag> flags = FitOptionFlags();
  for (Flag& flag : TableFlags()) flags.push_back(std::move(flag));
  return {
      .words = {"law", "backtest"},
      .summary = "How well does a law, or a fit, predict measured runs?",
      .description =
          "A LAW is judged as it is. Without one a law is fitted to the smaller runs, as rhumb\n"
          "fit would with the same flags, and judged on the larger ones; a run that is larger\n"
          "than several training sets is predicted from each. Nothing is stored.",
      .arguments = {{.name = "LAW",
                     .help = "name of a law, as besiroglu2024 or mine@2; left out: a fit",
                     .completion = Completion::kLaw,
                     .optional = true},
                    {.name = "OBS",
                     .help = "table of observations, as rhumb fit reads it, or a stored set "
                             "observations/NAME",
                     .completion = Completion::kFile}},
      .flags = std::move(flags),
      .examples = {{"law backtest besiroglu2024 runs.csv", "does the default law hold for us?"},
                   {"law backtest mine runs.csv --where 'flops>1e21' -o wide",
                    "the large runs, one by one"},
                   {"law backtest runs.csv --family data-constrained",
                    "would this form have predicted our larger runs?"}},
      .run = RunBacktest};
}

}  // namespace rhumb::cli

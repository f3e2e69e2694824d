// SPDX-License-Identifier: Apache-2.0
#include "client/cli/fit_command.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/fit_flags.h"
#include "client/cli/format.h"
#include "client/cli/interrupt_watch.h"
#include "client/cli/law_picture.h"
#include "client/cli/learned_observations.h"
#include "client/cli/learned_runs.h"
#include "client/cli/observation_import.h"
#include "client/cli/output.h"
#include "client/cli/progress_bar.h"
#include "client/cli/render_fit.h"
#include "client/cli/request_fields.h"
#include "planner/fit/fit_law.h"
#include "planner/status_macros.h"
#include "proto/convert/law_message.h"

namespace rhumb::cli {
namespace {

constexpr char kTrainingLoss[] = "training", kValidationLoss[] = "validation";

// `word` so that a shell reads it back as one.
std::string Quoted(const std::string& word) {
  constexpr char kPlain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return absl::StrCat(quoted, "'");
}

// The flags of `flags` that were given, as words to give them again, but for those named in `but`.
std::string Again(const std::vector<Flag>& flags, const Invocation& invocation,
                  const std::vector<std::string>& but) {
  std::string words;
  for (const Flag& flag : flags) {
    const auto given = invocation.flags.find(flag.name);
    if (given == invocation.flags.end() ||
        std::find(but.begin(), but.end(), flag.name) != but.end()) {
      continue;
    }
    for (const std::string& value : given->second) {
      absl::StrAppend(&words, " --", flag.name);
      if (flag.kind != FlagKind::kSwitch) absl::StrAppend(&words, " ", Quoted(value));
    }
  }
  return words;
}

// What a method or a form that gives no law cannot do: said before the table is read.
absl::Status CheckGivesLaw(const v1::FitLawRequest& request, const PictureOptions& picture) {
  const v1::FitMethod method = request.options().method();
  if (convert::GivesLossSurface(method)) {
    const std::string& family = request.options().family();
    const std::vector<std::string> forms = FormNames(), planner_forms = PlannerFormNames();
    if (request.name().empty() || absl::c_linear_search(planner_forms, family) ||
        !absl::c_linear_search(forms, family)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat("--name: no plan can be made with the form ",
                                                   family,
                                                   ", so there is no law to store; --family ",
                                                   absl::StrJoin(planner_forms, ", "), " or auto"));
  }
  const std::string gives_none =
      absl::StrCat("--method ", EnumChoice(*v1::FitMethod_descriptor()->FindValueByNumber(method)),
                   " gives no loss of N and D");
  if (!request.name().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--name: ", gives_none, " to store; vpnls and nls do"));
  }
  const bool is_trend = method == v1::FIT_METHOD_ISOFLOP || method == v1::FIT_METHOD_ENVELOPE;
  if (picture.kind == PictureKind::kMap || (picture.IsAsked() && !is_trend)) {
    return absl::InvalidArgumentError(absl::StrCat(
        picture.kind == PictureKind::kMap ? "--picture map: " : "--plot, --svg: ", gives_none,
        " to draw"));
  }
  return absl::OkStatus();
}

// What the compute of the rows is, for messages.
std::string ComputeColumn(const ObservationRows& rows) {
  const auto stated =
      std::count_if(rows.observations.begin(), rows.observations.end(),
                    [](const v1::Observation& row) { return row.has_training_flops(); });
  if (stated == rows.observations.size()) return "training_flops";
  return stated == 0 ? "6ND, as there is no training_flops"
                     : "training_flops, or 6ND where there is none";
}

// What to do after this fit. The table is read and fitted as it was, but for what a line changes.
std::vector<std::string> NextCommands(const v1::LawFitResult& fit, const Invocation& invocation,
                                      bool stored) {
  const auto fit_again = [&](const std::string& change, std::vector<std::string> but = {}) {
    return absl::StrCat(
        "fit ",
        invocation.arguments.empty() ? std::string("--from-runs") : Quoted(invocation.arguments[0]),
        Again(TableFlags(), invocation, {}), Again(FitFlags(), invocation, but), " ", change);
  };
  if (fit.method() == v1::FIT_METHOD_ISOFLOP || fit.method() == v1::FIT_METHOD_ENVELOPE) {
    return {fit_again("--method vpnls", {"method"})};
  }
  if (!convert::GivesLossSurface(fit.method())) return {};
  const std::vector<std::string> of_form = {"family", "fix", "bound", "tie"};
  if (!fit.has_law() && fit.diagnostics().identifiable()) {
    // A form that no plan can be made with.
    return {fit_again("--family chinchilla", of_form)};
  }
  const bool chosen = invocation.Value("family") == "auto";
  std::vector<std::string> lines;
  if (!fit.has_law()) {
    if (!chosen) lines.push_back(fit_again("--family auto", of_form));
    if (!fit.diagnostics().undetermined().empty()) {
      lines.push_back(
          fit_again(absl::StrCat("--fix ", fit.diagnostics().undetermined(0).symbol(), "=VALUE")));
    }
    return lines;
  }
  if (!stored) {
    const std::string name = invocation.Has("name") ? Quoted(invocation.Value("name")) : "NAME";
    lines = {fit_again(absl::StrCat("--name ", name), {"name"}),
             fit_again("--plot braille", {"name"})};
    if (!chosen)
      lines.push_back(fit_again("--family auto", {"name", "family", "fix", "bound", "tie"}));
    return lines;
  }
  const std::string name = BareName(fit.law().name());
  const double largest = fit.law().has_max_training_flops() ? fit.law().max_training_flops() : 1e21;
  const std::string target = ShortExponents(absl::StrFormat("%.1g", largest * 10));
  const std::string budget = ShortExponents(absl::StrFormat("%.1g", largest / 10));
  return {
      absl::StrCat("law show ", name, " --plot braille"),
      absl::StrCat("plan --law ", name, " --compute ", target),
      absl::StrCat("law suggest ", name, " --budget-flops ", budget, " --target-compute ", target)};
}

// Where the rows come from: exactly one place.
absl::Status CheckSource(const Invocation& invocation) {
  if (invocation.arguments.empty() != invocation.Has("from-runs")) {
    return absl::InvalidArgumentError(
        invocation.arguments.empty()
            ? "give a table of observations, or --from-runs"
            : "OBS and --from-runs are two sources of observations: give one");
  }
  for (const char* flag : {"map", "where", "skip-bad-rows"}) {
    if (invocation.Has("from-runs") && invocation.Has(flag)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, " is of a table, and goes with no --from-runs"));
    }
  }
  if (invocation.Has("run-loss") && !invocation.Has("from-runs")) {
    return absl::InvalidArgumentError(
        "--run-loss is of runs, and needs --from-runs; a table's is chosen by --map loss_nats=COLUMN");
  }
  return absl::OkStatus();
}

absl::StatusOr<LearnedObservations> LearnFromRuns(const Invocation& invocation,
                                                  const v1::ImportObservationsRequest& header,
                                                  client::Client& client) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<FinishedRun> runs, FinishedRuns("", client));
  const v1::ObservationSet& set = header.observation_set();
  absl::Status failed;
  absl::StatusOr<LearnedObservations> learned = ObservationsOfRuns(
      runs, header, set.tokenizer(), set.dataset(),
      invocation.Value("run-loss") == kValidationLoss ? LossKind::kValidation : LossKind::kTraining,
      [&](const v1::Run& run) {
        const absl::StatusOr<RunSampleFacts> facts = ReadSampleFacts(run.name(), client);
        failed.Update(facts.status());
        return facts.value_or(RunSampleFacts{});
      });
  RHUMB_RETURN_IF_ERROR(failed);
  return learned;
}

int RunFit(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<PictureOptions> picture = ReadPictureFlags(invocation);
  if (!picture.ok()) return FailUsage(context, picture.status());
  const absl::StatusOr<TableQuestion> question = ReadTableFlags(invocation);
  if (!question.ok()) return FailUsage(context, question.status());
  absl::StatusOr<v1::FitLawRequest> request = ReadFitFlags(invocation);
  if (!request.ok()) return FailUsage(context, request.status());
  request->set_validate_only(invocation.Has("validate-only"));
  const absl::Status possible = CheckGivesLaw(*request, *picture);
  if (!possible.ok()) return FailUsage(context, possible);
  const absl::StatusOr<std::optional<double>> timeout = ReadTimeoutSeconds(invocation);
  if (!timeout.ok()) return FailUsage(context, timeout.status());

  ProgressBar progress(context);
  const bool from_runs = invocation.Has("from-runs");
  const absl::Status source = CheckSource(invocation);
  if (!source.ok()) return FailUsage(context, source);
  absl::StatusOr<ObservationRows> rows = ObservationRows{};
  v1::ImportObservationsRequest header = question->header;
  if (!from_runs) {
    rows = ReadRows(invocation.arguments[0], *question, *timeout, progress);
    if (!rows.ok()) return FailUsage(context, rows.status());
    RemarkOnRows(*rows, invocation, context);
  }

  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  if (from_runs) {
    absl::StatusOr<LearnedObservations> learned = LearnFromRuns(invocation, header, *home->client);
    if (absl::IsInvalidArgument(learned.status())) return FailUsage(context, learned.status());
    if (!learned.ok()) return Fail(context, learned.status());
    for (const UnusedRow& unused : learned->unused) {
      Remark(invocation, context, absl::StrCat("not used: ", unused.row_id, " ", unused.reason));
    }
    header = learned->header;
    rows = std::move(learned->rows);
  }
  const InterruptWatch watch;
  absl::StatusOr<TemporarySet> set =
      TemporarySet::Import(*home->client, *rows, header, *timeout, progress);
  if (!set.ok()) {
    progress.Clear();
    return Fail(context, set.status());
  }
  request->set_observations(set->name());
  absl::StatusOr<v1::LawFitResult> fit =
      home->client->FitLaw(*request, [&](const v1::FitLawResponse::Progress& done) {
        progress.Show(done.fraction(), done.stage().empty() ? "waiting" : done.stage());
        return !InterruptWatch::interrupted();
      });
  progress.Clear();
  if (!fit.ok()) {
    if (InterruptWatch::interrupted()) {
      *context.err << "rhumb: cancelled; nothing was stored\n";
      return kExitError;
    }
    return Fail(context, fit.status());
  }
  if (rows->skipped_count > 0) {
    v1::Plan::Warning& warning = *fit->mutable_diagnostics()->add_warnings();
    warning.set_code("BAD_ROWS_SKIPPED");
    warning.set_text(absl::StrCat(Counted(rows->skipped_count, "row"),
                                  " of the file could not be read and were left out"));
  }
  // Version 0: answered, but there is no store to keep it in.
  const bool stored = !request->name().empty() && !request->validate_only() && fit->has_law() &&
                      fit->law().version() > 0;
  if (stored) set->Keep();
  // A name that means nothing when this command ends is no part of the answer.
  if (set->is_deleted_at_the_end()) {
    fit->clear_observations();
    if (fit->has_law()) fit->mutable_law()->clear_observations();
  }

  FitRenderOptions render = {.wide = output->table.wide,
                             .stored = "",
                             .next = NextCommands(*fit, invocation, stored),
                             .file = rows->file.substr(rows->file.rfind('/') + 1),
                             .compute_column = ComputeColumn(*rows)};
  if (stored) {
    render.stored =
        absl::StrCat(fit->law().name(), ", version ", fit->law().version(), ", and ", set->name(),
                     " with its ", Counted(rows->observations.size(), "row"));
  }
  const bool is_document = output->format == OutputFormat::kJson ||
                           output->format == OutputFormat::kYaml ||
                           output->format == OutputFormat::kCsv;
  // A document holds its diagnosis. Else it is talk: who reads constants out of stdout gets none.
  const bool is_talk = !fit->diagnostics().identifiable() && !is_document;
  if (is_talk) *context.err << RenderFit(*fit, render, context.err_terminal);
  const auto table = [&] {
    if (output->table.parsable) {
      return RenderTable(ConstantsTable(*fit), output->table, context.out_terminal);
    }
    return is_talk ? std::string() : RenderFit(*fit, render, context.out_terminal);
  };
  const std::vector<std::string> names =
      stored ? std::vector<std::string>{fit->law().name()} : std::vector<std::string>{};
  const absl::Status written = WriteMessage(*fit, *output, table, names, context);
  if (!written.ok()) return Fail(context, written);
  const absl::Status drawn =
      HasIsoFlopCurves(*fit)
          ? DrawIsoFlop(*fit, render.file, *picture, context)
          : DrawLaw(fit->law(), rows->observations, request->options(), *picture, context);
  if (!drawn.ok()) return Fail(context, drawn);
  return fit->diagnostics().identifiable() ? kExitOk : kExitError;
}

}  // namespace

Command FitCommand() {
  std::vector<Flag> flags = FitFlags();
  for (std::vector<Flag> more : {TableFlags(), PictureFlags()}) {
    flags.insert(flags.end(), more.begin(), more.end());
  }
  flags.push_back({.name = "from-runs",
                   .kind = FlagKind::kSwitch,
                   .help =
                       "instead of OBS, ends of the daemon's finished runs that let others learn "
                       "from them; --tokenizer and --dataset choose among them",
                   .group = "Law"});
  flags.push_back({.name = "run-loss",
                   .kind = FlagKind::kText,
                   .placeholder = "KIND",
                   .help = "of --from-runs: the last training losses, or the last validation loss; "
                           "default training",
                   .group = "Law",
                   .choices = {kTrainingLoss, kValidationLoss}});
  flags.push_back({.name = "validate-only",
                   .kind = FlagKind::kSwitch,
                   .help = "fit and answer, store nothing",
                   .group = "Law",
                   .aliases = {"dry-run"}});
  return {
      .words = {"fit"},
      .summary = "Fit a scaling law to a table of measured losses.",
      .description =
          "OBS is CSV (commas, semicolons or tabs) with a line of column names: param_count,\n"
          "token_count and loss_nats, and where known unique_token_count, training_flops,\n"
          "global_batch_tokens, learning_rate, step_count, schedule_fraction, task_metric, weight\n"
          "and run"
          " (or N, D, L, params, tokens, loss, flops and their like). - reads stdin.",
      .arguments = {{.name = "OBS",
                     .help = "table of observations",
                     .completion = Completion::kFile,
                     .optional = true}},
      .flags = std::move(flags),
      .examples =
          {{"fit runs.csv --name mine", "fit and store, to plan with --law mine"},
           {"fit runs.csv --map param_count=params_nonemb --where 'in_fit==1' --plot braille",
            "choose columns and rows, and look at it"},
           {"fit runs.csv --holdout 'training_flops>1e21' --bootstrap 4000 -o json",
            "how well do the small runs predict the large ones?"},
           {"fit runs.csv --family auto --fix E=1.69 --tie alpha=beta",
            "let roll-out choose "
            "the form, with what is known"},
           {"fit --from-runs --tokenizer llama3 --name ours", "from runs that have ended"},
           {"fit runs.csv --target-loss 2.1", "and the least compute that reaches a loss"},
           {"fit sweep.csv --method hyperparameters",
            "learning rate and batch as powers of N and D"},
           {"fit evals.csv --map task_metric=hellaswag --method downstream --fix chance=0.25",
            "what a loss is worth at a task"}},
      .run = RunFit};
}

}  // namespace rhumb::cli

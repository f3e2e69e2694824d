// SPDX-License-Identifier: Apache-2.0
#include "client/cli/runs_command.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/list_and_show.h"
#include "client/cli/output.h"
#include "client/cli/report.h"
#include "client/cli/request_fields.h"
#include "client/cli/run_facts.h"
#include "client/cli/run_home.h"
#include "client/cli/run_report.h"
#include "client/cli/run_settings_flags.h"
#include "client/config/human_numbers.h"
#include "google/protobuf/util/time_util.h"
#include "planner/status_macros.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {
namespace {

// Of the full view, as the daemon limits it.
constexpr int kMaxFullPageSize = 100;
// Of the curve that is drawn in a line.
constexpr int kCurvePoints = 200;

Flag ClusterFlag(const std::string& field, const std::string& help, const std::string& group) {
  return {.name = "cluster",
          .field = field,
          .kind = FlagKind::kText,
          .placeholder = "NAME",
          .help = help,
          .group = group,
          .completion = Completion::kCluster};
}

Flag PlanFlag(const std::string& field, const std::string& help, const std::string& group) {
  return {.name = "plan",
          .field = field,
          .kind = FlagKind::kText,
          .placeholder = "PLAN",
          .help = help,
          .group = group,
          .completion = Completion::kPlan};
}

Flag JobFlag(const std::string& field, const std::string& help, const std::string& group) {
  return {.name = "job",
          .field = field,
          .kind = FlagKind::kText,
          .placeholder = "ID",
          .help = help,
          .group = group};
}

Argument RunArgument(bool optional) {
  return {.name = "RUN",
          .help = "name of a run, as runs/r-0123",
          .completion = Completion::kRun,
          .optional = optional};
}

// --- list

std::vector<Flag> ListFlags() {
  constexpr char kGroup[] = "List";
  return {PlanFlag("plan", "of this plan alone", kGroup),
          ClusterFlag("cluster", "of this cluster alone", kGroup),
          {.name = "page-size",
           .field = "page_size",
           .kind = FlagKind::kCount,
           .placeholder = "N",
           .help = "runs at once, at most 1000; default 50",
           .group = kGroup},
          {.name = "page-token",
           .field = "page_token",
           .kind = FlagKind::kText,
           .placeholder = "TOKEN",
           .help = "where the page before ended",
           .group = kGroup},
          {.name = "view",
           .field = "view",
           .kind = FlagKind::kChoice,
           .placeholder = "NAME",
           .help = "full: with what was planned and with advice",
           .group = kGroup,
           .choices = EnumChoices(*v1::PlanView_descriptor())}};
}

int RunList(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::ListRunsRequest request;
  const absl::Status read =
      SetFieldsFromFlags(ListFlags(), invocation, context.now_unix_seconds, request);
  if (!read.ok()) return FailUsage(context, read);
  request.set_open_only(invocation.Has("open"));
  const bool is_table =
      output->format == OutputFormat::kTable || output->format == OutputFormat::kWide;
  // Forecasts and plans are of the full view alone, which has shorter pages.
  if (is_table && !invocation.Has("view") && request.page_size() <= kMaxFullPageSize) {
    request.set_view(v1::PLAN_VIEW_FULL);
  }
  const Listing<v1::ListRunsResponse, v1::Run> listing = {
      .ask = [&](client::Client& client) { return client.ListRuns(request); },
      .items = &v1::ListRunsResponse::runs,
      .table = RunsTable,
      .then =
          [&](const v1::ListRunsResponse& list) {
            if (output->format == OutputFormat::kJson) return;
            if (list.runs().empty()) Remark(invocation, context, "there is no such run");
            if (list.next_page_token().empty()) return;
            Remark(invocation, context,
                   absl::StrCat("there are more: --page-token ", list.next_page_token()));
          }};
  return RunListing(listing, *output, invocation, context);
}

// --- one run

// The losses of a run, evenly over its tokens, to be drawn in a line; empty where there are none.
std::vector<double> LossCurve(const v1::Run& run, client::Client& client) {
  if (!run.has_last_sample()) return {};
  v1::CompareRunRequest request;
  request.set_name(run.name());
  request.set_point_count(kCurvePoints);
  // A line of bars is no reason to fail.
  const absl::StatusOr<v1::CompareRunResponse> comparison = client.CompareRun(request);
  std::vector<double> losses;
  if (!comparison.ok()) return losses;
  for (const v1::LossPoint& point : comparison->loss_curve()) {
    if (point.has_actual_nats()) losses.push_back(point.actual_nats());
  }
  return losses;
}

// Instants are told as 2027-03-01T12:00:00Z, or how long ago they were: 2h30m.
Flag TimeFlag(const std::string& name, const std::string& field, const std::string& help,
              const std::string& group) {
  return {.name = name,
          .field = field,
          .kind = FlagKind::kText,
          .placeholder = "TIME",
          .help = help + ", as 2027-03-01T12:00:00Z, or 2h ago; default now",
          .group = group};
}

// What `flag` says; nullopt where it is not given.
absl::StatusOr<std::optional<google::protobuf::Timestamp>> ReadTime(const Flag& flag,
                                                                    const Invocation& invocation,
                                                                    double now) {
  if (!invocation.Has(flag.name)) return std::nullopt;
  const std::string text = invocation.Value(flag.name);
  google::protobuf::Timestamp time;
  if (google::protobuf::util::TimeUtil::FromString(text, &time)) return time;
  const absl::StatusOr<double> ago = ParseDuration(text, std::nullopt);
  if (!ago.ok() || !(now - *ago > 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        FlagTitle(flag), " must be a time as 2027-03-01T12:00:00Z, or how long ago as 2h, got \"",
        text, "\""));
  }
  time.set_seconds(static_cast<int64_t>(std::floor(now - *ago)));
  return time;
}

Flag StartFlag() { return TimeFlag("start", "run.start_time", "when it began", "Run"); }
Flag EndFlag() { return TimeFlag("time", "end_time", "when", "End"); }

// Shows the run that `ask` answers.
int ShowRun(const std::function<absl::StatusOr<v1::Run>(client::Client&)>& ask,
            const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  std::vector<double> losses;
  const Showing<v1::Run> showing = {.ask =
                                        [&](client::Client& client) {
                                          absl::StatusOr<v1::Run> run = ask(client);
                                          if (run.ok() && IsOnScreen(context))
                                            losses = LossCurve(*run, client);
                                          return run;
                                        },
                                    .table = RunsTable,
                                    .render =
                                        [&](const v1::Run& run) {
                                          return RenderRun(run, output->table.wide,
                                                           context.out_terminal, losses);
                                        }};
  return RunShowing(showing, *output, invocation, context);
}

// The same where `ask` changes it.
int ShowChangedRun(const std::function<absl::StatusOr<v1::Run>(client::Client&)>& ask,
                   const Invocation& invocation, Context& context) {
  const WayHome open_home = context.open_home;
  context.open_home = [&open_home](const Invocation& asked, Context& asking) {
    return OpenRunHome(open_home, asked, asking);
  };
  const int code = ShowRun(ask, invocation, context);
  context.open_home = open_home;
  return code;
}

std::vector<Flag> ShowFlags() {
  constexpr char kGroup[] = "Run";
  return {JobFlag("job_id", "the run of this job, as 123 or 120_3", kGroup),
          ClusterFlag("cluster", "the job's cluster, where several have such a job", kGroup)};
}

int RunShow(const Invocation& invocation, Context& context) {
  v1::GetRunRequest request;
  const absl::Status read =
      SetFieldsFromFlags(ShowFlags(), invocation, context.now_unix_seconds, request);
  if (!read.ok()) return FailUsage(context, read);
  if (!invocation.arguments.empty()) request.set_name(invocation.arguments[0]);
  if (request.name().empty() == request.job_id().empty()) {
    return FailUsage(context, absl::InvalidArgumentError("give the name of a run or --job ID"));
  }
  return ShowRun([&](client::Client& client) { return client.GetRun(request); }, invocation,
                 context);
}

std::vector<Flag> CreateFlags() {
  constexpr char kGroup[] = "Run";
  return {PlanFlag("run.plan", "the plan that it carries out", kGroup),
          {.name = "title",
           .field = "run.title",
           .kind = FlagKind::kText,
           .placeholder = "TEXT",
           .help = "what you call it",
           .group = kGroup},
          {.name = "request-id",
           .field = "request_id",
           .kind = FlagKind::kText,
           .placeholder = "UUID",
           .help = "makes a repetition answer the same",
           .group = kGroup}};
}

std::vector<Flag> With(std::vector<Flag> flags, std::vector<Flag> more) {
  for (Flag& flag : more) flags.push_back(std::move(flag));
  return flags;
}

// What a run would be: the answer names and dates one that does not exist, unless its job's does.
absl::StatusOr<v1::Run> CheckRun(const v1::CreateRunRequest& request, client::Client& client) {
  RHUMB_ASSIGN_OR_RETURN(v1::Run run, client.CreateRun(request));
  v1::GetRunRequest known;
  known.set_name(run.name());
  if (!request.run().jobs().empty() && client.GetRun(known).ok()) return run;
  run.clear_name();
  run.clear_state();
  run.clear_create_time();
  run.clear_update_time();
  run.clear_comparisons();
  run.clear_advice();
  return run;
}

std::string RenderChecked(const v1::Run& run, const Terminal& terminal) {
  Report report(terminal);
  report.Sentence(run.name().empty() ? "Such a run could be created."
                                     : absl::StrCat(run.name(), " is the run of this job already."),
                  Style::kGood);
  report.Row("Title", run.title());
  report.Row("Plan", run.plan());
  AddSettings(run.settings(), report);
  return report.text();
}

int CheckCreate(const v1::CreateRunRequest& request, const Invocation& invocation,
                Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<Home> home = OpenRunHome(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::Run> run = CheckRun(request, *home->client);
  if (!run.ok()) return Fail(context, run.status());
  const auto table = [&] {
    return output->table.parsable
               ? RenderTable(RunsTable({*run}), output->table, context.out_terminal)
               : RenderChecked(*run, context.out_terminal);
  };
  const std::vector<std::string> names =
      run->name().empty() ? std::vector<std::string>{} : std::vector<std::string>{run->name()};
  const absl::Status written = WriteMessage(*run, *output, table, names, context);
  if (!written.ok()) return Fail(context, written);
  Remark(invocation, context, "nothing was changed, as --dry-run says");
  return kExitOk;
}

int RunCreate(const Invocation& invocation, Context& context) {
  v1::CreateRunRequest request;
  const absl::Status read = SetFieldsFromFlags(With(CreateFlags(), RunSettingsFlags()), invocation,
                                               context.now_unix_seconds, request);
  if (!read.ok()) return FailUsage(context, read);
  if (invocation.Has("job") != invocation.Has("cluster")) {
    return FailUsage(context, absl::InvalidArgumentError("--job and --cluster go together"));
  }
  if (invocation.Has("job")) {
    v1::Job& job = *request.mutable_run()->add_jobs();
    job.set_job_id(invocation.Value("job"));
    job.set_cluster(invocation.Value("cluster"));
  }
  const absl::StatusOr<std::optional<google::protobuf::Timestamp>> start =
      ReadTime(StartFlag(), invocation, context.now_unix_seconds);
  if (!start.ok()) return FailUsage(context, start.status());
  if (start->has_value()) *request.mutable_run()->mutable_start_time() = **start;
  request.set_validate_only(invocation.Has("dry-run"));
  if (request.validate_only()) return CheckCreate(request, invocation, context);
  return ShowChangedRun([&](client::Client& client) { return client.CreateRun(request); },
                        invocation, context);
}

std::vector<Flag> FinishFlags() {
  return {{.name = "state",
           .field = "state",
           .kind = FlagKind::kChoice,
           .placeholder = "STATE",
           .help = "how it ended",
           .group = "End",
           .choices = {"succeeded", "failed", "cancelled"}}};
}

int RunFinish(const Invocation& invocation, Context& context) {
  // An enum has more than a launcher may say.
  const std::vector<std::string> ends = FinishFlags().front().choices;
  if (std::find(ends.begin(), ends.end(), invocation.Value("state")) == ends.end()) {
    return FailUsage(context, absl::InvalidArgumentError(
                                  absl::StrCat("--state must be one of ", absl::StrJoin(ends, ", "),
                                               ", got \"", invocation.Value("state"), "\"")));
  }
  v1::FinishRunRequest request;
  const absl::Status read =
      SetFieldsFromFlags(FinishFlags(), invocation, context.now_unix_seconds, request);
  if (!read.ok()) return FailUsage(context, read);
  request.set_name(invocation.arguments[0]);
  const absl::StatusOr<std::optional<google::protobuf::Timestamp>> time =
      ReadTime(EndFlag(), invocation, context.now_unix_seconds);
  if (!time.ok()) return FailUsage(context, time.status());
  if (time->has_value()) *request.mutable_end_time() = **time;
  return ShowChangedRun([&](client::Client& client) { return client.FinishRun(request); },
                        invocation, context);
}

}  // namespace

Command RunListCommand() {
  return {.words = {"run", "list"},
          .summary = "List runs, the ones that changed last first.",
          .flags = With(ListFlags(), {{.name = "open",
                                       .field = "open_only",
                                       .kind = FlagKind::kSwitch,
                                       .help = "those that wait or run alone",
                                       .group = "List"}}),
          .examples = {{"run list --open", "what waits and runs now"},
                       {"run list --plan plans/p-0123 -o json", "the runs of a plan, for scripts"}},
          .run = RunList};
}

Command RunShowCommand() {
  return {.words = {"run", "show"},
          .summary = "Show a run: how it went, beside its plan.",
          .description =
              "Says in a sentence how the run stands or ended, what was planned beside what "
              "happened, the jobs that carried it out one after the other, and what to change, "
              "with the exact line.",
          .arguments = {RunArgument(/*optional=*/true)},
          .flags = ShowFlags(),
          .examples = {{"run show --job 123", "the run of a Slurm job"},
                       {"run show runs/r-0123456789abcdef0123 -o wide",
                        "with where the numbers are from"}},
          .run = RunShow};
}

Command RunCreateCommand() {
  constexpr char kGroup[] = "Run";
  return {
      .words = {"run", "create"},
      .summary = "Create a run, for launchers without a scheduler.",
      .description =
          "The run goes on until `rhumb run finish`. With --job and --cluster it belongs to "
          "that job, which the cluster's agent tells of: its run is answered if there is one "
          "already. Without a plan, the flags that say what is trained are what it is compared "
          "with; with one, where it differs.",
      .flags = With(With(CreateFlags(), RunSettingsFlags()),
                    {StartFlag(),
                     JobFlag("run.jobs[0].job_id", "the scheduler's job that starts it", kGroup),
                     ClusterFlag("run.jobs[0].cluster", "the job's cluster", kGroup),
                     {.name = "dry-run",
                      .kind = FlagKind::kSwitch,
                      .help = "check only; change nothing",
                      .group = kGroup}}),
      .examples = {{"run create --plan plans/p-0123 -o name", "by hand; prints its name"},
                   {"run create --params 1.1B --target-tokens 22B --batch-tokens 524288 --schedule "
                    "wsd --decay-fraction 0.1 --gpu H100-SXM5-80GB --gpu-count 8 --learn",
                    "without a plan"}},
      .run = RunCreate};
}

Command RunFinishCommand() {
  return {.words = {"run", "finish"},
          .summary = "Say how a run without a scheduler ended.",
          .arguments = {RunArgument(/*optional=*/false)},
          .flags = With(FinishFlags(), {EndFlag()}),
          .examples = {{"run finish runs/r-0123456789abcdef0123 --state succeeded", "now"},
                       {"run finish r-0123 --state failed --time 2h", "two hours ago"}},
          .run = RunFinish};
}

}  // namespace rhumb::cli

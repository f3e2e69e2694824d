// SPDX-License-Identifier: Apache-2.0
#include "client/cli/plan_command.h"

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/context.h"
#include "client/cli/emit_plan.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/gpu_names_file.h"
#include "client/cli/json_object.h"
#include "client/cli/output.h"
#include "client/cli/plan_by_start.h"
#include "client/cli/plan_job.h"
#include "client/cli/plan_question.h"
#include "client/cli/promise.h"
#include "client/cli/question_file.h"
#include "client/cli/render_plan.h"
#include "client/cli/render_starts.h"
#include "client/cli/report.h"
#include "client/cli/sweep.h"
#include "client/cli/why_not.h"
#include "client/config/hf_unplanned.h"
#include "client/config/text_file.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {
namespace {

std::vector<Flag> PlanFlags() {
  std::vector<Flag> flags = PlanQuestionFlags();
  flags.push_back({.name = "save",
                   .kind = FlagKind::kFile,
                   .placeholder = "FILE",
                   .help = "write the whole question as TOML, then answer it",
                   .group = "Question",
                   .completion = Completion::kFile});
  flags.push_back({.name = "explain",
                   .kind = FlagKind::kSwitch,
                   .help = "where the step's time goes and what was searched",
                   .group = "Output"});
  flags.push_back({.name = "forecast",
                   .kind = FlagKind::kSwitch,
                   .help = "ask Slurm when it would start; plan for what is free now and for the "
                           "whole cluster",
                   .group = "Slurm"});
  flags.push_back(GpuNamesFlag("Slurm"));
  flags.push_back(WhyNotFlag());
  flags.push_back(EmitFlag());
  flags.push_back(ReserveFlag());
  return flags;
}

// Questions and their plans; `starts` with --forecast.
struct Answers {
  std::vector<v1::CreatePlanRequest> requests;
  std::vector<v1::Plan> plans;
  std::optional<PlansByStart> starts;
};

// Asks every question in turn; one that the daemon refuses ends the sweep.
absl::StatusOr<Answers> Ask(const std::vector<v1::CreatePlanRequest>& requests, const Home& home,
                            const Invocation& invocation, Context& context) {
  Answers answers = {.requests = requests};
  for (const v1::CreatePlanRequest& request : requests) {
    RHUMB_ASSIGN_OR_RETURN(v1::Plan plan,
                           PlanAndPromise(request, *home.client, invocation, context));
    answers.plans.push_back(std::move(plan));
  }
  return answers;
}

// The question asked for now and for later: the better one is the answer.
absl::StatusOr<Answers> AskByStart(const v1::CreatePlanRequest& request,
                                   const slurm::GpuNames& names, const Home& home,
                                   const Invocation& invocation, Context& context) {
  const AskPlan ask = [&](const v1::CreatePlanRequest& each) {
    return home.client->CreatePlan(each);
  };
  const ForecastPlan forecast = [&](const v1::Plan& plan) -> absl::StatusOr<StartForecast> {
    RHUMB_ASSIGN_OR_RETURN(const PlanJob job, MakePlanJob(plan, {}, names));
    return ForecastStart(BareSbatchOptions(job), context.run_program);
  };
  Answers answers;
  RHUMB_ASSIGN_OR_RETURN(answers.starts,
                         PlanByStart(request, context.now_unix_seconds, ask, forecast));
  if (answers.starts->options.empty()) {
    answers.requests = {request};
    answers.plans = {*answers.starts->infeasible};
    answers.starts.reset();
  } else {
    answers.requests = {answers.starts->options.front().question};
    answers.plans = {answers.starts->options.front().plan};
    RHUMB_RETURN_IF_ERROR(Promise(answers.plans.front(), *home.client, invocation, context));
  }
  return answers;
}

absl::Status CheckForecast(const Invocation& invocation,
                           const std::vector<v1::CreatePlanRequest>& requests) {
  if (!invocation.Has("forecast")) return absl::OkStatus();
  if (requests.size() > 1) {
    return absl::InvalidArgumentError("--forecast takes one question, not a sweep");
  }
  if (requests.front().cluster().empty()) {
    return absl::InvalidArgumentError(
        "--forecast is about the jobs of a cluster: name it with --cluster");
  }
  return absl::OkStatus();
}

// What the file that --arch names says and no plan holds. A pipe is read no second time.
std::vector<std::string> RemarksOnModelFile(const Invocation& invocation) {
  if (!invocation.Has("arch")) return {};
  const std::string path = invocation.Value("arch");
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return {};
  const absl::StatusOr<std::string> text = ReadTextFile(path, {});
  if (!text.ok()) return {};
  std::vector<std::string> remarks;
  for (const UnplannedKey& key : UnplannedOfHuggingFaceConfig(*text)) {
    remarks.push_back(absl::StrCat(
        path, " says ", key.key, " ", key.value, ", which is no part of the plan",
        key.megatron.empty() ? ": say it to your script" : absl::StrCat(": add ", key.megatron)));
  }
  return remarks;
}

int ExitCodeOfPlans(const std::vector<v1::Plan>& plans) {
  bool incomplete = false;
  for (const v1::Plan& plan : plans) {
    if (plan.state() == v1::Plan::STATE_FEASIBLE) return kExitOk;
    incomplete = incomplete || (plan.has_search() && !plan.search().complete());
  }
  // A search that was stopped has not shown that there is no plan.
  return incomplete ? kExitUnavailable : kExitNo;
}

absl::Status WritePlans(const Answers& answers, const Sweep& sweep, const Invocation& invocation,
                        const OutputOptions& output, Context& context) {
  const std::vector<v1::Plan>& plans = answers.plans;
  std::vector<std::string> names;
  for (const v1::Plan& plan : plans) names.push_back(plan.name());
  if (sweep.flag.empty()) {
    const auto table = [&] {
      if (output.table.parsable)
        return RenderTable(PlansTable(plans), output.table, context.out_terminal);
      const PlanRenderOptions options = {.explain = invocation.Has("explain"),
                                         .wide = output.table.wide,
                                         .question = &answers.requests.front()};
      std::string text = RenderPlan(plans.front(), options, context.out_terminal);
      if (answers.starts.has_value()) {
        absl::StrAppend(
            &text, RenderStarts(*answers.starts, context.now_unix_seconds, context.out_terminal));
      }
      return text;
    };
    if (!answers.starts.has_value()) {
      return WriteMessage(plans.front(), output, table, names, context);
    }
    return WriteJson(WithMember(PrintJson(plans.front(), {.indent = 2}), "starts",
                                JsonOfStarts(*answers.starts, context.now_unix_seconds)),
                     output, table, names, context);
  }
  v1::ListPlansResponse list;
  for (const v1::Plan& plan : plans) *list.add_plans() = plan;
  const auto table = [&] {
    return RenderTable(PlansTable(plans, absl::StrCat("--", sweep.flag), sweep.values),
                       output.table, context.out_terminal);
  };
  return WriteMessage(list, output, table, names, context);
}

// Under the plan, what it was preferred to.
absl::Status ExplainWhyNot(const std::vector<WhyNot>& all, const v1::CreatePlanRequest& question,
                           const v1::Plan& plan, const Home& home, Context& context) {
  if (plan.state() != v1::Plan::STATE_FEASIBLE || all.empty()) return absl::OkStatus();
  if (!plan.has_layout()) {
    return absl::FailedPreconditionError(
        "--why-not: the plan has no layout, as the question names no GPUs to lay it out on");
  }
  Report report(context.out_terminal);
  for (const WhyNot& asked : all) {
    RHUMB_ASSIGN_OR_RETURN(const v1::Plan with, AskWithParts(asked, question, home));
    AddWhyNot(asked, plan, with, report);
  }
  *context.out << report.text();
  return absl::OkStatus();
}

int RunPlan(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<Sweep> sweep = ReadSweep(*context.command, invocation);
  if (!sweep.ok()) return FailUsage(context, sweep.status());
  if (!sweep->flag.empty() && invocation.Has("save")) {
    return FailUsage(context, absl::InvalidArgumentError("--save takes one question, not a sweep"));
  }
  const absl::StatusOr<std::vector<EmitTarget>> targets = ReadEmitTargets(invocation);
  if (!targets.ok()) return FailUsage(context, targets.status());
  if (!sweep->flag.empty() && !targets->empty()) {
    return FailUsage(context, absl::InvalidArgumentError("--emit takes one question, not a sweep"));
  }
  if (!sweep->flag.empty() && invocation.Has("reserve")) {
    return FailUsage(context,
                     absl::InvalidArgumentError("--reserve takes one question, not a sweep"));
  }
  const absl::StatusOr<std::vector<WhyNot>> why_not = ReadWhyNot(invocation);
  if (!why_not.ok()) return FailUsage(context, why_not.status());
  const bool is_report =
      (output->format == OutputFormat::kTable || output->format == OutputFormat::kWide) &&
      !output->table.parsable;
  if (!why_not->empty() && (!sweep->flag.empty() || !targets->empty() || !is_report)) {
    return FailUsage(context, absl::InvalidArgumentError(
                                  "--why-not explains one plan in a table: it goes with no sweep, "
                                  "--emit or other output"));
  }
  // Once for a whole sweep: a pipe gives its text once.
  const absl::StatusOr<v1::CreatePlanRequest> file = ReadPlanQuestionFile(invocation, context);
  if (!file.ok()) return FailUsage(context, file.status());
  const absl::StatusOr<slurm::GpuNames> gpu_names = ReadGpuNames(invocation);
  if (!gpu_names.ok()) return FailUsage(context, gpu_names.status());
  std::vector<v1::CreatePlanRequest> requests;
  for (Invocation single : sweep->invocations) {
    NameGpuPools(*gpu_names, single);
    absl::StatusOr<v1::CreatePlanRequest> request = ReadPlanQuestion(*file, single, context);
    if (!request.ok()) return FailUsage(context, request.status());
    if (const absl::Status status = CheckReserve(*request, invocation); !status.ok()) {
      return FailUsage(context, status);
    }
    requests.push_back(*std::move(request));
  }
  if (invocation.Has("save")) {
    const absl::Status saved = WriteQuestionFile(requests.front(), invocation.Value("save"));
    if (!saved.ok()) return FailUsage(context, saved);
  }
  const absl::Status forecast = CheckForecast(invocation, requests);
  if (!forecast.ok()) return FailUsage(context, forecast);
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<Answers> answers =
      invocation.Has("forecast")
          ? AskByStart(requests.front(), *gpu_names, *home, invocation, context)
          : Ask(requests, *home, invocation, context);
  if (!answers.ok()) return Fail(context, answers.status());
  const std::vector<v1::Plan>& plans = answers->plans;
  for (const v1::Plan& plan : plans) {
    if (plan.has_search() && !plan.search().complete()) {
      Remark(invocation, context,
             "the search was stopped by --timeout: this is the best found so far, not stored");
      break;
    }
  }
  if (!targets->empty() && plans.front().state() == v1::Plan::STATE_FEASIBLE) {
    absl::StatusOr<launch::LaunchOptions> options =
        LaunchOptionsOf(answers->requests.front(), *home);
    if (!options.ok()) return Fail(context, options.status());
    options->slurm_gpu_name = ListedGpuName(*gpu_names, plans.front().allocation().gpu_type());
    options->model_remarks = RemarksOnModelFile(invocation);
    const absl::Status emitted = EmitPlan(plans.front(), *targets, *options, invocation, context);
    if (!emitted.ok()) return FailUsage(context, emitted);
    if (TakesStdout(*targets)) return kExitOk;
  }
  // Why there is no plan is no text for a launcher: stdout stays empty.
  if (TakesStdout(*targets)) {
    context.out = context.err;
    context.out_terminal = context.err_terminal;
  }
  const absl::Status written = WritePlans(*answers, *sweep, invocation, *output, context);
  if (!written.ok()) return Fail(context, written);
  const absl::Status explained =
      ExplainWhyNot(*why_not, answers->requests.front(), plans.front(), *home, context);
  return explained.ok() ? ExitCodeOfPlans(plans) : Fail(context, explained);
}

}  // namespace

Command PlanCommand() {
  return {.words = {"plan"},
          .summary = "Plan a training run: model, tokens, batch, GPUs, layout, loss, time, cost.",
          .description =
              "Every constraint is hard. GPU counts are what is available; a plan may use fewer. "
              "Without an\n"
              "objective the plan has the lowest loss the bounds allow, or the lowest cost for a "
              "target loss.\n"
              "A comma list in one value (--deadline 14d,21d,30d) asks once for each and shows a "
              "table.",
          .flags = PlanFlags(),
          .examples = {{"plan --gpus 256xH100-SXM5-80GB --deadline 21d --unique-tokens 4T",
                        "the best model in three weeks on 256 GPUs"},
                       {"plan --target-loss 2.1 --gpus 256xH100-SXM5-80GB@2.50",
                        "the cheapest way to a loss"},
                       {"plan --gpus 64xH100-SXM5-80GB --deadline 7d --emit sbatch=job.sbatch",
                        "the plan as a Slurm job"},
                       {"plan --cluster mine --deadline 14d --forecast",
                        "on what is free now, or wait for more? Slurm says when"},
                       {"plan --compute 1e21 -o json", "what the law alone says"},
                       {"plan --cluster mine --budget '$250k' --deadline 14d,21d,30d",
                        "a sweep, as a table"}},
          .run = RunPlan};
}

}  // namespace rhumb::cli

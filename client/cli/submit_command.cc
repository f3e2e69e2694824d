// SPDX-License-Identifier: Apache-2.0
#include "client/cli/submit_command.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/argument_text.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/gpu_names_file.h"
#include "client/cli/plan_job.h"
#include "client/cli/plan_question.h"
#include "client/cli/promise.h"
#include "client/cli/render_plan.h"
#include "client/cli/submit_chain.h"
#include "client/cli/submit_options.h"
#include "client/config/human_numbers.h"
#include "client/launch/emit_parts.h"
#include "client/launch/plan_launch.h"
#include "client/slurm/answer.h"
#include "client/slurm/gpu_names.h"
#include "client/slurm/job_decision.h"
#include "planner/status_macros.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {
namespace {

std::vector<Flag> SubmitFlags() {
  std::vector<Flag> flags = {{.name = "plan",
                              .kind = FlagKind::kText,
                              .placeholder = "PLAN",
                              .help = "submit for a stored plan, as plans/p-0123",
                              .group = "Submission",
                              .completion = Completion::kPlan},
                             {.name = "dry-run",
                              .kind = FlagKind::kSwitch,
                              .help = "print the sbatch command instead of running it",
                              .group = "Submission"},
                             GpuNamesFlag("Submission"),
                             ReserveFlag()};
  for (Flag& flag : PlanQuestionFlags()) {
    // --dry-run is about the job here.
    if (flag.name != "validate-only") flags.push_back(std::move(flag));
  }
  return flags;
}

// More jobs fill a queue that others use too: somebody has to want it.
constexpr int64_t kLongChainJobs = 100;

// INVALID_ARGUMENT for a chain that is longer than --max-jobs, or long without that flag; and for
// what is in the environment that a chain would be refused for as an option.
absl::Status CheckChain(const slurm::JobDecision& decision, const Invocation& invocation) {
  const int64_t count = decision.job_count;
  if (count <= 1) return absl::OkStatus();
  int64_t allowed = kLongChainJobs;
  if (invocation.Has("max-jobs")) {
    const absl::StatusOr<int64_t> given = ParseIntegerCount(invocation.Value("max-jobs"));
    if (!given.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--max-jobs: ", given.status().message()));
    }
    allowed = *given;
  }
  if (count > allowed) {
    return absl::InvalidArgumentError(
        absl::StrCat("the plan takes ", FormatInteger(count), " jobs; --max-jobs ", count,
                     " submits so many, or ask for a partition with a longer limit"));
  }
  for (const auto& [variable, option] :
       {std::pair{"SBATCH_ARRAY_INX", "array"}, std::pair{"SBATCH_WAIT", "wait"}}) {
    if (std::getenv(variable) == nullptr) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        variable, " in the environment, which is --", option, ", cannot stand beside ",
        decision.plan, ", a chain of ", count, " jobs; unset it, or plan with --max-jobs 1"));
  }
  return absl::OkStatus();
}

// The question of `invocation`, whose GPUs may be called as the site's Slurm does.
absl::StatusOr<v1::CreatePlanRequest> ReadQuestion(Invocation invocation,
                                                   const slurm::GpuNames& names,
                                                   const Context& context) {
  NameGpuPools(names, invocation);
  RHUMB_ASSIGN_OR_RETURN(const v1::CreatePlanRequest file,
                         ReadPlanQuestionFile(invocation, context));
  return ReadPlanQuestion(file, invocation, context);
}

absl::Status CheckPlanStandsAlone(const Invocation& invocation) {
  if (!invocation.Has("plan")) return absl::OkStatus();
  for (const Flag& flag : PlanQuestionFlags()) {
    // --max-jobs is what allows a long chain.
    if (!invocation.Has(flag.name) || flag.name == "max-jobs") continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--plan is a whole answer: --", flag.name, " cannot stand beside it"));
  }
  return absl::OkStatus();
}

// Replaces this process by sbatch; comes back only where that failed.
absl::Status RunSbatch(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  return absl::InternalError(
      absl::StrCat("cannot run sbatch: ", std::strerror(errno), "; --dry-run prints the command"));
}

// What is asked of Slurm.
using Job = SizedJob;

absl::StatusOr<Job> MakeJob(const v1::Plan& plan, const launch::LaunchOptions& options,
                            const slurm::GpuNames& names, const std::string& script,
                            const Invocation& invocation) {
  RHUMB_ASSIGN_OR_RETURN(PlanJob planned, MakePlanJob(plan, options, names));
  Job job = {.decision = std::move(planned.decision),
             .variables = std::move(planned.variables),
             .script = script,
             .given = invocation.passed_on,
             .path = invocation.arguments[0]};
  RHUMB_RETURN_IF_ERROR(CheckChain(job.decision, invocation));
  RHUMB_RETURN_IF_ERROR(SbatchWords(job, std::nullopt).status());
  return job;
}

// The plan's job, or the exit code of why there is none, which was said.
absl::StatusOr<Job> AskAndMakeJob(const Invocation& invocation, const std::string& script,
                                  Context& context, int& code) {
  RHUMB_ASSIGN_OR_RETURN(const slurm::GpuNames names, ReadGpuNames(invocation));
  RHUMB_RETURN_IF_ERROR(CheckPlanStandsAlone(invocation));
  v1::CreatePlanRequest question;
  if (!invocation.Has("plan")) {
    RHUMB_ASSIGN_OR_RETURN(question, ReadQuestion(invocation, names, context));
    RHUMB_RETURN_IF_ERROR(CheckReserve(question, invocation));
  }
  RHUMB_ASSIGN_OR_RETURN(const Home home, context.open_home(invocation, context));
  v1::Plan plan;
  launch::LaunchOptions options;
  if (invocation.Has("plan")) {
    v1::GetPlanRequest get;
    get.set_name(invocation.Value("plan"));
    RHUMB_ASSIGN_OR_RETURN(plan, home.client->GetPlan(get));
    RHUMB_RETURN_IF_ERROR(Promise(plan, *home.client, invocation, context));
  } else {
    RHUMB_ASSIGN_OR_RETURN(plan, PlanAndPromise(question, *home.client, invocation, context));
    RHUMB_ASSIGN_OR_RETURN(options, LaunchOptionsOf(question, home));
  }
  if (plan.state() != v1::Plan::STATE_FEASIBLE) {
    *context.err << RenderPlan(plan, {.question = &question}, context.err_terminal);
    code = kExitNo;
    return Job();
  }
  return MakeJob(plan, options, names, script, invocation);
}

int RunSubmit(const Invocation& invocation, Context& context) {
  if (invocation.arguments[0] == "-") {
    return FailUsage(context, absl::InvalidArgumentError(
                                  "JOB: must be a file, as sbatch reads it once more, got \"-\""));
  }
  const absl::StatusOr<std::string> script = ReadArgumentText(invocation.arguments[0], invocation);
  if (!script.ok()) return FailUsage(context, script.status());
  if (invocation.Has("dry-run") && invocation.Has("reserve")) {
    return FailUsage(context, absl::InvalidArgumentError(
                                  "--reserve promises, and --dry-run only prints the command"));
  }
  int code = kExitOk;
  const absl::StatusOr<Job> job = AskAndMakeJob(invocation, *script, context, code);
  if (!job.ok()) return Fail(context, job.status());
  if (code != kExitOk) return code;
  if (invocation.Has("dry-run")) {
    for (int64_t i = 1; i <= job->decision.job_count; ++i) {
      const absl::StatusOr<std::vector<std::string>> words = SbatchWords(*job, PlaceholderLink(i));
      if (!words.ok()) return Fail(context, words.status());
      *context.out << absl::StrJoin(*words, " ", [](std::string* out, const std::string& word) {
        absl::StrAppend(out, launch::ShellQuote(word));
      }) << "\n";
    }
    return kExitOk;
  }
  for (const auto& [name, value] : job->variables) setenv(name.c_str(), value.c_str(), 1);
  // What sbatch only tries has no job to go on behind.
  if (job->decision.job_count > 1 && !HasSwitch(job->given, "--test-only")) {
    return SubmitChain(*job, context);
  }
  const absl::StatusOr<std::vector<std::string>> words = SbatchWords(*job, std::nullopt);
  if (!words.ok()) return Fail(context, words.status());
  context.out->flush();
  return Fail(context, RunSbatch(*words));
}

}  // namespace

Command SubmitCommand() {
  return {
      .words = {"submit"},
      .summary = "Submit a job script to Slurm, sized by a plan.",
      .description =
          "Plans as rhumb plan does, or takes --plan, and runs sbatch with the plan's nodes, "
          "tasks, "
          "GPUs, time\n"
          "and comment, and RHUMB_... in the environment. What the script's #SBATCH lines or the "
          "options behind --\n"
          "say wins; what contradicts the plan (fewer GPUs, less time) is refused. A run longer "
          "than its partition's\n"
          "limit is submitted as a chain of jobs, each behind the one before. The exit code is "
          "sbatch's.",
      .arguments = {{.name = "JOB", .help = "job script", .completion = Completion::kFile}},
      .passes_on = "options of sbatch",
      .flags = SubmitFlags(),
      .examples = {{"submit --gpus 16xH100-SXM5-80GB --deadline 2d job.sh", "plan and submit"},
                   {"submit --plan plans/p-0123456789abcdef0123 job.sh -- --account=lab --mem=0",
                    "a plan that is stored, with options of sbatch"}},
      .run = RunSubmit};
}

}  // namespace rhumb::cli

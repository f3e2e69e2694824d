// SPDX-License-Identifier: Apache-2.0
#include "client/cli/check_command.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/architecture_message.h"
#include "client/cli/check_fields.h"
#include "client/cli/check_table.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/gpu_names_file.h"
#include "client/cli/job_check.h"
#include "client/cli/judged_runs.h"
#include "client/cli/output.h"
#include "client/cli/pool_flags.h"
#include "client/cli/question_flags.h"
#include "client/cli/render_check.h"
#include "planner/status_macros.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {
namespace {

std::vector<Flag> CheckFlags() {
  std::vector<Flag> flags = CheckFieldFlags();
  for (Flag& flag : PoolDetailFlags()) flags.push_back(std::move(flag));
  flags.push_back(ArchitectureFlag());
  flags.push_back(RunTableFlag());
  flags.push_back(JobGpuTypeFlag());
  flags.push_back(LiveFlag());
  flags.push_back(GpuNamesFlag("Hardware"));
  flags.push_back({.name = "explain",
                   .kind = FlagKind::kSwitch,
                   .help = "where the step's time goes",
                   .group = "Output"});
  return flags;
}

absl::StatusOr<v1::CheckConfigurationRequest> ReadConfiguration(const Invocation& invocation,
                                                                const Context& context) {
  RHUMB_ASSIGN_OR_RETURN(v1::CheckConfigurationRequest request,
                         ReadCheckFields(invocation, context));
  RHUMB_RETURN_IF_ERROR(ApplyCheckPoolDetails(invocation, request));
  return request;
}

int RunCheck(const Invocation& invocation, Context& context) {
  if (!invocation.arguments.empty()) return RunJobCheck(invocation, context);
  if (invocation.Has("table")) return RunCheckTable(invocation, context);
  if (invocation.Has("live")) {
    return FailUsage(context, absl::InvalidArgumentError("--live is about a job script: name it"));
  }
  if (invocation.Has("gpu")) {
    return FailUsage(context, absl::InvalidArgumentError(
                                  "--gpu is the GPU type of a job script; without one give "
                                  "--gpus NxTYPE"));
  }
  const absl::StatusOr<OutputOptions> output = ReadCheckOutput(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<v1::CheckConfigurationRequest> request =
      ReadConfiguration(invocation, context);
  if (!request.ok()) return FailUsage(context, request.status());
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::CheckConfigurationResponse> answer =
      home->client->CheckConfiguration(*request);
  if (!answer.ok()) return Fail(context, answer.status());
  const CheckShown shown = {.request = &*request, .explain = invocation.Has("explain")};
  const auto table = [&] { return RenderChecked(*answer, shown, *output, context); };
  const absl::Status written = WriteMessage(*answer, *output, table, {}, context);
  if (!written.ok()) return Fail(context, written);
  return ExitCodeOfCheck(*answer);
}

}  // namespace

Command CheckCommand() {
  return {
      .words = {"check"},
      .summary = "Check a given configuration: does it fit, does it finish, what should change?",
      .description =
          "Counts are exact: all GPUs named are used. Parts of the layout that are not given are "
          "1, the data\n"
          "parallel size is what is left. Exit code 3 if it does not fit, or does not finish in "
          "time or money.\n"
          "--table FILE checks a table of measured runs instead, a row a run, beside what was "
          "measured; rhumb\n"
          "accuracy sums the errors up.\n"
          "JOB is a job script: what it asks Slurm and its launcher for is read, with line "
          "numbers, "
          "and flags win\n"
          "over it. Advice then is what to change in the script.",
      .arguments = {{.name = "JOB",
                     .help = "a Slurm job script, or a shell script that starts a run; - is stdin",
                     .completion = Completion::kFile,
                     .optional = true}},
      .flags = CheckFlags(),
      .examples =
          {{"check --arch llama.json --gpus 8xH100-SXM5-80GB --micro-batch-size 2",
            "does this fit on one node?"},
           {"check --params 7B --gpus 64xA100-SXM4-80GB --tensor-parallel-size 2 --tokens 1T "
            "--deadline 30d",
            "and does it finish in a month?"},
           {"check job.sbatch --gpu H100-SXM5-80GB",
            "does this job fit, and end within its --time?"},
           {"check job.sbatch --live", "and when would Slurm start it, what else is free?"},
           {"check --table runs.csv -o csv",
            "what does the model say of runs that were measured?"}},
      .run = RunCheck};
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "client/cli/replan_command.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/context.h"
#include "client/cli/emit_plan.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/gpu_names_file.h"
#include "client/cli/output.h"
#include "client/cli/pool_flags.h"
#include "client/cli/render_plan.h"
#include "client/cli/render_replan.h"
#include "client/cli/request_fields.h"
#include "client/cli/run_home.h"
#include "client/config/human_numbers.h"
#include "planner/status_macros.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {
namespace {

std::vector<Flag> FieldFlags() {
  constexpr char kGpus[] = "GPUs there are now; without any, those of the plan in force";
  constexpr char kRest[] = "The rest of the run";
  return {{.name = "gpus",
           .field = "gpu_pools",
           .kind = FlagKind::kGpuPool,
           .placeholder = "NxTYPE[@USD]",
           .help = "as 48xH100-SXM5-80GB; again for another choice",
           .group = kGpus,
           .repeatable = true,
           .completion = Completion::kGpu},
          {.name = "cluster",
           .field = "cluster",
           .placeholder = "CLUSTER",
           .help = "pools of a cluster instead",
           .group = kGpus,
           .completion = Completion::kCluster},
          {.name = "partition",
           .field = "partition",
           .placeholder = "NAME",
           .help = "one partition of it",
           .group = kGpus},
          {.name = "free",
           .field = "free_only",
           .kind = FlagKind::kSwitch,
           .help = "only what is free of it now",
           .group = kGpus,
           .aliases = {"free-only"}},
          {.name = "deadline",
           .field = "deadline_seconds",
           .kind = FlagKind::kDurationOrDate,
           .placeholder = "TIME",
           .help = "from now to the end, as 9d, or the date 2027-03-01 (UTC)",
           .group = kRest},
          {.name = "budget",
           .field = "budget_usd",
           .kind = FlagKind::kUsd,
           .placeholder = "USD",
           .help = "for the rest; needs a price",
           .group = kRest},
          {.name = "tokens",
           .field = "token_count",
           .kind = FlagKind::kCount,
           .placeholder = "TOKENS",
           .help = "new end of the run, tokens done included; default as planned",
           .group = kRest},
          {.name = "done-tokens",
           .field = "done_token_count",
           .kind = FlagKind::kCount,
           .placeholder = "TOKENS",
           .help = "tokens done; default as last reported",
           .group = kRest},
          {.name = "shorten",
           .field = "shorten",
           .kind = FlagKind::kSwitch,
           .help = "fewer tokens where the limits do not let all be trained on; without limits "
                   "given, those of the plan that are left",
           .group = kRest},
          {.name = "reason",
           .field = "reason",
           .placeholder = "TEXT",
           .help = "why, for the trail of the run",
           .group = kRest},
          {.name = "request-id",
           .field = "request_id",
           .placeholder = "UUID",
           .help = "makes a repetition answer the same",
           .group = kRest}};
}

std::vector<Flag> AllFlags() {
  std::vector<Flag> flags = FieldFlags();
  flags.insert(flags.begin() + 4,
               {.name = "lost-nodes",
                .kind = FlagKind::kCount,
                .placeholder = "N",
                .help = "those of the plan in force but for so many of its nodes",
                .group = flags.front().group});
  flags.push_back({.name = "batch-tolerance",
                   .field = "batch_tolerance_fraction",
                   .placeholder = "SHARE",
                   .help = "how far the global batch may leave what it is, as 5% or 0.05; "
                           "default 10%",
                   .group = flags.back().group});
  flags.push_back({.name = "dry-run",
                   .kind = FlagKind::kSwitch,
                   .help = "answer; change nothing",
                   .group = flags.back().group});
  flags.push_back(EmitFlag());
  flags.push_back(GpuNamesFlag("Output"));
  return flags;
}

absl::StatusOr<v1::ReplanRunRequest> ReadRequest(const Invocation& invocation, Context& context) {
  v1::ReplanRunRequest request;
  RHUMB_RETURN_IF_ERROR(
      SetFieldsFromFlags(FieldFlags(), invocation, context.now_unix_seconds, request));
  request.set_name(invocation.arguments[0]);
  request.set_validate_only(invocation.Has("dry-run"));
  if (invocation.Has("batch-tolerance")) {
    RHUMB_ASSIGN_OR_RETURN(const double tolerance,
                           ReadTolerance(invocation.Value("batch-tolerance")));
    request.set_batch_tolerance_fraction(tolerance);
  }
  if (invocation.Has("lost-nodes") && (invocation.Has("gpus") || invocation.Has("cluster"))) {
    return absl::InvalidArgumentError(
        "--lost-nodes counts from the plan in force: give it or --gpus or --cluster");
  }
  return request;
}

// The plan in force; nullopt if the run names none, or it is not stored any more.
absl::StatusOr<std::optional<v1::Plan>> FindPlanInForce(const std::string& run,
                                                        client::Client& client) {
  v1::GetRunRequest get_run;
  get_run.set_name(run);
  RHUMB_ASSIGN_OR_RETURN(const v1::Run found, client.GetRun(get_run));
  if (found.plan().empty()) return std::nullopt;
  v1::GetPlanRequest get_plan;
  get_plan.set_name(found.plan());
  absl::StatusOr<v1::Plan> plan = client.GetPlan(get_plan);
  if (absl::IsNotFound(plan.status())) return std::nullopt;
  RHUMB_RETURN_IF_ERROR(plan.status());
  return *std::move(plan);
}

int RunReplan(const Invocation& given, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(given);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<std::vector<EmitTarget>> targets = ReadEmitTargets(given);
  if (!targets.ok()) return FailUsage(context, targets.status());
  const absl::StatusOr<slurm::GpuNames> names = ReadGpuNames(given);
  if (!names.ok()) return FailUsage(context, names.status());
  Invocation invocation = given;
  NameGpuPools(*names, invocation);
  absl::StatusOr<v1::ReplanRunRequest> request = ReadRequest(invocation, context);
  if (!request.ok()) return FailUsage(context, request.status());
  int64_t lost_nodes = 0;
  if (invocation.Has("lost-nodes")) {
    const absl::StatusOr<int64_t> count = ParseIntegerCount(invocation.Value("lost-nodes"));
    if (!count.ok() || *count < 1) {
      return FailUsage(context, absl::InvalidArgumentError(absl::StrCat(
                                    "--lost-nodes must be a whole number from 1, got \"",
                                    invocation.Value("lost-nodes"), "\"")));
    }
    lost_nodes = *count;
  }
  const absl::StatusOr<Home> home = OpenRunHome(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<std::optional<v1::Plan>> before =
      FindPlanInForce(request->name(), *home->client);
  if (!before.ok()) return Fail(context, before.status());
  if (lost_nodes > 0 && before->has_value()) {
    const absl::StatusOr<v1::GpuPool> pool = WithoutNodes(**before, lost_nodes);
    if (!pool.ok()) return FailUsage(context, pool.status());
    *request->add_gpu_pools() = *pool;
  }
  const absl::StatusOr<v1::ReplanRunResponse> response = home->client->ReplanRun(*request);
  if (!response.ok()) return Fail(context, response.status());
  const v1::Plan& plan = response->plan();
  const bool feasible = plan.state() == v1::Plan::STATE_FEASIBLE;
  if (feasible && !targets->empty()) {
    const absl::Status emitted = EmitPlan(
        plan, *targets, {.slurm_gpu_name = ListedGpuName(*names, plan.allocation().gpu_type())},
        invocation, context);
    if (!emitted.ok()) return FailUsage(context, emitted);
  }
  // Where a launcher's text has stdout, what there is to say goes to stderr.
  if (TakesStdout(*targets)) {
    context.out = context.err;
    context.out_terminal = context.err_terminal;
  }
  const auto table = [&] {
    return output->table.parsable
               ? RenderTable(PlansTable({plan}), output->table, context.out_terminal)
               : RenderReplan(*before, *response, context.out_terminal);
  };
  const absl::Status written = WriteMessage(*response, *output, table, {plan.name()}, context);
  if (!written.ok()) return Fail(context, written);
  if (request->validate_only()) {
    Remark(invocation, context, "nothing was changed, as --dry-run says");
  }
  return feasible ? kExitOk : kExitNo;
}

}  // namespace

absl::StatusOr<double> ReadTolerance(absl::string_view text) {
  absl::string_view digits = text;
  const bool percent = absl::ConsumeSuffix(&digits, "%");
  const absl::StatusOr<double> number = ParseNumber(digits);
  const double share = number.ok() ? (percent ? *number / 100 : *number) : 0;
  if (!(share > 0) || share > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--batch-tolerance (batch_tolerance_fraction) must be above 0 and at most "
                     "100%, as 5% or 0.05, got \"",
                     std::string(text), "\""));
  }
  return share;
}

absl::StatusOr<v1::GpuPool> WithoutNodes(const v1::Plan& plan, int64_t lost_node_count) {
  const v1::Plan::Allocation& allocation = plan.allocation();
  const int64_t left = allocation.node_count() - lost_node_count;
  if (left < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--lost-nodes ", lost_node_count, " leaves nothing: the plan in force has ",
                     allocation.node_count(), allocation.node_count() == 1 ? " node" : " nodes"));
  }
  v1::GpuPool pool;
  pool.set_gpu_type(allocation.gpu_type());
  pool.set_gpus_per_node(allocation.gpus_per_node());
  pool.set_count(left * allocation.gpus_per_node());
  if (plan.cost().has_total_usd() && plan.cost().gpu_hours() > 0) {
    pool.set_price_usd_per_gpu_hour(plan.cost().total_usd() / plan.cost().gpu_hours());
  }
  return pool;
}

Command RunReplanCommand() {
  return {.words = {"run", "replan"},
          .summary = "Plan the rest of a run anew: after lost nodes, slow GPUs, another deadline.",
          .description =
              "Tokens done, the model and the tokenizer stay; the global batch stays within "
              "--batch-tolerance\n"
              "of what it is, by micro-batch, accumulation and data parallel ranks; GPUs, layout, "
              "recompute and\n"
              "ZeRO are free. Steps are taken to last as long as measured. Shows the new plan "
              "beside the one in\n"
              "force, what changes, and what the framework takes to resume. The new plan becomes "
              "the run's plan,\n"
              "unless nothing is to change or --dry-run is given.",
          .arguments = {{.name = "RUN",
                         .help = "name of a run, as runs/r-0123",
                         .completion = Completion::kRun}},
          .flags = AllFlags(),
          .examples = {{"run replan runs/r-0123 --lost-nodes 2 --reason maintenance",
                        "on what is left"},
                       {"run replan runs/r-0123 --deadline 9d --shorten --dry-run",
                        "how far would it get in nine days?"},
                       {"run replan runs/r-0123 --cluster mine --free --emit sbatch=job.sbatch",
                        "on what is free now, as a Slurm job"}},
          .run = RunReplan};
}

}  // namespace rhumb::cli

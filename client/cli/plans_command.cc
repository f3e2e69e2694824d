// SPDX-License-Identifier: Apache-2.0
#include "client/cli/plans_command.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/context.h"
#include "client/cli/emit_plan.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/gpu_names_file.h"
#include "client/cli/list_and_show.h"
#include "client/cli/output.h"
#include "client/cli/promise.h"
#include "client/cli/render_plan.h"
#include "client/cli/request_fields.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {
namespace {

std::vector<Flag> ListFlags() {
  return {{.name = "page-size",
           .field = "page_size",
           .kind = FlagKind::kCount,
           .placeholder = "N",
           .help = "plans at once, at most 1000; default 50",
           .group = "List"},
          {.name = "page-token",
           .field = "page_token",
           .kind = FlagKind::kText,
           .placeholder = "TOKEN",
           .help = "where the page before ended",
           .group = "List"},
          {.name = "view",
           .field = "view",
           .kind = FlagKind::kChoice,
           .placeholder = "NAME",
           .help = "how much of each plan",
           .group = "List",
           .choices = EnumChoices(*v1::PlanView_descriptor())}};
}

int RunList(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::ListPlansRequest request;
  const absl::Status read =
      SetFieldsFromFlags(ListFlags(), invocation, context.now_unix_seconds, request);
  if (!read.ok()) return FailUsage(context, read);
  const Listing<v1::ListPlansResponse, v1::Plan> listing = {
      .ask = [&](client::Client& client) { return client.ListPlans(request); },
      .items = &v1::ListPlansResponse::plans,
      .table = [](const std::vector<v1::Plan>& plans) { return PlansTable(plans); },
      .then =
          [&](const v1::ListPlansResponse& list) {
            if (list.next_page_token().empty() || output->format == OutputFormat::kJson) return;
            Remark(invocation, context,
                   absl::StrCat("there are more: --page-token ", list.next_page_token()));
          }};
  return RunListing(listing, *output, invocation, context);
}

// The stored plan as files of launchers, in place of the answer. What its cluster's network was is
// not stored with it.
int EmitStored(const v1::GetPlanRequest& request, const std::vector<EmitTarget>& targets,
               const Invocation& invocation, Context& context) {
  const absl::StatusOr<slurm::GpuNames> names = ReadGpuNames(invocation);
  if (!names.ok()) return FailUsage(context, names.status());
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::Plan> plan = home->client->GetPlan(request);
  if (!plan.ok()) return Fail(context, plan.status());
  if (plan->state() != v1::Plan::STATE_FEASIBLE) {
    *context.err << RenderPlan(*plan, {}, context.err_terminal);
    return kExitNo;
  }
  const absl::Status promised = Promise(*plan, *home->client, invocation, context);
  if (!promised.ok()) return Fail(context, promised);
  const absl::Status emitted = EmitPlan(
      *plan, targets, {.slurm_gpu_name = ListedGpuName(*names, plan->allocation().gpu_type())},
      invocation, context);
  return emitted.ok() ? kExitOk : FailUsage(context, emitted);
}

int RunShow(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<std::vector<EmitTarget>> targets = ReadEmitTargets(invocation);
  if (!targets.ok()) return FailUsage(context, targets.status());
  v1::GetPlanRequest request;
  request.set_name(invocation.arguments[0]);
  if (!targets->empty()) return EmitStored(request, *targets, invocation, context);
  const Showing<v1::Plan> showing = {
      .ask = [&](client::Client& client) { return client.GetPlan(request); },
      .table = [](const std::vector<v1::Plan>& plans) { return PlansTable(plans); },
      .render =
          [&](const v1::Plan& plan) {
            return RenderPlan(plan,
                              {.explain = invocation.Has("explain"), .wide = output->table.wide},
                              context.out_terminal);
          },
      .then = [&](const v1::Plan& plan,
                  client::Client& client) { return Promise(plan, client, invocation, context); }};
  return RunShowing(showing, *output, invocation, context);
}

int RunDelete(const Invocation& invocation, Context& context) {
  return RunDeletion(&client::Client::DeletePlan, invocation, context);
}

Argument PlanArgument() {
  return {.name = "PLAN",
          .help = "name of a stored plan, as plans/p-0123",
          .completion = Completion::kPlan};
}

}  // namespace

Command PlansListCommand() {
  return {.words = {"plans", "list"},
          .summary = "List stored plans, newest first.",
          .flags = ListFlags(),
          .examples = {{"plans list", "the last 50"},
                       {"plans list --page-size 10 -o json", "ten of them, for scripts"}},
          .run = RunList};
}

Command PlansShowCommand() {
  return {.words = {"plans", "show"},
          .summary = "Show a stored plan.",
          .arguments = {PlanArgument()},
          .flags = {{.name = "explain",
                     .kind = FlagKind::kSwitch,
                     .help = "where the step's time goes and what was searched",
                     .group = "Output"},
                    EmitFlag(),
                    GpuNamesFlag("Output"),
                    ReserveFlag()},
          .examples = {{"plans show plans/p-0123456789abcdef0123", "as rhumb plan showed it"},
                       {"plans show plans/p-0123456789abcdef0123 --emit sbatch", "as a Slurm job"}},
          .run = RunShow};
}

Command PlansDeleteCommand() {
  return {.words = {"plans", "delete"},
          .summary = "Delete a stored plan.",
          .arguments = {PlanArgument()},
          .flags = {{.name = "dry-run",
                     .kind = FlagKind::kSwitch,
                     .help = "only say whether it could be deleted",
                     .group = "Delete"}},
          .examples = {{"plans delete plans/p-0123456789abcdef0123 --dry-run", "would it go?"}},
          .run = RunDelete};
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "daemon/replan.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/convert.h"
#include "daemon/identity.h"
#include "daemon/plan_row.h"
#include "daemon/resolve.h"
#include "daemon/rpc_status.h"
#include "daemon/run_answer.h"
#include "daemon/run_under_way.h"
#include "daemon/runs.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/status_macros.h"
#include "planner/track/replan.h"

namespace rhumb::daemon {
namespace {

absl::Status CheckMayReplan(const StoredRun& run, const Caller& caller) {
  RHUMB_RETURN_IF_ERROR(MayChangeRun(run, caller));
  // One that was interrupted, failed or was cut off may go on.
  if (run.state == JobState::kSucceeded) {
    return ErrorWithReason(absl::StatusCode::kFailedPrecondition, "RUN_HAS_ENDED",
                           absl::StrCat(run.name, " has ended: there is no rest to plan"));
  }
  return absl::OkStatus();
}

void CheckRequest(const v1::ReplanRunRequest& request, FieldViolations& violations) {
  ValidateValues(request, violations);
  if (request.gpu_pools_size() > 0 && !request.cluster().empty()) {
    violations.Add("cluster", "give gpu_pools or a cluster, not both");
  }
  if (request.cluster().empty()) {
    if (!request.partition().empty()) violations.Add("partition", "is of a cluster: give it too");
    if (request.free_only()) violations.Add("free_only", "is of a cluster: give it too");
  }
}

bool GivesGpus(const v1::ReplanRunRequest& request) {
  return request.gpu_pools_size() > 0 || !request.cluster().empty();
}

// The question of the plan in force about the GPUs that there are now.
v1::CreatePlanRequest OnGpusOf(const v1::ReplanRunRequest& request, v1::CreatePlanRequest base) {
  if (!GivesGpus(request)) return base;
  base.clear_gpu_pools();
  base.clear_cluster();
  base.clear_partition();
  base.clear_free_only();
  base.mutable_gpu_pools()->CopyFrom(request.gpu_pools());
  base.set_cluster(request.cluster());
  base.set_partition(request.partition());
  base.set_free_only(request.free_only());
  return base;
}

ReplanAsk AskOf(const v1::ReplanRunRequest& request, const std::vector<GpuPool>& pools) {
  ReplanAsk ask;
  if (GivesGpus(request)) ask.pools = pools;
  if (request.has_deadline_seconds()) ask.deadline_seconds = request.deadline_seconds();
  if (request.has_budget_usd()) ask.budget_usd = request.budget_usd();
  if (request.has_token_count()) ask.token_count = request.token_count();
  if (request.has_batch_tolerance_fraction()) {
    ask.batch_tolerance_fraction = request.batch_tolerance_fraction();
  }
  ask.shorten = request.shorten();
  return ask;
}

void AddAdvice(const std::string& code, const std::string& text, const std::string& directive,
               v1::ReplanRunResponse& response) {
  v1::Advice& added = *response.add_advice();
  added.set_code(code);
  added.set_text(text);
  added.set_directive(directive);
}

v1::RunReplan TrailOf(const v1::ReplanRunRequest& request, const StoredReplan& row,
                      const RunUnderWay& run, const Replan& replan,
                      const v1::ReplanRunResponse& response) {
  v1::RunReplan trail;
  *trail.mutable_replan_time() = ToTimestamp(row.time_ns);
  trail.set_from_plan(row.from_plan);
  trail.set_to_plan(row.to_plan);
  trail.set_reason(request.reason());
  trail.set_owner_uid(row.owner_uid);
  trail.set_done_token_count(run.done_token_count);
  for (const std::string& change : replan.changes) trail.add_changes(change);
  *trail.mutable_advice() = response.advice();
  return trail;
}

// What an earlier call of the same request stored, as it stands now.
absl::StatusOr<v1::ReplanRunResponse> Repeated(const StoredReplan& known, int64_t now_ns,
                                               Store& store) {
  v1::ReplanRunResponse response;
  v1::RunReplan trail;
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                         store.FindPlanBytes(known.to_plan));
  if (!trail.ParseFromString(known.content) ||
      (bytes.has_value() && !response.mutable_plan()->ParseFromString(*bytes))) {
    return absl::DataLossError(absl::StrCat(known.to_plan, " is damaged in the store"));
  }
  *response.mutable_advice() = trail.advice();
  RHUMB_ASSIGN_OR_RETURN(const StoredRun run, FindRunByName(known.run, store));
  RHUMB_ASSIGN_OR_RETURN(*response.mutable_run(), RunAnswers(store, now_ns).Full(run));
  return response;
}

// The question of the plan in force, about the GPUs asked for. What that plan rested on may be
// gone: then only a request that gives other GPUs can name the field at fault.
absl::StatusOr<ResolvedPlanRequest> ResolveInForce(const v1::ReplanRunRequest& request,
                                                   const PlanInForce& in_force, int64_t now_ns,
                                                   Store& store) {
  FieldViolations violations;
  RHUMB_ASSIGN_OR_RETURN(
      ResolvedPlanRequest resolved,
      ResolvePlanRequest(OnGpusOf(request, in_force.question), now_ns, store, violations));
  if (violations.empty()) return resolved;
  if (GivesGpus(request)) return violations.ToStatus();
  return ErrorWithReason(
      absl::StatusCode::kFailedPrecondition, "PLAN_INPUTS_GONE",
      absl::StrCat("what ", in_force.plan.name(),
                   " was asked of is not there any more: ", violations.ToStatus().message()));
}

struct NewPlan {
  v1::Plan message;
  std::string request, inputs;
};

// Names and dates the plan of the rest.
absl::StatusOr<NewPlan> MessageOf(const Replan& replan, const ResolvedPlanRequest& resolved,
                                  const Caller& caller, int64_t now_ns, double search_seconds) {
  NewPlan made;
  made.request = DeterministicBytes(RestRequest(replan.question, resolved.canonical));
  made.inputs = PlanInputsBytes(replan.question, caller.uid, resolved.cluster_content);
  // A run that goes on stays on its pool, which the request does not say of several.
  if (replan.kept) absl::StrAppend(&made.inputs, "\nkept ", replan.plan.allocation->gpu_type);
  v1::Plan& plan = made.message;
  plan = ToProto(replan.plan, replan.question);
  plan.set_planner_version(kPlannerVersion);
  *plan.mutable_law() = ToLawUse(replan.question.law);
  plan.set_owner_uid(caller.uid);
  *plan.mutable_create_time() = ToTimestamp(now_ns);
  plan.mutable_search()->set_seconds(search_seconds);
  FieldViolations broken;
  FindNonFinite(plan, broken);
  if (!broken.empty()) return absl::InternalError(std::string(broken.ToStatus().message()));
  if (plan.search().complete()) plan.set_name(PlanName(made.request, made.inputs));
  return made;
}

}  // namespace

v1::CreatePlanRequest RestRequest(const PlanQuestion& rest, v1::CreatePlanRequest base) {
  base.clear_compute_flops();
  base.clear_lifetime_compute_flops();
  base.clear_target_loss_nats();
  base.clear_tokens_per_param();
  base.clear_param_count();
  base.clear_min_param_count();
  base.clear_max_param_count();
  base.clear_param_count_convention();
  base.clear_serving_memory_bytes();
  base.clear_inference_token_count();
  base.clear_inference_prefill_fraction();
  base.clear_inference_prefill_mfu();
  base.clear_inference_decode_mfu();
  base.clear_inference_usd_per_gpu_hour();
  base.clear_global_batch_tokens();
  base.clear_gpu_type();
  base.clear_include_alternatives();
  base.clear_layout();
  *base.mutable_architecture() = ToProto(*rest.architecture, ParamCountConvention::kTotal);
  base.set_sequence_length(rest.sequence_length);
  base.set_vocab_size(rest.vocab_size);
  base.set_objective(ToProto(*rest.objective));
  base.set_done_token_count(static_cast<int64_t>(rest.done_token_count));
  base.set_done_step_count(rest.done_step_count);
  base.set_min_global_batch_tokens(*rest.min_global_batch_tokens);
  base.set_max_global_batch_tokens(*rest.max_global_batch_tokens);
  base.clear_step_time_factor();
  if (rest.step_time_factor != 1) base.set_step_time_factor(rest.step_time_factor);
  base.clear_token_count();
  if (rest.token_count) base.set_token_count(static_cast<int64_t>(*rest.token_count));
  base.clear_deadline_seconds();
  if (rest.deadline_seconds) base.set_deadline_seconds(*rest.deadline_seconds);
  base.clear_budget_usd();
  if (rest.budget_usd) base.set_budget_usd(*rest.budget_usd);
  base.clear_gpu_hours();
  if (rest.gpu_hours) base.set_gpu_hours(*rest.gpu_hours);
  const LayoutConstraints& layout = rest.layout;
  v1::LayoutConstraints out;
  if (layout.tensor_parallel_size) out.set_tensor_parallel_size(*layout.tensor_parallel_size);
  if (layout.pipeline_parallel_size) out.set_pipeline_parallel_size(*layout.pipeline_parallel_size);
  if (layout.context_parallel_size) out.set_context_parallel_size(*layout.context_parallel_size);
  if (layout.expert_parallel_size) out.set_expert_parallel_size(*layout.expert_parallel_size);
  if (layout.data_parallel_size) out.set_data_parallel_size(*layout.data_parallel_size);
  if (layout.virtual_pipeline_stages) {
    out.set_virtual_pipeline_stages(*layout.virtual_pipeline_stages);
  }
  if (layout.zero_stage) out.set_zero_stage(*layout.zero_stage);
  if (layout.micro_batch_size) out.set_micro_batch_size(*layout.micro_batch_size);
  if (layout.gradient_accumulation_steps) {
    out.set_gradient_accumulation_steps(*layout.gradient_accumulation_steps);
  }
  if (layout.recompute) out.set_recompute(ToProto(*layout.recompute));
  if (layout.max_tensor_parallel_size) {
    out.set_max_tensor_parallel_size(*layout.max_tensor_parallel_size);
  }
  if (layout.max_pipeline_parallel_size) {
    out.set_max_pipeline_parallel_size(*layout.max_pipeline_parallel_size);
  }
  if (out.ByteSizeLong() > 0) *base.mutable_layout() = out;
  return base;
}

absl::StatusOr<v1::ReplanRunResponse> ReplanRun(const v1::ReplanRunRequest& request,
                                                const Caller& caller, int64_t now_ns, Store& store,
                                                const std::function<bool()>& should_stop) {
  FieldViolations violations;
  CheckRequest(request, violations);
  const std::string name = ResourceName("runs", request.name(), "name", violations);
  if (!violations.empty()) return violations.ToStatus();
  RequestKey key;
  if (!request.request_id().empty() && !request.validate_only()) {
    key = {request.request_id(), "ReplanRun", caller.uid, RequestContentHash(request)};
    RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredReplan> known,
                           store.samples().FindReplanByRequest(key));
    if (known.has_value()) return Repeated(*known, now_ns, store);
  }
  RHUMB_ASSIGN_OR_RETURN(StoredRun stored, FindRunByName(name, store));
  RHUMB_RETURN_IF_ERROR(CheckMayReplan(stored, caller));
  RHUMB_ASSIGN_OR_RETURN(const PlanInForce in_force, ReadPlanInForce(stored, store));
  std::optional<int64_t> done;
  if (request.has_done_token_count()) done = request.done_token_count();
  RHUMB_ASSIGN_OR_RETURN(const RunUnderWay run,
                         ReadRunUnderWay(stored, in_force, done, now_ns, store));
  RHUMB_ASSIGN_OR_RETURN(const ResolvedPlanRequest resolved,
                         ResolveInForce(request, in_force, now_ns, store));
  const ReplanAsk ask = AskOf(request, resolved.question.pools);
  for (const FieldViolation& each : ValidateReplan(resolved.question, run, ask)) {
    violations.Add(each.field, each.description);
  }
  if (!violations.empty()) return violations.ToStatus();

  const auto began = std::chrono::steady_clock::now();
  RHUMB_ASSIGN_OR_RETURN(const Replan replan,
                         ReplanRest(resolved.question, run, ask, {.should_stop = should_stop}));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  // Half an answer is no plan for a run that somebody pays for.
  if (!replan.plan.search.complete && !(replan.plan.feasible && request.validate_only())) {
    return ErrorWithReason(absl::StatusCode::kDeadlineExceeded, "NOTHING_FOUND_IN_TIME",
                           "the search was stopped before it was complete; allow more time");
  }
  RHUMB_ASSIGN_OR_RETURN(NewPlan made, MessageOf(replan, resolved, caller, now_ns, seconds));
  v1::ReplanRunResponse response;
  for (const std::string& change : replan.changes) AddAdvice("CHANGE", change, "", response);
  for (const ReplanAdvice& each : replan.advice) {
    AddAdvice(each.code, each.text, each.directive, response);
  }
  const bool changes = replan.plan.feasible && !replan.changes.empty();
  if (changes && !request.validate_only()) {
    RHUMB_ASSIGN_OR_RETURN(const StoredPlan row,
                           store.InsertPlan(PlanRow(made.message, resolved.question.law.name,
                                                    made.request, made.inputs),
                                            RequestKey{}, now_ns));
    if (!made.message.ParseFromString(row.plan)) {
      return absl::DataLossError(absl::StrCat(row.name, " is damaged in the store"));
    }
    StoredReplan trail;
    trail.run = stored.name;
    trail.time_ns = now_ns;
    trail.from_plan = stored.plan;
    trail.to_plan = row.name;
    trail.owner_uid = caller.uid;
    trail.content = TrailOf(request, trail, run, replan, response).SerializeAsString();
    RHUMB_ASSIGN_OR_RETURN(const StoredReplan done,
                           store.samples().InsertReplan(trail, key, [&](const StoredRun& now) {
                             return CheckMayReplan(now, caller);
                           }));
    if (done.to_plan != trail.to_plan) {
      // The same request was answered meanwhile, by another call.
      RHUMB_RETURN_IF_ERROR(store.DeletePlan(trail.to_plan).status());
      return Repeated(done, now_ns, store);
    }
    RHUMB_ASSIGN_OR_RETURN(stored, FindRunByName(name, store));
  } else if (!changes) {
    if (!key.id.empty()) {
      // Nothing to change, where the same request changed it meanwhile.
      RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredReplan> known,
                             store.samples().FindReplanByRequest(key));
      if (known.has_value()) return Repeated(*known, now_ns, store);
    }
    // Nothing is stored under a name that nobody could look up.
    made.message.clear_name();
  }
  *response.mutable_plan() = std::move(made.message);
  RHUMB_ASSIGN_OR_RETURN(*response.mutable_run(), RunAnswers(store, now_ns).Full(stored));
  return response;
}

}  // namespace rhumb::daemon

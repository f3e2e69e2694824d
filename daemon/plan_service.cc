// SPDX-License-Identifier: Apache-2.0
#include "daemon/plan_service.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/convert.h"
#include "daemon/identity.h"
#include "daemon/metrics.h"
#include "daemon/page_token.h"
#include "daemon/plan_row.h"
#include "daemon/predict.h"
#include "daemon/rpc_status.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/laws/catalog.h"
#include "planner/plan/check.h"
#include "planner/plan/make_plan.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr int kMaxFullPageSize = 100;
// For so long a plan that another process deletes may still be answered.
constexpr int64_t kRepeatedCheckNs = 50'000'000;

void Append(const std::vector<FieldViolation>& found, FieldViolations& violations) {
  for (const FieldViolation& violation : found)
    violations.Add(violation.field, violation.description);
}

absl::Status NoSuchPlan(const std::string& name) {
  return ErrorWithReason(
      absl::StatusCode::kNotFound, "PLAN_NOT_FOUND",
      absl::StrCat(name, " does not exist; `rhumb plans list` (ListPlans) shows what does"));
}

absl::StatusOr<v1::Plan> ParsePlan(const std::string& bytes, const std::string& name) {
  v1::Plan plan;
  if (!plan.ParseFromString(bytes)) return absl::DataLossError(name + " is damaged in the store");
  return plan;
}

}  // namespace

grpc::Status PlanService::CreatePlan(grpc::ServerContext* context,
                                     const v1::CreatePlanRequest* request, v1::Plan* response) {
  const Call call(*context, "PlanService/CreatePlan", peers_);
  return Serve(call, response, [&] { return CreatePlanImpl(*request, call); });
}

absl::StatusOr<v1::Plan> PlanService::CreatePlanImpl(const v1::CreatePlanRequest& request,
                                                     const Call& call) {
  const bool has_key = !request.request_id().empty() && !request.validate_only();
  std::string asked;
  if (!has_key) {
    asked = request.SerializeAsString();
    RHUMB_ASSIGN_OR_RETURN(std::optional<v1::Plan> repeated, FindRepeated(asked, call));
    if (repeated.has_value()) return *std::move(repeated);
  }
  FieldViolations violations;
  ValidateCreatePlanRequest(request, violations);
  RequestKey key;
  // Before anything is looked up: what the first call found may be gone since.
  if (has_key && violations.empty()) {
    key = {request.request_id(), "CreatePlan", call.owner_uid(), RequestContentHash(request)};
    RHUMB_ASSIGN_OR_RETURN(std::optional<v1::Plan> repeated, FindByRequestId(key));
    if (repeated.has_value()) return *std::move(repeated);
  }
  RHUMB_ASSIGN_OR_RETURN(const ResolvedPlanRequest resolved,
                         ResolvePlanRequest(request, clock_(), store_, violations));
  // A question that names unknown hardware is not judged as one without hardware.
  if (!violations.empty()) {
    const bool hardware_known =
        resolved.question.pools.size() == static_cast<size_t>(request.gpu_pools_size()) &&
        request.cluster().empty() &&
        (request.gpu_type().empty() || resolved.question.gpu_without_count.has_value());
    if (hardware_known) {
      Append(ValidateQuestion(resolved.question), violations);
    }
    return violations.ToStatus();
  }
  const std::string request_bytes = DeterministicBytes(resolved.canonical);
  const std::string inputs =
      PlanInputsBytes(resolved.question, call.owner_uid(), resolved.cluster_content);
  const std::string name = PlanName(request_bytes, inputs);
  const int64_t generation = repeated_.generation();
  RHUMB_ASSIGN_OR_RETURN(std::optional<v1::Plan> known, FindPlan(name));
  // A stored answer needs no planning; only a new request_id still has to be remembered.
  if (known.has_value() && has_key) {
    return StorePlan(*known, resolved, request_bytes, inputs, key);
  }
  if (known.has_value()) {
    RememberRepeated(asked, resolved, *known, call, generation);
    return *std::move(known);
  }

  Append(ValidateQuestion(resolved.question), violations);
  if (!violations.empty()) return violations.ToStatus();
  RHUMB_ASSIGN_OR_RETURN(v1::Plan plan, Solve(resolved, call));
  // The best so far is not the answer: the next one to ask may have more time.
  if (!plan.search().complete()) return plan;
  plan.set_name(name);
  if (request.validate_only()) return plan;
  return StorePlan(plan, resolved, request_bytes, inputs, key);
}

absl::StatusOr<std::optional<v1::Plan>> PlanService::FindByRequestId(const RequestKey& key) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> name, store_.FindByRequestId(key));
  if (!name.has_value()) return std::nullopt;
  return FindPlan(*name);
}

absl::StatusOr<std::optional<v1::Plan>> PlanService::FindRepeated(const std::string& asked,
                                                                  const Call& call) {
  const std::shared_ptr<const RepeatedPlan> known = repeated_.Find(call.owner_uid(), asked);
  if (known == nullptr) return std::nullopt;
  RHUMB_ASSIGN_OR_RETURN(const bool stored, IsStillStored(*known));
  if (!stored) {
    repeated_.Clear();
    return std::nullopt;
  }
  if (!known->gpu_revision.empty() &&
      known->gpu_change_count != store_.gpu_types().change_count()) {
    return std::nullopt;
  }
  if (!known->calibration_revision.empty() &&
      known->calibration_change_count != store_.calibrations().change_count()) {
    return std::nullopt;
  }
  if (!known->cluster.empty()) {
    RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> cluster,
                           store_.clusters().Find(known->cluster));
    if (!cluster.has_value() || cluster->content != known->cluster_content) return std::nullopt;
  }
  return known->message;
}

absl::StatusOr<bool> PlanService::IsStillStored(const RepeatedPlan& known) {
  const int64_t now = clock_();
  const int64_t checked = known.checked_ns.load(std::memory_order_relaxed);
  if (now >= checked && now - checked < kRepeatedCheckNs) return true;
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> stored, store_.FindPlanBytes(known.name));
  if (!known.gpu_revision.empty()) {
    RHUMB_ASSIGN_OR_RETURN(const std::string revision, store_.gpu_types().Revision());
    if (revision != known.gpu_revision) return false;
  }
  if (!known.calibration_revision.empty()) {
    RHUMB_ASSIGN_OR_RETURN(const std::string revision, store_.calibrations().Revision());
    if (revision != known.calibration_revision) return false;
  }
  known.checked_ns.store(now, std::memory_order_relaxed);
  return stored == known.plan_bytes;
}

void PlanService::RememberRepeated(const std::string& asked, const ResolvedPlanRequest& resolved,
                                   const v1::Plan& plan, const Call& call, int64_t generation) {
  // What FindRepeated does not look up again must not change: laws of the catalogue do not, laws
  // that somebody stored may.
  if (FindLaw(resolved.question.law.name) == nullptr || resolved.canonical.free_only()) return;
  auto known = std::make_shared<RepeatedPlan>();
  known->name = plan.name();
  known->plan_bytes = plan.SerializeAsString();
  const std::unique_ptr<v1::Plan> message = Unparsed(known->plan_bytes);
  if (message == nullptr) return;
  known->message.Swap(message.get());
  known->cluster = resolved.canonical.cluster();
  known->cluster_content = resolved.cluster_content;
  known->gpu_revision = resolved.gpu_revision;
  known->gpu_change_count = resolved.gpu_change_count;
  known->calibration_revision = resolved.calibration_revision;
  known->calibration_change_count = resolved.calibration_change_count;
  known->checked_ns = clock_();
  repeated_.Insert(call.owner_uid(), asked, std::move(known), generation);
}

absl::StatusOr<std::optional<v1::Plan>> PlanService::FindPlan(const std::string& name) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, store_.FindPlanBytes(name));
  if (!bytes.has_value()) return std::nullopt;
  return ParsePlan(*bytes, name);
}

absl::StatusOr<v1::Plan> PlanService::Solve(const ResolvedPlanRequest& resolved,
                                            const Call& call) const {
  const auto began = std::chrono::steady_clock::now();
  RHUMB_ASSIGN_OR_RETURN(const Plan answer,
                         MakePlan(resolved.question, {.should_stop = call.ShouldStop()}));
  // Stopped before anything feasible was found: that is no proof that nothing is.
  if (!answer.feasible && !answer.search.complete && answer.conflict.empty()) {
    return ErrorWithReason(absl::StatusCode::kDeadlineExceeded, "NOTHING_FOUND_IN_TIME",
                           "the search was stopped before it found a plan; allow more time");
  }
  v1::Plan plan = ToProto(answer, resolved.question);
  plan.set_planner_version(kPlannerVersion);
  *plan.mutable_law() = ToLawUse(resolved.question.law);
  plan.set_owner_uid(call.owner_uid());
  *plan.mutable_create_time() = ToTimestamp(clock_());
  plan.mutable_search()->set_seconds(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  if (call.metrics() != nullptr)
    call.metrics()->CountPlan(answer.feasible, plan.search().seconds());
  FieldViolations broken;
  FindNonFinite(plan, broken);
  if (!broken.empty()) {
    return absl::InternalError(
        absl::StrCat("the planner made a number that is not finite; please report: ",
                     broken.ToStatus().message()));
  }
  return plan;
}

absl::StatusOr<v1::Plan> PlanService::StorePlan(const v1::Plan& plan,
                                                const ResolvedPlanRequest& resolved,
                                                const std::string& request_bytes,
                                                const std::string& inputs, const RequestKey& key) {
  const StoredPlan row = PlanRow(plan, resolved.question.law.name, request_bytes, inputs);
  const absl::StatusOr<StoredPlan> stored = store_.InsertPlan(row, key, clock_());
  // A racing call may have stored the same plan a moment earlier.
  if (stored.ok()) return ParsePlan(stored->plan, stored->name);
  if (lenient_storage_ == nullptr || absl::IsAlreadyExists(stored.status())) return stored.status();
  lenient_storage_->Set(stored.status());
  return plan;
}

grpc::Status PlanService::GetPlan(grpc::ServerContext* context, const v1::GetPlanRequest* request,
                                  v1::Plan* response) {
  const Call call(*context, "PlanService/GetPlan", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<v1::Plan> {
    RHUMB_ASSIGN_OR_RETURN(const std::string name, ResourceName("plans", request->name(), "name"));
    RHUMB_ASSIGN_OR_RETURN(std::optional<v1::Plan> plan, FindPlan(name));
    if (!plan.has_value()) return NoSuchPlan(name);
    return *std::move(plan);
  });
}

grpc::Status PlanService::ListPlans(grpc::ServerContext* context,
                                    const v1::ListPlansRequest* request,
                                    v1::ListPlansResponse* response) {
  const Call call(*context, "PlanService/ListPlans", peers_);
  return Serve(call, response, [&] { return ListPlansImpl(*request); });
}

absl::StatusOr<v1::ListPlansResponse> PlanService::ListPlansImpl(
    const v1::ListPlansRequest& request) {
  FieldViolations violations;
  ValidateValues(request, violations);
  if (!violations.empty()) return violations.ToStatus();
  const bool full = request.view() == v1::PLAN_VIEW_FULL;
  RHUMB_ASSIGN_OR_RETURN(const int size, full ? PageSize(request.page_size(), kMaxFullPageSize)
                                              : PageSize(request.page_size()));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<ListPosition> after,
                         ParsePageToken(request.page_token()));
  // One more row than shown tells whether there is a next page.
  RHUMB_ASSIGN_OR_RETURN(std::vector<StoredPlan> rows, store_.ListPlans(after, size + 1, full));
  v1::ListPlansResponse response;
  if (static_cast<int>(rows.size()) > size) {
    rows.pop_back();
    response.set_next_page_token(PageTokenOf({rows.back().create_time_ns, rows.back().name}));
  }
  for (const StoredPlan& row : rows) {
    if (!response.add_plans()->ParseFromString(full ? row.plan : row.basic)) {
      return absl::DataLossError(row.name + " is damaged in the store");
    }
  }
  return response;
}

grpc::Status PlanService::DeletePlan(grpc::ServerContext* context,
                                     const v1::DeletePlanRequest* request,
                                     google::protobuf::Empty* response) {
  const Call call(*context, "PlanService/DeletePlan", peers_);
  return Serve(call, response, [&] { return DeletePlanImpl(*request, call.caller()); });
}

absl::StatusOr<google::protobuf::Empty> PlanService::DeletePlanImpl(
    const v1::DeletePlanRequest& request, const Caller& caller) {
  RHUMB_ASSIGN_OR_RETURN(const std::string name, ResourceName("plans", request.name(), "name"));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredPlan> plan, store_.FindPlan(name));
  if (!plan.has_value()) return NoSuchPlan(name);
  if (!caller.MayChange(plan->owner_uid)) {
    return ErrorWithReason(absl::StatusCode::kPermissionDenied, "NOT_OWNER",
                           absl::StrCat(name, " belongs to uid ", plan->owner_uid,
                                        "; only its owner and the daemon's user may delete it"));
  }
  if (request.validate_only()) return google::protobuf::Empty();
  const absl::StatusOr<bool> found = store_.DeletePlan(name);
  // After the deletion, and also if nobody knows whether it happened.
  repeated_.Clear();
  RHUMB_RETURN_IF_ERROR(found.status());
  if (!*found) return NoSuchPlan(name);
  return google::protobuf::Empty();
}

grpc::Status PlanService::PredictLoss(grpc::ServerContext* context,
                                      const v1::PredictLossRequest* request,
                                      v1::PredictLossResponse* response) {
  const Call call(*context, "PlanService/PredictLoss", peers_);
  return Serve(call, response, [&] { return AnswerPredictLoss(*request, store_); });
}

grpc::Status PlanService::CheckConfiguration(grpc::ServerContext* context,
                                             const v1::CheckConfigurationRequest* request,
                                             v1::CheckConfigurationResponse* response) {
  const Call call(*context, "PlanService/CheckConfiguration", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<v1::CheckConfigurationResponse> {
    FieldViolations violations;
    ValidateCheckConfigurationRequest(*request, violations);
    RHUMB_ASSIGN_OR_RETURN(const CheckQuestion question,
                           ResolveCheckRequest(*request, store_, violations));
    if (violations.empty()) Append(ValidateCheckQuestion(question), violations);
    if (!violations.empty()) return violations.ToStatus();
    RHUMB_ASSIGN_OR_RETURN(const CheckAnswer answer, rhumb::CheckConfiguration(question));
    v1::CheckConfigurationResponse checked = ToProto(answer, question);
    FindNonFinite(checked, violations);
    if (!violations.empty())
      return absl::InternalError(std::string(violations.ToStatus().message()));
    return checked;
  });
}

}  // namespace rhumb::daemon

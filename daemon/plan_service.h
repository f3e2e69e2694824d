// SPDX-License-Identifier: Apache-2.0
// PlanService: parse, ask the planner, store. Every method is thin; what is hard is tested without
// a server.
#ifndef RHUMB_DAEMON_PLAN_SERVICE_H_
#define RHUMB_DAEMON_PLAN_SERVICE_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "daemon/call.h"
#include "daemon/clock.h"
#include "daemon/peer.h"
#include "daemon/repeated_plans.h"
#include "daemon/resolve.h"
#include "daemon/storage_status.h"
#include "daemon/store/store.h"
#include "google/protobuf/empty.pb.h"
#include "rhumb/v1/plan_service.grpc.pb.h"

namespace rhumb::daemon {

class PlanService final : public v1::PlanService::Service {
 public:
  // All must outlive the service. With `lenient_storage` a plan that cannot be stored is answered
  // all the same, and why is noted there; without (nullptr) the call fails.
  PlanService(Store& store, const PeerRegistry& peers, Clock clock, StorageStatus* lenient_storage)
      : store_(store), peers_(peers), clock_(std::move(clock)), lenient_storage_(lenient_storage) {}

  grpc::Status CreatePlan(grpc::ServerContext* context, const v1::CreatePlanRequest* request,
                          v1::Plan* response) override;
  grpc::Status GetPlan(grpc::ServerContext* context, const v1::GetPlanRequest* request,
                       v1::Plan* response) override;
  grpc::Status ListPlans(grpc::ServerContext* context, const v1::ListPlansRequest* request,
                         v1::ListPlansResponse* response) override;
  grpc::Status DeletePlan(grpc::ServerContext* context, const v1::DeletePlanRequest* request,
                          google::protobuf::Empty* response) override;
  grpc::Status PredictLoss(grpc::ServerContext* context, const v1::PredictLossRequest* request,
                           v1::PredictLossResponse* response) override;
  grpc::Status CheckConfiguration(grpc::ServerContext* context,
                                  const v1::CheckConfigurationRequest* request,
                                  v1::CheckConfigurationResponse* response) override;

 private:
  absl::StatusOr<v1::Plan> CreatePlanImpl(const v1::CreatePlanRequest& request, const Call& call);
  // The plan an earlier call with this request_id answered, if it is still stored.
  absl::StatusOr<std::optional<v1::Plan>> FindByRequestId(const RequestKey& key);
  // The stored plan that the same bytes were answered before, for sending only; nullopt unless it
  // is still stored and still the answer.
  absl::StatusOr<std::optional<v1::Plan>> FindRepeated(const std::string& asked, const Call& call);
  // Whether the store still holds what `known` says. Looked up now and then only: plans of this
  // service are deleted by this service, but other processes may write the same file.
  absl::StatusOr<bool> IsStillStored(const RepeatedPlan& known);
  void RememberRepeated(const std::string& asked, const ResolvedPlanRequest& resolved,
                        const v1::Plan& plan, const Call& call, int64_t generation);
  absl::StatusOr<std::optional<v1::Plan>> FindPlan(const std::string& name);
  absl::StatusOr<v1::Plan> Solve(const ResolvedPlanRequest& resolved, const Call& call) const;
  absl::StatusOr<v1::Plan> StorePlan(const v1::Plan& plan, const ResolvedPlanRequest& resolved,
                                     const std::string& request_bytes, const std::string& inputs,
                                     const RequestKey& key);
  absl::StatusOr<v1::ListPlansResponse> ListPlansImpl(const v1::ListPlansRequest& request);
  absl::StatusOr<google::protobuf::Empty> DeletePlanImpl(const v1::DeletePlanRequest& request,
                                                         const Caller& caller);

  Store& store_;
  const PeerRegistry& peers_;
  const Clock clock_;
  StorageStatus* const lenient_storage_;
  RepeatedPlans repeated_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_PLAN_SERVICE_H_

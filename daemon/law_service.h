// SPDX-License-Identifier: Apache-2.0
// LawService: published and stored laws, observations, fits. Unary methods are synchronous, streams
// are on the callback API.
#ifndef RHUMB_DAEMON_LAW_SERVICE_H_
#define RHUMB_DAEMON_LAW_SERVICE_H_

#include <atomic>
#include <utility>

#include "absl/status/statusor.h"
#include "daemon/call.h"
#include "daemon/clock.h"
#include "daemon/fit_answer.h"
#include "daemon/worker_pool.h"
#include "daemon/peer.h"
#include "daemon/storage_status.h"
#include "daemon/store/store.h"
#include "google/protobuf/empty.pb.h"
#include "rhumb/v1/law_service.grpc.pb.h"

namespace rhumb::daemon {

using LawServiceBase = v1::LawService::WithCallbackMethod_ImportObservations<
    v1::LawService::WithCallbackMethod_FitLaw<v1::LawService::Service>>;

class LawService final : public LawServiceBase {
 public:
  // All must outlive the service; `lenient_storage` as in PlanService.
  LawService(Store& store, const PeerRegistry& peers, Clock clock, StorageStatus* lenient_storage);

  grpc::Status GetLaw(grpc::ServerContext* context, const v1::GetLawRequest* request,
                      v1::Law* response) override;
  grpc::Status ListLaws(grpc::ServerContext* context, const v1::ListLawsRequest* request,
                        v1::ListLawsResponse* response) override;
  grpc::Status CreateLaw(grpc::ServerContext* context, const v1::CreateLawRequest* request,
                         v1::Law* response) override;
  grpc::Status DeleteLaw(grpc::ServerContext* context, const v1::DeleteLawRequest* request,
                         google::protobuf::Empty* response) override;

  grpc::ServerReadReactor<v1::ImportObservationsRequest>* ImportObservations(
      grpc::CallbackServerContext* context, v1::ObservationSet* response) override;
  grpc::Status GetObservations(grpc::ServerContext* context,
                               const v1::GetObservationsRequest* request,
                               v1::GetObservationsResponse* response) override;
  grpc::Status ListObservationSets(grpc::ServerContext* context,
                                   const v1::ListObservationSetsRequest* request,
                                   v1::ListObservationSetsResponse* response) override;
  grpc::Status DeleteObservations(grpc::ServerContext* context,
                                  const v1::DeleteObservationsRequest* request,
                                  google::protobuf::Empty* response) override;

  grpc::ServerWriteReactor<v1::FitLawResponse>* FitLaw(grpc::CallbackServerContext* context,
                                                       const v1::FitLawRequest* request) override;
  grpc::Status GetLawFit(grpc::ServerContext* context, const v1::GetLawFitRequest* request,
                         v1::LawFitResult* response) override;
  grpc::Status BacktestLaw(grpc::ServerContext* context, const v1::BacktestLawRequest* request,
                           v1::BacktestLawResponse* response) override;
  grpc::Status SuggestExperiments(grpc::ServerContext* context,
                                  const v1::SuggestExperimentsRequest* request,
                                  v1::SuggestExperimentsResponse* response) override;

 private:
  absl::StatusOr<v1::Law> CreateLawImpl(const v1::CreateLawRequest& request, const Caller& caller);
  absl::StatusOr<google::protobuf::Empty> DeleteLawImpl(const v1::DeleteLawRequest& request,
                                                        const Caller& caller);
  absl::StatusOr<google::protobuf::Empty> DeleteObservationsImpl(
      const v1::DeleteObservationsRequest& request, const Caller& caller);

  Store& store_;
  const PeerRegistry& peers_;
  const FitContext fit_;
  std::atomic<int> import_count_ = 0;
  // Fits are long and each uses one core: others must get a turn.
  WorkerPool fit_workers_;
  WorkerPool import_workers_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_LAW_SERVICE_H_

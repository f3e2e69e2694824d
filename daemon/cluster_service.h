// SPDX-License-Identifier: Apache-2.0
// ClusterService: stored clusters, what their nodes do now and who was promised what of them, the
// GPU types they name, and calibrations of the step-time model.
#ifndef RHUMB_DAEMON_CLUSTER_SERVICE_H_
#define RHUMB_DAEMON_CLUSTER_SERVICE_H_

#include <utility>

#include "absl/status/statusor.h"
#include "daemon/clock.h"
#include "daemon/peer.h"
#include "daemon/store/store.h"
#include "google/protobuf/empty.pb.h"
#include "rhumb/v1/cluster_service.grpc.pb.h"

namespace rhumb::daemon {

class ClusterService final : public v1::ClusterService::Service {
 public:
  // Both must outlive the service.
  ClusterService(Store& store, const PeerRegistry& peers, Clock clock)
      : store_(store), peers_(peers), clock_(std::move(clock)) {}

  grpc::Status ApplyCluster(grpc::ServerContext* context, const v1::ApplyClusterRequest* request,
                            v1::Cluster* response) override;
  grpc::Status GetCluster(grpc::ServerContext* context, const v1::GetClusterRequest* request,
                          v1::Cluster* response) override;
  grpc::Status ListClusters(grpc::ServerContext* context, const v1::ListClustersRequest* request,
                            v1::ListClustersResponse* response) override;
  grpc::Status DeleteCluster(grpc::ServerContext* context, const v1::DeleteClusterRequest* request,
                             google::protobuf::Empty* response) override;
  grpc::Status GetGpuType(grpc::ServerContext* context, const v1::GetGpuTypeRequest* request,
                          v1::GpuType* response) override;
  grpc::Status ListGpuTypes(grpc::ServerContext* context, const v1::ListGpuTypesRequest* request,
                            v1::ListGpuTypesResponse* response) override;
  grpc::Status ApplyGpuType(grpc::ServerContext* context, const v1::ApplyGpuTypeRequest* request,
                            v1::GpuType* response) override;
  grpc::Status DeleteGpuType(grpc::ServerContext* context, const v1::DeleteGpuTypeRequest* request,
                             google::protobuf::Empty* response) override;
  grpc::Status ApplyCalibration(grpc::ServerContext* context,
                                const v1::ApplyCalibrationRequest* request,
                                v1::Calibration* response) override;
  grpc::Status GetCalibration(grpc::ServerContext* context,
                              const v1::GetCalibrationRequest* request,
                              v1::Calibration* response) override;
  grpc::Status ListCalibrations(grpc::ServerContext* context,
                                const v1::ListCalibrationsRequest* request,
                                v1::ListCalibrationsResponse* response) override;
  grpc::Status DeleteCalibration(grpc::ServerContext* context,
                                 const v1::DeleteCalibrationRequest* request,
                                 google::protobuf::Empty* response) override;
  grpc::Status SyncNodes(grpc::ServerContext* context, const v1::SyncNodesRequest* request,
                         v1::NodeInventory* response) override;
  grpc::Status GetNodes(grpc::ServerContext* context, const v1::GetNodesRequest* request,
                        v1::NodeInventory* response) override;
  grpc::Status ReserveAllocation(grpc::ServerContext* context,
                                 const v1::ReserveAllocationRequest* request,
                                 v1::Reservation* response) override;
  grpc::Status ReleaseAllocation(grpc::ServerContext* context,
                                 const v1::ReleaseAllocationRequest* request,
                                 google::protobuf::Empty* response) override;
  grpc::Status ListReservations(grpc::ServerContext* context,
                                const v1::ListReservationsRequest* request,
                                v1::ListReservationsResponse* response) override;

 private:
  absl::StatusOr<v1::NodeInventory> SyncImpl(const v1::SyncNodesRequest& request,
                                             const Caller& caller);
  absl::StatusOr<v1::Cluster> ApplyImpl(const v1::ApplyClusterRequest& request,
                                        const Caller& caller);
  absl::StatusOr<v1::Cluster> GetImpl(const v1::GetClusterRequest& request);
  absl::StatusOr<v1::ListClustersResponse> ListImpl(const v1::ListClustersRequest& request);
  absl::StatusOr<google::protobuf::Empty> DeleteImpl(const v1::DeleteClusterRequest& request,
                                                     const Caller& caller);
  absl::StatusOr<v1::GpuType> GetImpl(const v1::GetGpuTypeRequest& request);
  absl::StatusOr<v1::ListGpuTypesResponse> ListImpl(const v1::ListGpuTypesRequest& request);
  absl::StatusOr<v1::GpuType> ApplyImpl(const v1::ApplyGpuTypeRequest& request,
                                        const Caller& caller);
  absl::StatusOr<google::protobuf::Empty> DeleteImpl(const v1::DeleteGpuTypeRequest& request,
                                                     const Caller& caller);
  absl::StatusOr<v1::Calibration> ApplyImpl(const v1::ApplyCalibrationRequest& request,
                                            const Caller& caller);
  absl::StatusOr<v1::ListCalibrationsResponse> ListImpl(const v1::ListCalibrationsRequest& request);
  absl::StatusOr<google::protobuf::Empty> DeleteImpl(const v1::DeleteCalibrationRequest& request,
                                                     const Caller& caller);

  Store& store_;
  const PeerRegistry& peers_;
  const Clock clock_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_CLUSTER_SERVICE_H_

// SPDX-License-Identifier: Apache-2.0
// Clusters, GPU types, calibrations, nodes, promises.
#include "client/cpp/client_calls.h"
#include "google/protobuf/empty.pb.h"

namespace rhumb::client {

absl::StatusOr<v1::Cluster> Client::ApplyCluster(const v1::ApplyClusterRequest& request) {
  // Applying replaces the cluster whole: a second application of the same content changes nothing.
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ApplyCluster, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Cluster> Client::GetCluster(const v1::GetClusterRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::GetCluster, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::ListClustersResponse> Client::ListClusters(
    const v1::ListClustersRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ListClusters, request, options_,
              Repeatable::kYes);
}

absl::Status Client::DeleteCluster(const v1::DeleteClusterRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::DeleteCluster, request, options_,
              Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::GpuType> Client::GetGpuType(const v1::GetGpuTypeRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::GetGpuType, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::ListGpuTypesResponse> Client::ListGpuTypes(
    const v1::ListGpuTypesRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ListGpuTypes, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::GpuType> Client::ApplyGpuType(const v1::ApplyGpuTypeRequest& request) {
  // As ApplyCluster.
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ApplyGpuType, request, options_,
              Repeatable::kYes);
}

absl::Status Client::DeleteGpuType(const v1::DeleteGpuTypeRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::DeleteGpuType, request, options_,
              Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::Calibration> Client::ApplyCalibration(
    const v1::ApplyCalibrationRequest& request) {
  // Equal content makes no new version.
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ApplyCalibration, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Calibration> Client::GetCalibration(const v1::GetCalibrationRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::GetCalibration, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::ListCalibrationsResponse> Client::ListCalibrations(
    const v1::ListCalibrationsRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ListCalibrations, request, options_,
              Repeatable::kYes);
}

absl::Status Client::DeleteCalibration(const v1::DeleteCalibrationRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::DeleteCalibration, request, options_,
              Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::NodeInventory> Client::SyncNodes(const v1::SyncNodesRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::SyncNodes, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::NodeInventory> Client::GetNodes(const v1::GetNodesRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::GetNodes, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Reservation> Client::ReserveAllocation(
    const v1::ReserveAllocationRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ReserveAllocation, request, options_,
              request.request_id().empty() ? Repeatable::kNo : Repeatable::kYes);
}

absl::Status Client::ReleaseAllocation(const v1::ReleaseAllocationRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ReleaseAllocation, request, options_,
              Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::ListReservationsResponse> Client::ListReservations(
    const v1::ListReservationsRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ListReservations, request, options_,
              Repeatable::kYes);
}

}  // namespace rhumb::client

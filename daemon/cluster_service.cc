// SPDX-License-Identifier: Apache-2.0
#include "daemon/cluster_service.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/calibrations.h"
#include "daemon/call.h"
#include "daemon/gpu_types.h"
#include "daemon/identity.h"
#include "daemon/inventory.h"
#include "daemon/page_token.h"
#include "daemon/reservations.h"
#include "daemon/resolve.h"
#include "daemon/rpc_status.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"
#include "proto/convert/gpu_message.h"

namespace rhumb::daemon {
namespace {

// What an earlier request of this key stored, as `table` holds it now; nullopt if the request is
// new or its result is gone.
absl::StatusOr<std::optional<StoredResource>> FindRepeated(const RequestKey& key,
                                                           ResourceStore& table, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> name, store.FindByRequestId(key));
  if (!name.has_value()) return std::optional<StoredResource>();
  return table.Find(*name);
}

// A request that may be repeated as `method`; no promise without a request_id.
template <typename Request>
RequestKey KeyOf(const Request& request, const char* method, const Caller& caller) {
  if (request.request_id().empty()) return {};
  return {request.request_id(), method, caller.uid, RequestContentHash(request)};
}

// The rows of the page asked for; `response` learns where the next one begins.
template <typename Request, typename Response>
absl::StatusOr<std::vector<StoredResource>> PageOf(const Request& request, ResourceStore& table,
                                                   Response& response) {
  RHUMB_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<ListPosition> after,
                         ParsePageToken(request.page_token()));
  RHUMB_ASSIGN_OR_RETURN(std::vector<StoredResource> rows, table.List(after, size + 1));
  if (static_cast<int>(rows.size()) > size) {
    rows.pop_back();
    response.set_next_page_token(PageTokenOf({rows.back().update_time_ns, rows.back().name}));
  }
  return rows;
}

}  // namespace

grpc::Status ClusterService::ApplyCluster(grpc::ServerContext* context,
                                          const v1::ApplyClusterRequest* request,
                                          v1::Cluster* response) {
  const Call call(*context, "ClusterService/ApplyCluster", peers_);
  return Serve(call, response, [&] { return ApplyImpl(*request, call.caller()); });
}

absl::StatusOr<v1::Cluster> ClusterService::ApplyImpl(const v1::ApplyClusterRequest& request,
                                                      const Caller& caller) {
  FieldViolations violations;
  ValidateApplyClusterRequest(request, violations);
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, AllGpus(store_));
  v1::Cluster content;  // what is hashed and compared: names and pools only
  for (int i = 0; i < request.cluster().pools_size(); ++i) {
    v1::Pool& pool = *content.add_pools() = request.cluster().pools(i);
    if (pool.gpu_type().empty()) continue;
    const absl::StatusOr<Gpu> gpu = FindGpu(pool.gpu_type(), gpus);
    if (gpu.ok()) {
      pool.set_gpu_type(gpu->id);
    } else {
      violations.Add(absl::StrCat("cluster.pools[", i, "].gpu_type"),
                     std::string(gpu.status().message()));
    }
  }
  if (!violations.empty()) return violations.ToStatus();
  RHUMB_RETURN_IF_ERROR(RequireOperator(caller, "clusters"));
  StoredResource row;
  RHUMB_ASSIGN_OR_RETURN(row.name,
                         ResourceName("clusters", request.cluster().name(), "cluster.name"));
  content.set_name(row.name);
  row.content = DeterministicBytes(content);
  row.owner_uid = caller.uid;
  row.update_time_ns = clock_();
  if (request.validate_only()) return ReadResource<v1::Cluster>(row);
  const RequestKey key = KeyOf(request, "ApplyCluster", caller);
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> repeated,
                         FindRepeated(key, store_.clusters(), store_));
  if (repeated.has_value()) return ReadResource<v1::Cluster>(*repeated);
  RHUMB_ASSIGN_OR_RETURN(const StoredResource stored, store_.clusters().Put(row, key));
  return ReadResource<v1::Cluster>(stored);
}

grpc::Status ClusterService::GetCluster(grpc::ServerContext* context,
                                        const v1::GetClusterRequest* request,
                                        v1::Cluster* response) {
  const Call call(*context, "ClusterService/GetCluster", peers_);
  return Serve(call, response, [&] { return GetImpl(*request); });
}

absl::StatusOr<v1::Cluster> ClusterService::GetImpl(const v1::GetClusterRequest& request) {
  RHUMB_ASSIGN_OR_RETURN(const std::string name, ResourceName("clusters", request.name(), "name"));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> stored, store_.clusters().Find(name));
  if (stored.has_value()) return ReadResource<v1::Cluster>(*stored);
  RHUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, store_.clusters().Names());
  std::string text = UnknownName("cluster", name, names);
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> nodes,
                         store_.inventories().Find(name));
  if (nodes.has_value()) {
    text = absl::StrCat("nobody applied ", name,
                        ", but an agent tells of its nodes: `rhumb cluster nodes ",
                        absl::StripPrefix(name, "clusters/"), "` shows them");
  }
  return ErrorWithReason(absl::StatusCode::kNotFound, "CLUSTER_NOT_FOUND", text);
}

grpc::Status ClusterService::ListClusters(grpc::ServerContext* context,
                                          const v1::ListClustersRequest* request,
                                          v1::ListClustersResponse* response) {
  const Call call(*context, "ClusterService/ListClusters", peers_);
  return Serve(call, response, [&] { return ListImpl(*request); });
}

absl::StatusOr<v1::ListClustersResponse> ClusterService::ListImpl(
    const v1::ListClustersRequest& request) {
  v1::ListClustersResponse response;
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredResource> rows,
                         PageOf(request, store_.clusters(), response));
  for (const StoredResource& row : rows) {
    RHUMB_ASSIGN_OR_RETURN(*response.add_clusters(), ReadResource<v1::Cluster>(row));
  }
  return response;
}

grpc::Status ClusterService::DeleteCluster(grpc::ServerContext* context,
                                           const v1::DeleteClusterRequest* request,
                                           google::protobuf::Empty* response) {
  const Call call(*context, "ClusterService/DeleteCluster", peers_);
  return Serve(call, response, [&] { return DeleteImpl(*request, call.caller()); });
}

absl::StatusOr<google::protobuf::Empty> ClusterService::DeleteImpl(
    const v1::DeleteClusterRequest& request, const Caller& caller) {
  v1::GetClusterRequest get;
  get.set_name(request.name());
  RHUMB_ASSIGN_OR_RETURN(const v1::Cluster cluster, GetImpl(get));
  RHUMB_RETURN_IF_ERROR(RequireOperator(caller, "clusters"));
  if (!request.validate_only())
    RHUMB_RETURN_IF_ERROR(store_.clusters().Delete(cluster.name()).status());
  return google::protobuf::Empty();
}

grpc::Status ClusterService::GetGpuType(grpc::ServerContext* context,
                                        const v1::GetGpuTypeRequest* request,
                                        v1::GpuType* response) {
  const Call call(*context, "ClusterService/GetGpuType", peers_);
  return Serve(call, response, [&] { return GetImpl(*request); });
}

absl::StatusOr<v1::GpuType> ClusterService::GetImpl(const v1::GetGpuTypeRequest& request) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<v1::GpuType> types, AllGpuTypes(store_));
  std::vector<Gpu> gpus;
  for (const v1::GpuType& type : types) gpus.push_back(convert::FromProto(type));
  const absl::StatusOr<Gpu> gpu = FindGpu(absl::StripPrefix(request.name(), "gpuTypes/"), gpus);
  if (gpu.ok()) {
    for (size_t i = 0; i < gpus.size(); ++i) {
      if (gpus[i].id == gpu->id) return types[i];
    }
  }
  // An ambiguous name is a bad one; an unknown one is a missing resource.
  if (absl::StrContains(gpu.status().message(), "ambiguous")) {
    return FieldError("name", gpu.status().message());
  }
  return ErrorWithReason(absl::StatusCode::kNotFound, "GPU_TYPE_NOT_FOUND", gpu.status().message());
}

grpc::Status ClusterService::ListGpuTypes(grpc::ServerContext* context,
                                          const v1::ListGpuTypesRequest* request,
                                          v1::ListGpuTypesResponse* response) {
  const Call call(*context, "ClusterService/ListGpuTypes", peers_);
  return Serve(call, response, [&] { return ListImpl(*request); });
}

absl::StatusOr<v1::ListGpuTypesResponse> ClusterService::ListImpl(
    const v1::ListGpuTypesRequest& request) {
  RHUMB_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<ListPosition> after,
                         ParsePageToken(request.page_token()));
  RHUMB_ASSIGN_OR_RETURN(const std::vector<v1::GpuType> types, AllGpuTypes(store_));
  // The list keeps its order; a position is the number of types before it.
  size_t i = after.has_value() ? static_cast<size_t>(std::max<int64_t>(after->time_ns, 0)) : 0;
  v1::ListGpuTypesResponse response;
  for (; i < types.size() && response.gpu_types_size() < size; ++i) {
    *response.add_gpu_types() = types[i];
  }
  if (i < types.size())
    response.set_next_page_token(PageTokenOf({static_cast<int64_t>(i), "gpuTypes"}));
  return response;
}

grpc::Status ClusterService::ApplyGpuType(grpc::ServerContext* context,
                                          const v1::ApplyGpuTypeRequest* request,
                                          v1::GpuType* response) {
  const Call call(*context, "ClusterService/ApplyGpuType", peers_);
  return Serve(call, response, [&] { return ApplyImpl(*request, call.caller()); });
}

absl::StatusOr<v1::GpuType> ClusterService::ApplyImpl(const v1::ApplyGpuTypeRequest& request,
                                                      const Caller& caller) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, AllGpus(store_));
  FieldViolations violations;
  const v1::GpuType type = GpuTypeToStore(request, gpus, violations);
  if (!violations.empty()) return violations.ToStatus();
  RHUMB_RETURN_IF_ERROR(RequireOperator(caller, "GPU types"));
  StoredResource row;
  row.name = type.name();
  row.content = DeterministicBytes(type);
  row.owner_uid = caller.uid;
  row.update_time_ns = clock_();
  if (request.validate_only()) return ReadResource<v1::GpuType>(row);
  const RequestKey key = KeyOf(request, "ApplyGpuType", caller);
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> repeated,
                         FindRepeated(key, store_.gpu_types(), store_));
  if (repeated.has_value()) return ReadResource<v1::GpuType>(*repeated);
  RHUMB_ASSIGN_OR_RETURN(const StoredResource stored, store_.gpu_types().Put(row, key));
  return ReadResource<v1::GpuType>(stored);
}

grpc::Status ClusterService::DeleteGpuType(grpc::ServerContext* context,
                                           const v1::DeleteGpuTypeRequest* request,
                                           google::protobuf::Empty* response) {
  const Call call(*context, "ClusterService/DeleteGpuType", peers_);
  return Serve(call, response, [&] { return DeleteImpl(*request, call.caller()); });
}

absl::StatusOr<google::protobuf::Empty> ClusterService::DeleteImpl(
    const v1::DeleteGpuTypeRequest& request, const Caller& caller) {
  v1::GetGpuTypeRequest get;
  get.set_name(request.name());
  RHUMB_ASSIGN_OR_RETURN(const v1::GpuType type, GetImpl(get));
  const std::string id(absl::StripPrefix(type.name(), "gpuTypes/"));
  if (!SameGpuName(id, absl::StripPrefix(request.name(), "gpuTypes/"))) {
    return FieldError("name", absl::StrCat("must be the name itself, not an alias: ", id));
  }
  if (!type.has_version()) {
    return ErrorWithReason(absl::StatusCode::kFailedPrecondition, "GPU_TYPE_BUILT_IN",
                           absl::StrCat(type.name(),
                                        " belongs to the catalogue; only applied "
                                        "types can be deleted"));
  }
  RHUMB_RETURN_IF_ERROR(RequireOperator(caller, "GPU types"));
  RHUMB_RETURN_IF_ERROR(CheckGpuTypeUnused(id, store_));
  if (!request.validate_only())
    RHUMB_RETURN_IF_ERROR(store_.gpu_types().Delete(type.name()).status());
  return google::protobuf::Empty();
}

grpc::Status ClusterService::ApplyCalibration(grpc::ServerContext* context,
                                              const v1::ApplyCalibrationRequest* request,
                                              v1::Calibration* response) {
  const Call call(*context, "ClusterService/ApplyCalibration", peers_);
  return Serve(call, response, [&] { return ApplyImpl(*request, call.caller()); });
}

absl::StatusOr<v1::Calibration> ClusterService::ApplyImpl(
    const v1::ApplyCalibrationRequest& request, const Caller& caller) {
  FieldViolations violations;
  const v1::Calibration calibration = CalibrationToStore(request, violations);
  if (!violations.empty()) return violations.ToStatus();
  StoredResource row;
  row.name = calibration.name();
  row.content = DeterministicBytes(calibration);
  row.owner_uid = caller.uid;
  row.update_time_ns = clock_();
  const auto may_replace = [&](const StoredResource& known, StoredResource& next) {
    next.owner_uid = known.owner_uid;  // an operator's version takes nobody's name away
    return CheckCalibrationWriter(caller, known.name, known.owner_uid);
  };
  if (request.validate_only()) {
    RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> known,
                           store_.calibrations().Find(row.name));
    if (known.has_value()) RHUMB_RETURN_IF_ERROR(may_replace(*known, row));
    return ReadCalibration(row);
  }
  const RequestKey key = KeyOf(request, "ApplyCalibration", caller);
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> made, store_.FindByRequestId(key));
  if (made.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const VersionedName name,
                           ParseVersionedName("calibrations", *made, "request_id"));
    RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> repeated,
                           FindCalibration(name, store_));
    if (repeated.has_value()) return ReadCalibration(*repeated);
  }
  RHUMB_ASSIGN_OR_RETURN(const StoredResource stored,
                         store_.calibrations().Put(row, key, may_replace));
  return ReadCalibration(stored);
}

grpc::Status ClusterService::GetCalibration(grpc::ServerContext* context,
                                            const v1::GetCalibrationRequest* request,
                                            v1::Calibration* response) {
  const Call call(*context, "ClusterService/GetCalibration", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<v1::Calibration> {
    RHUMB_ASSIGN_OR_RETURN(const VersionedName name,
                           ParseVersionedName("calibrations", request->name(), "name"));
    return GetCalibrationMessage(name, store_);
  });
}

grpc::Status ClusterService::ListCalibrations(grpc::ServerContext* context,
                                              const v1::ListCalibrationsRequest* request,
                                              v1::ListCalibrationsResponse* response) {
  const Call call(*context, "ClusterService/ListCalibrations", peers_);
  return Serve(call, response, [&] { return ListImpl(*request); });
}

absl::StatusOr<v1::ListCalibrationsResponse> ClusterService::ListImpl(
    const v1::ListCalibrationsRequest& request) {
  v1::ListCalibrationsResponse response;
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredResource> rows,
                         PageOf(request, store_.calibrations(), response));
  for (const StoredResource& row : rows) {
    RHUMB_ASSIGN_OR_RETURN(*response.add_calibrations(), ReadCalibration(row));
  }
  return response;
}

grpc::Status ClusterService::DeleteCalibration(grpc::ServerContext* context,
                                               const v1::DeleteCalibrationRequest* request,
                                               google::protobuf::Empty* response) {
  const Call call(*context, "ClusterService/DeleteCalibration", peers_);
  return Serve(call, response, [&] { return DeleteImpl(*request, call.caller()); });
}

absl::StatusOr<google::protobuf::Empty> ClusterService::DeleteImpl(
    const v1::DeleteCalibrationRequest& request, const Caller& caller) {
  RHUMB_ASSIGN_OR_RETURN(const VersionedName name,
                         ParseVersionedName("calibrations", request.name(), "name"));
  if (name.version.has_value()) {
    return FieldError("name", "must be the name alone: versions are deleted together");
  }
  RHUMB_ASSIGN_OR_RETURN(const v1::Calibration calibration, GetCalibrationMessage(name, store_));
  RHUMB_RETURN_IF_ERROR(CheckCalibrationWriter(caller, name.resource, calibration.owner_uid()));
  if (!request.validate_only())
    RHUMB_RETURN_IF_ERROR(store_.calibrations().Delete(name.resource).status());
  return google::protobuf::Empty();
}

grpc::Status ClusterService::SyncNodes(grpc::ServerContext* context,
                                       const v1::SyncNodesRequest* request,
                                       v1::NodeInventory* response) {
  const Call call(*context, "ClusterService/SyncNodes", peers_);
  return Serve(call, response, [&] { return SyncImpl(*request, call.caller()); });
}

absl::StatusOr<v1::NodeInventory> ClusterService::SyncImpl(const v1::SyncNodesRequest& request,
                                                           const Caller& caller) {
  // First: thousands of nodes are not looked through for somebody who may not tell of them.
  RHUMB_RETURN_IF_ERROR(RequireOperator(caller, "the nodes of clusters"));
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, AllGpus(store_));
  FieldViolations violations;
  const v1::NodeInventory content = InventoryToStore(request, gpus, violations);
  if (!violations.empty()) return violations.ToStatus();
  StoredResource row;
  row.name = content.name();
  row.content = DeterministicBytes(content);
  row.owner_uid = caller.uid;
  row.update_time_ns = clock_();
  if (!request.validate_only()) {
    const auto started = [&](const std::optional<StoredResource>& before) {
      return StartedJobs(before, content);
    };
    RHUMB_ASSIGN_OR_RETURN(row, store_.reservations().Sync(row, started));
  }
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReservation> promised,
                         store_.reservations().List(row.name, clock_()));
  RHUMB_ASSIGN_OR_RETURN(v1::NodeInventory inventory, ReadInventory(row, promised));
  inventory.clear_nodes();
  return inventory;
}

grpc::Status ClusterService::GetNodes(grpc::ServerContext* context,
                                      const v1::GetNodesRequest* request,
                                      v1::NodeInventory* response) {
  const Call call(*context, "ClusterService/GetNodes", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<v1::NodeInventory> {
    RHUMB_ASSIGN_OR_RETURN(const std::string name,
                           ResourceName("clusters", request->cluster(), "cluster"));
    RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> stored,
                           store_.inventories().Find(name));
    if (!stored.has_value()) {
      RHUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, store_.inventories().Names());
      return ErrorWithReason(absl::StatusCode::kNotFound, "INVENTORY_NOT_FOUND",
                             UnknownName("cluster with nodes", name, names));
    }
    RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReservation> promised,
                           store_.reservations().List(name, clock_()));
    return ReadInventory(*stored, promised);
  });
}

grpc::Status ClusterService::ReserveAllocation(grpc::ServerContext* context,
                                               const v1::ReserveAllocationRequest* request,
                                               v1::Reservation* response) {
  const Call call(*context, "ClusterService/ReserveAllocation", peers_);
  return Serve(call, response, [&] { return Reserve(*request, call.caller(), clock_(), store_); });
}

grpc::Status ClusterService::ReleaseAllocation(grpc::ServerContext* context,
                                               const v1::ReleaseAllocationRequest* request,
                                               google::protobuf::Empty* response) {
  const Call call(*context, "ClusterService/ReleaseAllocation", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<google::protobuf::Empty> {
    RHUMB_ASSIGN_OR_RETURN(const std::string name,
                           ResourceName("reservations", request->name(), "name"));
    RHUMB_RETURN_IF_ERROR(Release(name, call.caller(), clock_(), store_));
    return google::protobuf::Empty();
  });
}

grpc::Status ClusterService::ListReservations(grpc::ServerContext* context,
                                              const v1::ListReservationsRequest* request,
                                              v1::ListReservationsResponse* response) {
  const Call call(*context, "ClusterService/ListReservations", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<v1::ListReservationsResponse> {
    std::string cluster;
    if (!request->cluster().empty()) {
      RHUMB_ASSIGN_OR_RETURN(cluster, ResourceName("clusters", request->cluster(), "cluster"));
    }
    RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReservation> rows,
                           store_.reservations().List(cluster, clock_()));
    v1::ListReservationsResponse answer;
    for (const StoredReservation& row : rows) *answer.add_reservations() = ToMessage(row);
    return answer;
  });
}

}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
// What list and show commands share: fetching every page, tables of resources, one resource as a
// report.
#ifndef RHUMB_CLIENT_CLI_RESOURCES_H_
#define RHUMB_CLIENT_CLI_RESOURCES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/table.h"
#include "client/cli/terminal.h"
#include "client/cpp/client.h"
#include "rhumb/v1/cluster.pb.h"
#include "rhumb/v1/cluster_service.pb.h"
#include "rhumb/v1/law.pb.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::cli {

// Rows a page asks for: the most the daemon gives.
inline constexpr int kPageSize = 1000;

inline constexpr int kObservationPageSize = 10000;

// All pages as one response without a next_page_token.
absl::StatusOr<v1::ListLawsResponse> AllLaws(client::Client& client,
                                             v1::ListLawsRequest request = {});
absl::StatusOr<v1::ListGpuTypesResponse> AllGpuTypes(client::Client& client);
absl::StatusOr<v1::ListClustersResponse> AllClusters(client::Client& client);
absl::StatusOr<v1::ListCalibrationsResponse> AllCalibrations(client::Client& client);

Table GpuTypesTable(const std::vector<v1::GpuType>& types);
std::string RenderGpuType(const v1::GpuType& type, const Terminal& terminal);

Table ClustersTable(const std::vector<v1::Cluster>& clusters);
std::string RenderCluster(const v1::Cluster& cluster, const Terminal& terminal);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RESOURCES_H_

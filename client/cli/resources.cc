// SPDX-License-Identifier: Apache-2.0
#include "client/cli/resources.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/config/human_numbers.h"
#include "google/protobuf/util/time_util.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

// 989 TFLOP/s; peaks are quoted in these.
std::string FormatPeak(bool known, double flops_per_second) {
  return known ? absl::StrFormat("%.4g TFLOP/s", flops_per_second / 1e12) : "";
}

std::string FormatBandwidth(double bytes_per_second) {
  if (bytes_per_second >= 1e12) return absl::StrFormat("%.3g TB/s", bytes_per_second / 1e12);
  return absl::StrFormat("%.3g GB/s", bytes_per_second / 1e9);
}

int64_t GpuCount(const v1::Cluster& cluster) {
  int64_t count = 0;
  for (const v1::Pool& pool : cluster.pools()) count += pool.node_count() * pool.gpus_per_node();
  return count;
}

std::string GpuTypeOrigin(const v1::GpuType& type) {
  if (!type.has_version()) return "catalogue";
  return absl::StrCat("applied by uid ", type.owner_uid(), ", version ", type.version());
}

}  // namespace

absl::StatusOr<v1::ListLawsResponse> AllLaws(client::Client& client, v1::ListLawsRequest request) {
  v1::ListLawsResponse all;
  request.set_page_size(kPageSize);
  do {
    RHUMB_ASSIGN_OR_RETURN(const v1::ListLawsResponse page, client.ListLaws(request));
    all.mutable_laws()->MergeFrom(page.laws());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<v1::ListGpuTypesResponse> AllGpuTypes(client::Client& client) {
  v1::ListGpuTypesResponse all;
  v1::ListGpuTypesRequest request;
  request.set_page_size(kPageSize);
  do {
    RHUMB_ASSIGN_OR_RETURN(const v1::ListGpuTypesResponse page, client.ListGpuTypes(request));
    all.mutable_gpu_types()->MergeFrom(page.gpu_types());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<v1::ListClustersResponse> AllClusters(client::Client& client) {
  v1::ListClustersResponse all;
  v1::ListClustersRequest request;
  request.set_page_size(kPageSize);
  do {
    RHUMB_ASSIGN_OR_RETURN(const v1::ListClustersResponse page, client.ListClusters(request));
    all.mutable_clusters()->MergeFrom(page.clusters());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<v1::ListCalibrationsResponse> AllCalibrations(client::Client& client) {
  v1::ListCalibrationsResponse all;
  v1::ListCalibrationsRequest request;
  request.set_page_size(kPageSize);
  do {
    RHUMB_ASSIGN_OR_RETURN(const v1::ListCalibrationsResponse page,
                           client.ListCalibrations(request));
    all.mutable_calibrations()->MergeFrom(page.calibrations());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

Table GpuTypesTable(const std::vector<v1::GpuType>& types) {
  Table table;
  table.columns = {{.title = "NAME"},
                   {.title = "MEMORY", .number = true},
                   {.title = "BF16 PEAK", .number = true},
                   {.title = "BANDWIDTH", .number = true},
                   {.title = "LINK"},
                   {.title = "POWER", .number = true},
                   {.title = "PRICE", .number = true},
                   {.title = "FP8 PEAK", .number = true, .wide_only = true},
                   {.title = "NETWORK", .number = true, .wide_only = true},
                   {.title = "ORIGIN", .wide_only = true},
                   {.title = "ALIASES", .wide_only = true},
                   {.title = "SOURCE", .wide_only = true}};
  for (const v1::GpuType& type : types) {
    table.rows.push_back(
        {BareName(type.name()), FormatBytes(static_cast<double>(type.memory_bytes())),
         FormatPeak(type.has_peak_bf16_flops_per_second(), type.peak_bf16_flops_per_second()),
         FormatBandwidth(type.memory_bytes_per_second()), type.scale_up_link(),
         absl::StrCat(FormatRatio(type.board_watts()), " W"),
         type.has_price_usd_per_gpu_hour() ? FormatPerGpuHour(type.price_usd_per_gpu_hour()) : "",
         FormatPeak(type.has_peak_fp8_flops_per_second(), type.peak_fp8_flops_per_second()),
         FormatBandwidth(type.network_bytes_per_second()), GpuTypeOrigin(type),
         absl::StrJoin(type.aliases(), ","), type.source()});
  }
  return table;
}

std::string RenderGpuType(const v1::GpuType& type, const Terminal& terminal) {
  Report report(terminal);
  report.Sentence(
      absl::StrCat(BareName(type.name()), ": ",
                   FormatBytes(static_cast<double>(type.memory_bytes())), " usable, ",
                   JoinParts({FormatPeak(type.has_peak_bf16_flops_per_second(),
                                         type.peak_bf16_flops_per_second()),
                              type.has_peak_bf16_flops_per_second() ? "dense in bf16" : ""},
                             " "),
                   "."),
      Style::kBold);
  const auto peak = [](const char* name, bool known, double value) {
    return known ? absl::StrCat(name, " ", FormatPeak(true, value)) : std::string();
  };
  report.Row(
      "Dense peaks",
      JoinParts(
          {peak("fp16", type.has_peak_fp16_flops_per_second(), type.peak_fp16_flops_per_second()),
           peak("bf16", type.has_peak_bf16_flops_per_second(), type.peak_bf16_flops_per_second()),
           peak("fp8", type.has_peak_fp8_flops_per_second(), type.peak_fp8_flops_per_second()),
           peak("fp4", type.has_peak_fp4_flops_per_second(), type.peak_fp4_flops_per_second())},
          ", "));
  report.Row("Memory", absl::StrCat(FormatBytes(static_cast<double>(type.memory_bytes())), " at ",
                                    FormatBandwidth(type.memory_bytes_per_second())));
  report.Row("Scale-up",
             JoinParts({type.scale_up_link(), FormatBandwidth(type.scale_up_bytes_per_second()),
                        absl::StrCat(type.gpus_per_scale_up_domain(), " GPUs a domain")},
                       ", "));
  report.Row("Network",
             absl::StrCat(FormatBandwidth(type.network_bytes_per_second()), " per GPU, typically"));
  report.Row("Power", absl::StrCat(FormatRatio(type.board_watts()), " W board"));
  report.Row(
      "Price",
      type.has_price_usd_per_gpu_hour()
          ? JoinParts({FormatPerGpuHour(type.price_usd_per_gpu_hour()), type.price_source()}, ", ")
          : "unknown; give --price");
  report.Row("Time model",
             type.family().empty() ? "" : absl::StrCat("constants of ", type.family()));
  report.Row("Aliases", absl::StrJoin(type.aliases(), ", "));
  report.Row("Origin", GpuTypeOrigin(type));
  report.Row("Source", type.source());
  return report.text();
}

Table ClustersTable(const std::vector<v1::Cluster>& clusters) {
  Table table;
  table.columns = {{.title = "NAME"},    {.title = "GPUS", .number = true},
                   {.title = "POOLS"},   {.title = "VERSION", .number = true},
                   {.title = "UPDATED"}, {.title = "OWNER", .number = true, .wide_only = true}};
  for (const v1::Cluster& cluster : clusters) {
    std::vector<std::string> pools;
    for (const v1::Pool& pool : cluster.pools()) {
      pools.push_back(
          absl::StrCat(pool.node_count(), "x", pool.gpus_per_node(), "x", pool.gpu_type()));
    }
    table.rows.push_back(
        {BareName(cluster.name()), FormatInteger(GpuCount(cluster)), absl::StrJoin(pools, ","),
         absl::StrCat(cluster.version()),
         google::protobuf::util::TimeUtil::ToString(cluster.update_time()).substr(0, 19) + "Z",
         absl::StrCat(cluster.owner_uid())});
  }
  return table;
}

std::string RenderCluster(const v1::Cluster& cluster, const Terminal& terminal) {
  Report report(terminal);
  report.Sentence(
      absl::StrCat(BareName(cluster.name()), ": ", Counted(GpuCount(cluster), "GPU"), " in ",
                   Counted(cluster.pools_size(), "pool"), ", version ", cluster.version(), "."),
      Style::kBold);
  for (const v1::Pool& pool : cluster.pools()) {
    report.Row(
        pool.partition().empty() ? "Pool" : pool.partition(),
        JoinParts(
            {absl::StrCat(Counted(pool.node_count(), "node"), " of ", pool.gpus_per_node(), " x ",
                          pool.gpu_type()),
             pool.has_inter_node_gbps_per_gpu() ? absl::StrFormat("%.4g Gb/s per GPU between nodes",
                                                                  pool.inter_node_gbps_per_gpu())
                                                : "",
             pool.has_price_usd_per_gpu_hour() ? FormatPerGpuHour(pool.price_usd_per_gpu_hour())
                                               : "",
             pool.has_max_wall_seconds()
                 ? absl::StrCat("jobs up to ", FormatDuration(pool.max_wall_seconds()))
                 : ""},
            ", "));
  }
  return report.text();
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
// A GPU type as data sheets state it, and a pool of such GPUs as a cluster offers it.
#ifndef RHUMB_PLANNER_COST_HARDWARE_H_
#define RHUMB_PLANNER_COST_HARDWARE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rhumb {

enum class Precision { kFp16, kBf16, kFp8, kMxfp8, kNvfp4 };

// Dense peaks (no structured sparsity), one direction per link. Absent = unknown.
struct Gpu {
  std::string id;  // "H100-SXM5-80GB"
  std::vector<std::string> aliases;
  std::string
      family;  // constant set of the time model: "volta", "ampere", "hopper", "blackwell", ...
  int64_t memory_bytes = 0;  // usable by a process
  double memory_bytes_per_second = 0;
  std::optional<double> peak_fp16_flops_per_second;
  std::optional<double> peak_bf16_flops_per_second;
  std::optional<double> peak_fp8_flops_per_second;
  std::optional<double> peak_fp4_flops_per_second;
  std::string scale_up_link;  // "NVLink4"
  double scale_up_bytes_per_second = 0;
  int64_t gpus_per_scale_up_domain = 1;
  double network_bytes_per_second = 0;  // typical NIC share of one GPU
  double board_watts = 0;
  std::optional<double> price_usd_per_gpu_hour;
  std::string price_source;  // with its date
  std::string source;

  bool operator==(const Gpu&) const = default;
};

// Dense peak of `precision` on `gpu`, absent if the part lacks the format or the figure is unknown.
std::optional<double> PeakFlopsPerSecond(const Gpu& gpu, Precision precision);

// GPUs a node holds where only its type is known: 4 in rack-scale NVLink domains (an NVL72 tray),
// else 8. It does not depend on how many there are, or one GPU more could plan worse.
int64_t DefaultGpusPerNode(const Gpu& gpu);

// GPUs that share a scale-up fabric. Racks join several nodes into one domain; otherwise a domain
// ends with its node.
int64_t DomainGpus(const Gpu& gpu, int64_t gpus_per_node);

// GPUs of one type that a plan may use together. Pools are never mixed.
struct GpuPool {
  Gpu gpu;
  int64_t gpu_count = 0;  // available
  int64_t gpus_per_node = 8;
  double inter_node_bytes_per_second_per_gpu = 0;
  std::optional<double> price_usd_per_gpu_hour;
  std::optional<double> max_wall_seconds;  // partition limit of one job
  std::string cluster;
  std::string partition;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_HARDWARE_H_

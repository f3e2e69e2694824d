// SPDX-License-Identifier: Apache-2.0
#include "daemon/store_gauges.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "rhumb/v1/inventory.pb.h"

namespace rhumb::daemon {
namespace {

// A site with more clusters than that counts those it told of last.
constexpr int kMaxClusterCount = 1000;

void AddSize(const std::string& path, std::vector<GaugeSample>& samples) {
  double size = 0;
  bool any = false;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const uintmax_t bytes = std::filesystem::file_size(path + suffix, error);
    if (error) continue;
    any = true;
    size += static_cast<double>(bytes);
  }
  if (!any) return;
  samples.push_back({.name = "rhumb_db_size_bytes",
                     .help = "Of the database, its write-ahead log included.",
                     .labels = {},
                     .value = size});
}

void AddRuns(Store& store, std::vector<GaugeSample>& samples) {
  const auto counts = store.runs().CountByState();
  if (!counts.ok()) return;
  for (const auto& [state, count] : *counts) {
    samples.push_back({.name = "rhumb_runs",
                       .help = "Runs that are stored, by state.",
                       .labels = {{"state", absl::AsciiStrToLower(NameOf(state))}},
                       .value = static_cast<double>(count)});
  }
}

const char* StateOf(v1::NodeState state) {
  switch (state) {
    case v1::NODE_STATE_DRAINED:
      return "drained";
    case v1::NODE_STATE_DOWN:
      return "down";
    case v1::NODE_STATE_RESERVED:
      return "reserved";
    default:
      return "allocated";  // of what is not free
  }
}

void AddGpus(Store& store, std::vector<GaugeSample>& samples) {
  const auto inventories = store.inventories().List(std::nullopt, kMaxClusterCount);
  if (!inventories.ok()) return;
  std::map<std::pair<std::string, std::string>, int64_t> counts;
  for (const StoredResource& stored : *inventories) {
    v1::NodeInventory inventory;
    if (!inventory.ParseFromString(stored.content)) continue;
    for (const v1::Node& node : inventory.nodes()) {
      if (node.gpu_type().empty()) continue;
      const bool takes_jobs =
          node.state() == v1::NODE_STATE_IDLE || node.state() == v1::NODE_STATE_MIXED;
      const int64_t free = takes_jobs ? node.free_gpu_count() : 0;
      if (free > 0) counts[{node.gpu_type(), "free"}] += free;
      if (node.gpu_count() > free)
        counts[{node.gpu_type(), StateOf(node.state())}] += node.gpu_count() - free;
    }
  }
  for (const auto& [key, count] : counts) {
    samples.push_back({.name = "rhumb_inventory_gpus",
                       .help = "GPUs of all clusters as agents last saw them, by type and state.",
                       .labels = {{"type", key.first}, {"state", key.second}},
                       .value = static_cast<double>(count)});
  }
}

}  // namespace

std::vector<GaugeSample> ReadStoreGauges(Store& store, const std::string& database_path) {
  std::vector<GaugeSample> samples;
  if (!database_path.empty()) AddSize(database_path, samples);
  AddRuns(store, samples);
  AddGpus(store, samples);
  return samples;
}

}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/cost_cache.h"

#include <utility>

#include "planner/plan/batch_limits.h"

namespace rhumb {

SizeInPool::SizeInPool(const Size& size, const LayoutSpace& layouts, CostModel cost_model,
                       std::optional<double> gpu_seconds_per_token)
    : space(layouts),
      model(std::move(cost_model)),
      slices(space, model, static_cast<double>(size.shape.sequence_length), gpu_seconds_per_token),
      least_gpu_seconds_per_token(gpu_seconds_per_token.has_value()
                                      ? *gpu_seconds_per_token
                                      : model.LeastGpuSecondsPerToken(space.precision()) *
                                            kBoundSlack) {}

CostCache::CostCache(const PlanQuestion& question)
    : precision_(question.precision),
      layout_(question.layout),
      framework_(question.framework),
      calibration_(question.calibration),
      mfu_(question.mfu),
      pools_(question.pools) {}

bool CostCache::Serves(const PlanQuestion& question) const {
  if (mfu_.has_value() || question.mfu.has_value()) return false;
  if (question.precision != precision_ || question.layout != layout_ ||
      question.framework != framework_ || question.calibration != calibration_ ||
      question.pools.size() != pools_.size()) {
    return false;
  }
  for (size_t i = 0; i < pools_.size(); ++i) {
    const GpuPool& pool = question.pools[i];
    // How much memory there is decides what fits, not what anything costs.
    Gpu gpu = pool.gpu;
    gpu.memory_bytes = pools_[i].gpu.memory_bytes;
    if (gpu != pools_[i].gpu || pool.gpus_per_node != pools_[i].gpus_per_node ||
        pool.inter_node_bytes_per_second_per_gpu != pools_[i].inter_node_bytes_per_second_per_gpu) {
      return false;
    }
  }
  return true;
}

CostCache::Entry& CostCache::EntryOf(const Size& size) {
  std::vector<std::unique_ptr<Entry>>& same_name = entries_[size.shape.name];
  for (const std::unique_ptr<Entry>& entry : same_name) {
    if (entry->shape == size.shape) return *entry;
  }
  return *same_name.emplace_back(std::make_unique<Entry>(
      Entry{size.shape, LayoutSpace(size.shape, precision_, layout_, framework_.layouts), {}}));
}

SizeInPool& CostCache::Of(const Size& size, int pool_index) {
  Entry& entry = EntryOf(size);
  if (entry.pools.empty()) entry.pools.resize(pools_.size());
  std::unique_ptr<SizeInPool>& in_pool = entry.pools[static_cast<size_t>(pool_index)];
  if (in_pool == nullptr) {
    const GpuPool& pool = pools_[static_cast<size_t>(pool_index)];
    std::optional<double> given;
    if (mfu_.has_value()) {
      given = size.flops_per_token / (PeakFlopsPerSecond(pool.gpu, precision_).value_or(1) * *mfu_);
    }
    in_pool = std::make_unique<SizeInPool>(
        size, entry.space,
        CostModel(size.shape, pool.gpu,
                  Fabric{pool.gpus_per_node, pool.inter_node_bytes_per_second_per_gpu}, framework_,
                  TimeConstantsWith(calibration_.get(), pool.gpu.family)),
        given);
  }
  return *in_pool;
}

}  // namespace rhumb

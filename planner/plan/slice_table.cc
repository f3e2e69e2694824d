// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/slice_table.h"

#include <algorithm>

#include "planner/plan/batch_limits.h"

namespace rhumb {
namespace {

// More than any cluster has.
constexpr int64_t kManyRanks = int64_t{1} << 30;
constexpr int64_t kManySequences = int64_t{1} << 20;

}  // namespace

SliceTable::SliceTable(const LayoutSpace& space, const CostModel& model, double sequence_length,
                       std::optional<double> gpu_seconds_per_token)
    : space_(space),
      model_(model),
      sequence_length_(sequence_length),
      gpu_seconds_per_token_(gpu_seconds_per_token),
      slices_(space.slice_count()) {}

const SliceTable::Slice& SliceTable::Of(size_t index) {
  Slice& slice = slices_[index];
  if (!slice.cells.empty()) return slice;
  const Degrees degrees = space_.SliceDegrees(index);
  slice.least_gpu_seconds_per_token = kUnlimited;
  for (const int64_t micro_batch : space_.MicroBatchSizes()) {
    Cell& least = slice.least.emplace_back();
    least = {{kUnlimited, kUnlimited, kUnlimited}, kUnlimited};
    for (const Recompute recompute : space_.RecomputeModes()) {
      const Layout layout = space_.MakeLayout(degrees, 0, micro_batch, recompute, 1);
      Cell& cell = slice.cells.emplace_back();
      if (gpu_seconds_per_token_.has_value()) {
        cell.gpu_seconds_per_token = *gpu_seconds_per_token_;
      } else {
        cell.units = model_.Units(layout);
        const double gpus = static_cast<double>(degrees.tensor * degrees.context);
        const double tokens = static_cast<double>(micro_batch) * sequence_length_;
        cell.gpu_seconds_per_token =
            model_.MicroBatchWorkSeconds(cell.units) * gpus / tokens * kBoundSlack;
      }
      slice.shares_units = model_.SharesUnits(layout);
      least.units.dense_layer = std::min(least.units.dense_layer, cell.units.dense_layer);
      least.units.moe_layer = std::min(least.units.moe_layer, cell.units.moe_layer);
      least.units.head = std::min(least.units.head, cell.units.head);
      least.gpu_seconds_per_token =
          std::min(least.gpu_seconds_per_token, cell.gpu_seconds_per_token);
    }
    slice.least_gpu_seconds_per_token =
        std::min(slice.least_gpu_seconds_per_token, least.gpu_seconds_per_token);
  }
  return slice;
}

double SliceTable::LeastBytes(const Degrees& degrees) {
  const auto [found, is_new] =
      least_bytes_.try_emplace({degrees.slice, degrees.pipeline}, kUnlimited);
  double& least = found->second;
  if (!is_new || space_.MicroBatchSizes().empty()) return least;
  // Shards shrink with every rank, and a higher ZeRO stage or a smaller micro-batch never takes
  // more.
  const Degrees sharded = Sharded(degrees);
  const std::vector<int64_t>& zero_stages = space_.ZeroStages(sharded);
  if (zero_stages.empty()) return least;
  for (const Recompute recompute : space_.RecomputeModes()) {
    for (const int64_t v : space_.VirtualStages(degrees.pipeline)) {
      const Layout layout = space_.MakeLayout(sharded, zero_stages.back(),
                                              space_.MicroBatchSizes().front(), recompute, v);
      least = std::min(least, model_.Memory(layout, 1, /*with_stages=*/false).p95_bytes);
    }
  }
  return least;
}

double SliceTable::LeastStatesBytes(const Degrees& degrees) const {
  const Degrees sharded = Sharded(degrees);
  const std::vector<int64_t>& zero_stages = space_.ZeroStages(sharded);
  if (zero_stages.empty() || space_.MicroBatchSizes().empty()) return kUnlimited;
  // So many activations that every copy which an optimizer makes in its step lies where they lay.
  const Layout layout = space_.MakeLayout(sharded, zero_stages.back(), kManySequences,
                                          Recompute::kFull, /*virtual_stages=*/1);
  return model_.MostStatesBytes(layout);
}

Degrees SliceTable::Sharded(Degrees degrees) {
  degrees.data = kManyRanks;
  return degrees;
}

const StageShares& SliceTable::StagesOf(int64_t pipeline_parallel_size) {
  const auto p = static_cast<size_t>(pipeline_parallel_size);
  if (stages_.size() <= p) stages_.resize(p + 1);
  if (stages_[p].count == 0) stages_[p] = model_.Stages(pipeline_parallel_size);
  return stages_[p];
}

}  // namespace rhumb

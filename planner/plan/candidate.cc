// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/candidate.h"

#include <algorithm>
#include <limits>

#include "absl/base/casts.h"
#include "planner/units.h"

namespace rhumb {
namespace {

auto LayoutOrder(const Layout& l) {
  return std::make_tuple(l.tensor_parallel_size, l.pipeline_parallel_size, l.context_parallel_size,
                         l.expert_parallel_size, l.zero_stage, l.micro_batch_size,
                         static_cast<int>(l.recompute), l.virtual_pipeline_stages);
}

// Interleaved schedules need whole rounds over the stages.
int64_t MicroBatchMultiple(const Layout& layout) {
  return layout.virtual_pipeline_stages > 1 ? layout.pipeline_parallel_size : 1;
}

// Largest number of micro-batches that fits, in multiples of `multiple`; 0 if none does.
int64_t MaxMicroBatches(const CostModel& cost, const Layout& layout, double capacity_bytes,
                        int64_t multiple) {
  const auto fits = [&](int64_t micro_batches) {
    return cost.Memory(layout, micro_batches, /*with_stages=*/false).p95_bytes <= capacity_bytes;
  };
  // From here on more micro-batches hold no more activations.
  const int64_t saturated = layout.pipeline_parallel_size * layout.virtual_pipeline_stages;
  const int64_t last = (saturated + multiple - 1) / multiple;
  if (fits(last * multiple)) return std::numeric_limits<int64_t>::max() / multiple * multiple;
  int64_t low = 0, high = last;  // low fits, high does not
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (fits(middle * multiple) ? low : high) = middle;
  }
  return low * multiple;
}

}  // namespace

double Quantize(double value) {
  constexpr int kDroppedBits = 20;  // of the 52 explicit ones
  constexpr uint64_t kHalf = uint64_t{1} << (kDroppedBits - 1);
  const uint64_t bits = absl::bit_cast<uint64_t>(value);
  return absl::bit_cast<double>((bits + kHalf) & ~((uint64_t{1} << kDroppedBits) - 1));
}

bool Better(const Candidate& a, const Candidate& b) {
  const auto rank_a = a.rank.AsTuple();
  const auto rank_b = b.rank.AsTuple();
  if (rank_a != rank_b) return rank_a < rank_b;
  return LayoutOrder(a.layout) < LayoutOrder(b.layout);
}

Rank RankOfSpending(const Problem& problem, const Size& size, double loss_nats,
                    const Spending& spending) {
  const double flops = size.flops_per_token * spending.token_count;
  Rank rank;
  switch (problem.metric()) {
    case Metric::kLoss:
      rank.metric = loss_nats;
      break;
    case Metric::kUsd:
      rank.metric = spending.usd;
      break;
    case Metric::kGpuHours:
      rank.metric = spending.gpu_hours;
      break;
    case Metric::kFlops:
      rank.metric = flops;
      break;
    case Metric::kWall:
      rank.metric = spending.wall_seconds;
      break;
    case Metric::kLifetimeUsd:
      rank.metric = spending.usd + spending.inference_usd;
      break;
    case Metric::kLifetimeFlops:
      rank.metric = flops + size.inference_flops;
      break;
    case Metric::kParams:
      rank.metric = size.total_params;
      break;
  }
  rank.cost = !problem.has_hardware() ? flops
              : problem.priced()      ? spending.usd
                                      : spending.gpu_hours;
  rank.wall = spending.wall_seconds;
  rank.params = size.total_params;
  return rank;
}

Rank RankOf(const Problem& problem, const Size& size, const SizeAtPlace& at, const Place& place,
            double loss_nats, double token_count, double wall_seconds) {
  Spending spending;
  spending.token_count = token_count;
  spending.wall_seconds = wall_seconds;
  spending.gpu_hours = wall_seconds * static_cast<double>(place.gpu_count) / kSecondsPerHour;
  spending.usd = wall_seconds * at.usd_per_wall_second;
  spending.inference_usd = at.inference_usd;
  Rank rank = RankOfSpending(problem, size, loss_nats, spending);
  rank.gpu_count = place.gpu_count;
  rank.pool_index = place.pool_index;
  return rank;
}

double LeastBytesOf(const CostModel& cost, const Layout& layout) {
  return cost.Memory(layout, MicroBatchMultiple(layout), /*with_stages=*/false).p95_bytes;
}

StepCost StepCostOf(const Problem& problem, const Size& size, const CostModel& cost,
                    const Place& place, const Layout& layout) {
  const PlanQuestion& q = problem.question();
  if (!q.mfu.has_value()) return cost.Step(layout);
  const GpuPool& pool = q.pools[static_cast<size_t>(place.pool_index)];
  const double tokens = static_cast<double>(layout.micro_batch_size * layout.data_parallel_size *
                                            size.shape.sequence_length);
  const double flops_per_second = static_cast<double>(place.gpu_count) *
                                  PeakFlopsPerSecond(pool.gpu, q.precision).value_or(0) * *q.mfu;
  return {0, tokens * size.flops_per_token / flops_per_second};
}

std::optional<BatchSpace> MakeBatchSpace(const Problem& problem, const Size& size,
                                         const SizeAtPlace& at, const CostModel& cost,
                                         const Place& place, const Layout& layout) {
  const PlanQuestion& q = problem.question();
  BatchSpace space;
  space.sequences_per_micro_batch = layout.micro_batch_size * layout.data_parallel_size;
  space.sequence_length = size.shape.sequence_length;
  space.micro_batch_multiple = MicroBatchMultiple(layout);
  if (q.global_batch_tokens.has_value()) {
    const int64_t unit = space.sequences_per_micro_batch * space.sequence_length;
    if (*q.global_batch_tokens % unit != 0) return std::nullopt;
    space.fixed_micro_batches = *q.global_batch_tokens / unit;
  }
  if (q.layout.gradient_accumulation_steps.has_value()) {
    const int64_t steps = *q.layout.gradient_accumulation_steps;
    if (space.fixed_micro_batches.value_or(steps) != steps) return std::nullopt;
    space.fixed_micro_batches = steps;
  }
  space.max_micro_batches =
      MaxMicroBatches(cost, layout, at.capacity_bytes, space.micro_batch_multiple);
  if (space.max_micro_batches < 1) return std::nullopt;
  space.step = StepCostOf(problem, size, cost, place, layout);
  return space;
}

std::optional<Candidate> EvaluateCandidate(const Problem& problem, int size_index,
                                           const SizeAtPlace& at, const CostModel& cost,
                                           const Place& place, const Layout& layout) {
  const Size& size = problem.sizes()[static_cast<size_t>(size_index)];
  const std::optional<BatchSpace> space = MakeBatchSpace(problem, size, at, cost, place, layout);
  if (!space.has_value()) return std::nullopt;
  const std::optional<BatchChoice> batch = ChooseBatch(problem, size, at, *space);
  if (!batch.has_value()) return std::nullopt;
  Candidate candidate;
  candidate.size_index = size_index;
  candidate.place = place;
  candidate.layout = layout;
  candidate.batch = *batch;
  candidate.rank = RankOf(problem, size, at, place, batch->loss.loss_nats, batch->token_count,
                          batch->wall_seconds);
  return candidate;
}

}  // namespace rhumb

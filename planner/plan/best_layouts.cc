// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/best_layouts.h"

#include <cmath>
#include <optional>

#include "planner/plan/assemble.h"
#include "planner/plan/place_search.h"

namespace rhumb {
namespace {

LayoutChoice Describe(const Problem& problem, const CostModel& cost, const Candidate& candidate) {
  const PlanQuestion& q = problem.question();
  const Size& size = problem.sizes()[static_cast<size_t>(candidate.size_index)];
  const Gpu& gpu = q.pools[static_cast<size_t>(candidate.place.pool_index)].gpu;
  const BatchChoice& batch = candidate.batch;
  LayoutChoice choice;
  choice.layout = candidate.layout;
  choice.gradient_accumulation_steps = batch.micro_batches;
  choice.global_batch_tokens = batch.micro_batches * candidate.layout.micro_batch_size *
                               candidate.layout.data_parallel_size * size.shape.sequence_length;
  const int64_t rest = batch.step_count * choice.global_batch_tokens;
  choice.token_count = std::llround(q.done_token_count) + rest;
  choice.loss_nats =
      problem.loss()
          .At(size.law, static_cast<double>(rest), static_cast<double>(choice.global_batch_tokens))
          .loss_nats;
  const TimePlan time =
      MakeTimePlan(cost, candidate.layout, batch.micro_batches,
                   cost.Step(candidate.layout).StepSeconds(batch.micro_batches),
                   cost.ModelFlopsPerToken(), static_cast<double>(choice.global_batch_tokens),
                   static_cast<double>(candidate.place.gpu_count),
                   PeakFlopsPerSecond(gpu, q.precision).value_or(0), batch.step_count,
                   problem.At(size, candidate.place).overheads);
  choice.step_seconds = time.step_seconds;
  choice.tokens_per_second = time.tokens_per_second;
  choice.mfu = time.mfu;
  choice.wall_seconds = time.wall_seconds;
  choice.step_breakdown = *time.step_breakdown;
  const MemoryEstimate memory =
      cost.Memory(candidate.layout, batch.micro_batches, /*with_stages=*/false);
  choice.peak_bytes = memory.peak_bytes;
  choice.p95_bytes = memory.p95_bytes;
  return choice;
}

}  // namespace

std::vector<LayoutChoice> FindBestLayouts(const Solution& solution) {
  const Problem& problem = *solution.problem;
  if (!problem.has_hardware() || problem.question().mfu.has_value()) return {};
  const Candidate& best = *solution.result.best;
  const Size& size = problem.sizes()[static_cast<size_t>(best.size_index)];
  SizeInPool& shared = solution.costs->Of(size, best.place.pool_index);
  const std::optional<BestCase> best_case =
      SearchBounds(problem, size, best.place.pool_index, shared)
          .OfPlace(problem.At(size, best.place), best.place);
  if (!best_case.has_value()) return {};
  SearchProgress progress(kBestLayouts);
  PlaceSearch(problem, best.size_index, shared, best.place, *best_case, progress).Run([] {
    return false;
  });
  std::vector<LayoutChoice> choices;
  for (const Candidate& candidate : progress.best()) {
    choices.push_back(Describe(problem, shared.model, candidate));
  }
  return choices;
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
// A candidate (architecture, place, layout) with its best batch and tokens, and the order
// candidates compete in.
#ifndef RHUMB_PLANNER_PLAN_CANDIDATE_H_
#define RHUMB_PLANNER_PLAN_CANDIDATE_H_

#include <cstdint>
#include <optional>
#include <tuple>

#include "planner/cost/cost_model.h"
#include "planner/plan/batch_choice.h"
#include "planner/plan/problem.h"

namespace rhumb {

// Rounds to 33 significant bits: figures that differ by less than 1e-10 are the same figure
// computed in another order, and must tie. `value` is finite or infinite.
double Quantize(double value);

// What is compared, in order: metric, cost, wall time, GPUs, size. Lower wins.
struct Rank {
  double metric = kUnlimited;
  double cost = kUnlimited;
  double wall = kUnlimited;
  int64_t gpu_count = 0;
  double params = 0;
  int pool_index = 0;

  auto AsTuple() const {
    return std::make_tuple(Quantize(metric), Quantize(cost), Quantize(wall), gpu_count, params,
                           pool_index);
  }
};

struct Candidate {
  int size_index = -1;
  Place place;  // gpu_count 0 without hardware
  Layout layout;
  BatchChoice batch;
  Rank rank;
};

// Full order: rank, then the layout by (t, p, c, e, ZeRO, micro-batch, recompute, v).
bool Better(const Candidate& a, const Candidate& b);

// Rank of a size that takes `wall_seconds` at a place to process `token_count` tokens at loss
// `loss_nats`. Monotone in each of the three, so it also ranks lower bounds.
Rank RankOf(const Problem& problem, const Size& size, const SizeAtPlace& at, const Place& place,
            double loss_nats, double token_count, double wall_seconds);

// What something spends, or at least spends, whatever the unit of the objective.
struct Spending {
  double token_count = 0;
  double wall_seconds = 0;
  double gpu_hours = 0;
  double usd = 0;            // 0 without a price
  double inference_usd = 0;  // likewise
};
// Rank of a size by its loss and what it spends, without the GPUs and the pool.
Rank RankOfSpending(const Problem& problem, const Size& size, double loss_nats,
                    const Spending& spending);

// Upper estimate of the memory of `layout` with the fewest micro-batches it can run. Monotone: a
// larger micro-batch takes no less.
double LeastBytesOf(const CostModel& cost, const Layout& layout);

// The batch space of `layout`: memory limit on micro-batches, fixed batch or accumulation,
// interleaving. nullopt if the layout does not fit even with the fewest micro-batches, or a fixed
// batch does not divide.
std::optional<BatchSpace> MakeBatchSpace(const Problem& problem, const Size& size,
                                         const SizeAtPlace& at, const CostModel& cost,
                                         const Place& place, const Layout& layout);

// Evaluates one layout completely; nullopt if it is infeasible.
std::optional<Candidate> EvaluateCandidate(const Problem& problem, int size_index,
                                           const SizeAtPlace& at, const CostModel& cost,
                                           const Place& place, const Layout& layout);

// Step cost of `layout`: the time model's, or the effective MFU of the question spread over it.
StepCost StepCostOf(const Problem& problem, const Size& size, const CostModel& cost,
                    const Place& place, const Layout& layout);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_CANDIDATE_H_

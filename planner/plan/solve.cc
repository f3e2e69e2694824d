// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/solve.h"

#include <utility>

namespace rhumb {
namespace {

Solution SolveMetric(PlanQuestion question, Metric metric, const SearchOptions& options) {
  Solution solution;
  solution.question = std::make_unique<const PlanQuestion>(std::move(question));
  solution.problem = std::make_unique<const Problem>(*solution.question, metric);
  solution.result = Search(*solution.problem, options);
  return solution;
}

}  // namespace

Solution Solve(PlanQuestion question, Objective objective, const PlanOptions& options) {
  const Metric metric = MetricOf(objective, question);
  SearchOptions search;
  search.plan_options = &options;
  search.count = true;
  const auto costs = std::make_shared<CostCache>(question);
  search.costs = costs.get();
  Solution solution = SolveMetric(std::move(question), metric, search);
  solution.costs = costs;
  return solution;
}

Solution SolveVariant(PlanQuestion question, Objective objective, const PlanOptions& options,
                      const VariantKnowledge& known) {
  const Metric metric = MetricOf(objective, question);
  SearchOptions search;
  search.plan_options = &options;
  search.costs = known.costs;
  search.hint = known.hint;
  search.searched = known.searched;
  search.only = known.only;
  return SolveMetric(std::move(question), metric, search);
}

Solution SolveForMetric(PlanQuestion question, Metric metric, const PlanOptions& options,
                        CostCache* costs) {
  SearchOptions search;
  search.costs = costs;
  search.plan_options = &options;
  return SolveMetric(std::move(question), metric, search);
}

bool IsFeasible(const PlanQuestion& question, const PlanOptions& options, int64_t min_gpu_count,
                CostCache* costs) {
  SearchOptions search;
  search.costs = costs;
  search.plan_options = &options;
  search.any = true;
  search.min_gpu_count = min_gpu_count;
  // With a target the fewest tokens are the likeliest to fit; without one, as many as allowed keep
  // B_crit high.
  const bool spend_all =
      !question.target_loss_nats.has_value() && !question.tokens_per_param.has_value();
  const Metric few = question.pools.empty() ? Metric::kFlops : Metric::kWall;
  return SolveMetric(question, spend_all ? Metric::kLoss : few, search).feasible();
}

}  // namespace rhumb

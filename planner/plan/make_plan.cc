// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/make_plan.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/plan/assemble.h"
#include "planner/plan/best_layouts.h"
#include "planner/plan/infeasibility.h"
#include "planner/plan/law_side.h"
#include "planner/plan/remarks.h"
#include "planner/plan/sensitivity.h"
#include "planner/plan/solve.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// Losses worse than the best by these shares, at each of which the cheapest and the fastest plan is
// an alternative.
constexpr std::array kConcessions = {0.0, 0.001, 0.003, 0.01, 0.03};

Alternative MakeAlternative(const Plan& plan, std::string text) {
  Alternative alternative;
  alternative.text = std::move(text);
  alternative.param_count = static_cast<int64_t>(plan.param_count);
  alternative.token_count = plan.token_count;
  alternative.loss_nats = plan.loss.mean_nats;
  if (plan.allocation.has_value()) {
    alternative.gpu_type = plan.allocation->gpu_type;
    alternative.gpu_count = plan.allocation->gpu_count;
  }
  if (plan.time.has_value()) alternative.wall_seconds = plan.time->wall_seconds;
  if (plan.cost.has_value()) {
    alternative.gpu_hours = plan.cost->gpu_hours;
    alternative.total_usd = plan.cost->total_usd;
  }
  return alternative;
}

// Points of the Pareto set of loss against cost and time, each an exact search of its own.
std::vector<Alternative> FindAlternatives(const PlanQuestion& question, const Plan& plan,
                                          const PlanOptions& options, CostCache* costs) {
  std::vector<Alternative> alternatives;
  for (const double concession : kConcessions) {
    PlanQuestion variant = question;
    variant.target_loss_nats = plan.loss.mean_nats * (1 + concession);
    for (const Objective objective : {Objective::kCost, Objective::kTime}) {
      if (objective == Objective::kTime && question.pools.empty()) continue;
      variant.objective = objective;
      const Solution solution = SolveVariant(variant, objective, options, {.costs = costs});
      if (!solution.feasible()) continue;
      const char* what = objective == Objective::kCost ? "cheapest" : "fastest";
      alternatives.push_back(
          MakeAlternative(AssembleChoice(solution),
                          absl::StrCat(what, " within ", absl::StrFormat("%.1f", 100 * concession),
                                       "% of this plan's loss")));
    }
  }
  return alternatives;
}

absl::Status FirstViolation(const PlanQuestion& question) {
  const std::vector<FieldViolation> violations = ValidateQuestion(question);
  if (violations.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(violations[0].field, ": ", violations[0].description));
}

}  // namespace

absl::StatusOr<Plan> MakePlan(const PlanQuestion& question, const PlanOptions& options) {
  RHUMB_RETURN_IF_ERROR(FirstViolation(question));
  const Objective objective = *ResolveObjective(question);
  const Solution solution = Solve(question, objective, options);
  Plan plan;
  if (solution.feasible()) {
    plan = AssembleChoice(solution);
  } else if (solution.result.summary.complete) {
    Infeasibility infeasibility =
        ExplainInfeasibility(question, objective, options, solution.costs.get());
    plan.conflict = std::move(infeasibility.conflict);
    plan.relaxations = std::move(infeasibility.relaxations);
  }
  plan.objective = objective;
  plan.search = solution.result.summary;
  plan.law_optimum = SummariseLawOptimum(question, objective, plan);
  if (plan.feasible && plan.search.complete) {
    plan.binding = FindBinding(solution, objective, options);
    plan.best_layouts = FindBestLayouts(solution);
    if (question.include_alternatives) {
      plan.alternatives = FindAlternatives(question, plan, options, solution.costs.get());
    }
  }
  // What was cut short anywhere is not the answer to the question; that nothing is feasible, and
  // together with what, stays true.
  if (options.should_stop != nullptr && options.should_stop()) {
    plan.search.complete = false;
    plan.binding.clear();
    plan.best_layouts.clear();
    plan.alternatives.clear();
  }
  plan.assumptions = CollectAssumptions(question, plan);
  plan.warnings = CollectWarnings(question, objective, plan);
  return plan;
}

}  // namespace rhumb

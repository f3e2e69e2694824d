// SPDX-License-Identifier: Apache-2.0
#include "client/cli/plan_by_start.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/config/human_numbers.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

// A shorter deadline may want more GPUs, which start later still; each round begins with the
// longest wait seen, so that the deadlines of the rounds only shrink.
constexpr int kMaxRounds = 5;
// Slurm's forecasts are whole seconds of a schedule that it makes every half minute.
constexpr double kSameStartSeconds = 60;
constexpr double kDeadlineStepSeconds = 60;

// What the plan's objective makes least of.
double Badness(const StartOption& option) {
  const v1::Plan& plan = option.plan;
  switch (plan.objective()) {
    case v1::OBJECTIVE_COST:
      return plan.cost().has_total_usd() ? plan.cost().total_usd() : plan.cost().gpu_hours();
    case v1::OBJECTIVE_LIFETIME_COST:
      return plan.cost().has_lifetime_usd() ? plan.cost().lifetime_usd() : plan.training_flops();
    case v1::OBJECTIVE_SIZE:
      return static_cast<double>(plan.model().param_count());
    case v1::OBJECTIVE_TIME:
      return option.FinishSeconds();
    default:
      return plan.loss().mean_nats();
  }
}

bool IsBetter(const StartOption& a, const StartOption& b) {
  if (Badness(a) != Badness(b)) return Badness(a) < Badness(b);
  return a.FinishSeconds() < b.FinishSeconds();
}

// Whether the error is about what is free rather than about the question.
bool IsAboutFreedom(const absl::Status& status) { return absl::IsFailedPrecondition(status); }

// `question` on free GPUs alone or on all, its deadline shortened by its own wait; nullopt with the
// reason in `result` if there is no such plan.
absl::StatusOr<std::optional<StartOption>> FindOption(const v1::CreatePlanRequest& question,
                                                      bool free_only, double now_unix_seconds,
                                                      const AskPlan& ask,
                                                      const ForecastPlan& forecast,
                                                      PlansByStart& result) {
  const char* where = free_only ? "on what is free now" : "on the whole cluster";
  const auto none = [&](absl::string_view why) {
    result.remarks.push_back(absl::StrCat("no plan ", where, ": ", why));
    return std::optional<StartOption>();
  };
  StartOption option;
  option.question = question;
  option.question.set_free_only(free_only);
  double longest_wait = 0;
  for (int round = 0; round < kMaxRounds; ++round) {
    absl::StatusOr<v1::Plan> plan = ask(option.question);
    if (free_only && !question.free_only() && IsAboutFreedom(plan.status())) {
      return none(plan.status().message());
    }
    RHUMB_RETURN_IF_ERROR(plan.status());
    if (plan->state() != v1::Plan::STATE_FEASIBLE) {
      if (round == 0) {
        if (!free_only) result.infeasible = *plan;
        if (free_only && question.free_only()) result.infeasible = *plan;
        return none("the question has no feasible answer there");
      }
      return none(absl::StrCat("it would start in ", FormatDuration(longest_wait),
                               ", and the time that is left then is too short"));
    }
    option.plan = *std::move(plan);
    const absl::StatusOr<StartForecast> start = forecast(option.plan);
    if (IsAboutFreedom(start.status())) return none(start.status().message());
    RHUMB_RETURN_IF_ERROR(start.status());
    option.start = *start;
    option.wait_seconds =
        std::max(0.0, static_cast<double>(start->start_unix_seconds) - now_unix_seconds);
    longest_wait = std::max(longest_wait, option.wait_seconds);
    if (!question.has_deadline_seconds()) return std::optional<StartOption>(std::move(option));
    const double left = question.deadline_seconds() - option.wait_seconds;
    if (option.plan.time().wall_seconds() <= left) {
      return std::optional<StartOption>(std::move(option));
    }
    // Whole minutes: what is asked a second later is the same question.
    const double shortened =
        std::floor((question.deadline_seconds() - longest_wait) / kDeadlineStepSeconds) *
        kDeadlineStepSeconds;
    if (shortened <= 0) {
      return none(
          absl::StrCat("it would start in ", FormatDuration(longest_wait), ", too late for the deadline"));
    }
    option.question.set_deadline_seconds(shortened);
  }
  return none(absl::StrCat("each shorter plan would start later; after ", kMaxRounds,
                           " rounds none ends in time"));
}

bool IsSame(const StartOption& a, const StartOption& b) {
  return a.plan.name() == b.plan.name() ||
         (a.plan.allocation().gpu_type() == b.plan.allocation().gpu_type() &&
          a.plan.allocation().gpu_count() == b.plan.allocation().gpu_count() &&
          a.plan.allocation().partition() == b.plan.allocation().partition() &&
          std::abs(a.wait_seconds - b.wait_seconds) <= kSameStartSeconds);
}

}  // namespace

absl::StatusOr<PlansByStart> PlanByStart(const v1::CreatePlanRequest& question,
                                         double now_unix_seconds, const AskPlan& ask,
                                         const ForecastPlan& forecast) {
  PlansByStart result;
  for (const bool free_only : {true, false}) {
    if (question.free_only() && !free_only) continue;
    RHUMB_ASSIGN_OR_RETURN(
        std::optional<StartOption> option,
        FindOption(question, free_only, now_unix_seconds, ask, forecast, result));
    if (!option.has_value()) continue;
    const bool known = !result.options.empty() && IsSame(result.options.front(), *option);
    if (!known) result.options.push_back(*std::move(option));
  }
  std::stable_sort(result.options.begin(), result.options.end(), IsBetter);
  if (!result.options.empty()) {
    result.infeasible.reset();
    return result;
  }
  if (result.infeasible.has_value()) return result;
  return absl::FailedPreconditionError(absl::StrJoin(result.remarks, "; "));
}

}  // namespace rhumb::cli

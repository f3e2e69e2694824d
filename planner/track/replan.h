// SPDX-License-Identifier: Apache-2.0
// Plans the rest of a run that is under way: what is done stays done, the model stays what it is,
// the global batch stays near what it was, and GPUs, layout, accumulation, recompute and ZeRO are
// free. An ordinary question to the planner; nothing here searches.
#ifndef RHUMB_PLANNER_TRACK_REPLAN_H_
#define RHUMB_PLANNER_TRACK_REPLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/plan.h"
#include "planner/plan/question.h"
#include "planner/track/pace.h"

namespace rhumb {

inline constexpr double kDefaultBatchTolerance = 0.1;
// Where nobody speaks of other GPUs, a plan that is better by less is not worth a restart.
// Likewise a batch of another size, about which a plan then says so.
inline constexpr double kWorthwhileGain = 0.01;

// What a run is and has, by the plan in force and its samples.
struct RunUnderWay {
  ModelShape model;
  std::string gpu_type;
  int64_t gpu_count = 0;
  Layout layout;
  int64_t gradient_accumulation_steps = 1;
  int64_t global_batch_tokens = 0;
  int64_t token_count = 0;  // where the plan ends
  int64_t done_token_count = 0, done_step_count = 0;
  Objective objective = Objective::kLoss;  // of the first plan
  double planned_step_seconds = 0;
  // Measured since the plan is in force, newest last.
  std::vector<double> step_seconds;
  // What is left of the limits of the first plan; absent: there was none.
  std::optional<double> deadline_seconds, budget_usd, gpu_hours;
};

// What is asked for. Limits are for the rest.
struct ReplanAsk {
  std::optional<std::vector<GpuPool>> pools;  // absent: those of the plan in force
  std::optional<double> deadline_seconds, budget_usd;
  std::optional<int64_t> token_count;  // new end of the run
  double batch_tolerance_fraction = kDefaultBatchTolerance;
  // Fewer tokens where the limits (those asked, or what is left of the first plan's) do not let all
  // be trained on.
  bool shorten = false;
};

struct ReplanAdvice {
  std::string code, text, directive;
};

struct Replan {
  PlanQuestion question;  // that `plan` answers
  Plan plan;
  bool kept = false;       // it is the layout in force
  bool shortened = false;  // it ends before the tokens asked for
  // The rest on the GPUs and in the layout in force; absent where those GPUs are gone or a limit
  // forbids it.
  std::optional<double> going_on_wall_seconds;
  // The best plan in the run's own batch, where `plan` has another and that one is worse by no more
  // than kWorthwhileGain.
  std::optional<double> own_batch_wall_seconds;
  std::vector<std::string> changes;  // a sentence each; empty where nothing changes
  std::vector<ReplanAdvice> advice;
};

// Median of the newest samples over the planned time of a step, to four digits; nullopt with fewer
// than kFewestPaceSamples or without a planned time.
std::optional<double> MeasuredPace(double planned_step_seconds,
                                   const std::vector<double>& step_seconds);

// What is wrong with `ask` for such a run; fields are those of the request.
std::vector<FieldViolation> ValidateReplan(const PlanQuestion& question, const RunUnderWay& run,
                                           const ReplanAsk& ask);

// The question of the rest: `question` is the one that the plan in force answers. Cost stays cost,
// every other objective becomes time: how many tokens are left is settled. Its step_time_factor is
// that of `question` times MeasuredPace().
PlanQuestion RestOfRun(const PlanQuestion& question, const RunUnderWay& run, const ReplanAsk& ask);

// Plans RestOfRun(), which must be valid as `ask` must. Infeasible is an answer. The plan never
// finishes later (cost: never costs more) than going on as before within the same limits.
absl::StatusOr<Replan> ReplanRest(const PlanQuestion& question, const RunUnderWay& run,
                                  const ReplanAsk& ask, const PlanOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_REPLAN_H_

// SPDX-License-Identifier: Apache-2.0
#include "planner/track/replan_changes.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "planner/words.h"

namespace rhumb {
namespace {

// A pace nearer to 1 than this is what steps vary by.
constexpr double kNoticeablePace = 0.02;
// The best learning rate goes as the batch's square root or slower (Malladi et al. 2022,
// arXiv:2205.10287): within this it moves by less than the band of any published rule.
constexpr double kSameRateShare = 0.1;

const char* RecomputeWord(Recompute recompute) {
  switch (recompute) {
    case Recompute::kNone:
      return "none";
    case Recompute::kSelective:
      return "selective";
    case Recompute::kFull:
      return "full";
  }
  return "";
}

std::string Signed(double fraction) {
  const double percent = 100 * fraction;
  return absl::StrFormat(std::abs(percent) < 1 ? "%+.2f%%" : "%+.1f%%", percent);
}

double BatchShare(const RunUnderWay& run, const Plan& plan) {
  return std::abs(static_cast<double>(plan.batch.global_batch_tokens) /
                      static_cast<double>(run.global_batch_tokens) -
                  1);
}

std::string BatchWords(int64_t before, int64_t after) {
  return absl::StrCat(before, " to ", after, " tokens (",
                      Signed(static_cast<double>(after) / static_cast<double>(before) - 1), ")");
}

// The flag that gives a relaxation of the rest; empty for what the command has no flag for.
std::string FlagFor(const Relaxation& relaxation, const RunUnderWay& run) {
  const double batch = static_cast<double>(run.global_batch_tokens);
  if (relaxation.constraint == "deadline_seconds") {
    return absl::StrFormat("--deadline %.0fs", std::ceil(relaxation.to));
  }
  if (relaxation.constraint == "budget_usd") {
    return absl::StrFormat("--budget %.0f", std::ceil(relaxation.to));
  }
  if (relaxation.constraint == "token_count") {
    return absl::StrFormat("--tokens %.0f", relaxation.to);
  }
  if (relaxation.constraint == "min_global_batch_tokens" ||
      relaxation.constraint == "max_global_batch_tokens") {
    const double tolerance = std::abs(relaxation.to / batch - 1);
    if (tolerance > 1) return "";
    return absl::StrFormat("--batch-tolerance %.4g%%", std::ceil(1e4 * tolerance) / 100);
  }
  return "";
}

void AdviseOnInfeasible(const RunUnderWay& run, const Plan& plan, std::vector<ReplanAdvice>& out) {
  if (!plan.search.complete && plan.conflict.empty()) return;
  out.push_back({"NO_PLAN_FOR_THE_REST",
                 absl::StrCat("nothing meets ", absl::StrJoin(plan.conflict, ", "),
                              " together: the plan in force stays as it is"),
                 ""});
  for (const Relaxation& relaxation : plan.relaxations) {
    const std::string flag = FlagFor(relaxation, run);
    const bool batch = relaxation.constraint == "min_global_batch_tokens" ||
                       relaxation.constraint == "max_global_batch_tokens";
    std::string text = relaxation.text;
    if (batch) {
      absl::StrAppend(&text, ": the nearest batch on that side is ",
                      Signed(relaxation.to / static_cast<double>(run.global_batch_tokens) - 1),
                      " of the run's ", run.global_batch_tokens, " tokens");
    }
    out.push_back({"RELAX", text, flag});
  }
}

}  // namespace

std::vector<std::string> DescribeChanges(const RunUnderWay& run, const Plan& plan) {
  std::vector<std::string> changes;
  const auto count = [&](const char* what, int64_t before, int64_t after) {
    if (before != after) changes.push_back(absl::StrCat(what, " from ", before, " to ", after));
  };
  const Layout& now = run.layout;
  const Layout& then = *plan.layout;
  if (run.gpu_type != plan.allocation->gpu_type) {
    changes.push_back(
        absl::StrCat("gpu_type from ", run.gpu_type, " to ", plan.allocation->gpu_type));
  }
  count("gpu_count", run.gpu_count, plan.allocation->gpu_count);
  count("tensor_parallel_size", now.tensor_parallel_size, then.tensor_parallel_size);
  count("pipeline_parallel_size", now.pipeline_parallel_size, then.pipeline_parallel_size);
  count("context_parallel_size", now.context_parallel_size, then.context_parallel_size);
  count("expert_parallel_size", now.expert_parallel_size, then.expert_parallel_size);
  count("data_parallel_size", now.data_parallel_size, then.data_parallel_size);
  count("virtual_pipeline_stages", now.virtual_pipeline_stages, then.virtual_pipeline_stages);
  count("zero_stage", now.zero_stage, then.zero_stage);
  count("micro_batch_size", now.micro_batch_size, then.micro_batch_size);
  count("gradient_accumulation_steps", run.gradient_accumulation_steps,
        plan.gradient_accumulation_steps);
  if (now.recompute != then.recompute) {
    changes.push_back(absl::StrCat("recompute from ", RecomputeWord(now.recompute), " to ",
                                   RecomputeWord(then.recompute)));
  }
  if (run.global_batch_tokens != plan.batch.global_batch_tokens) {
    changes.push_back(absl::StrCat(
        "global batch from ", BatchWords(run.global_batch_tokens, plan.batch.global_batch_tokens)));
  }
  // Whole steps of another size may end a step earlier: that is no other end.
  const int64_t step = std::max(run.global_batch_tokens, plan.batch.global_batch_tokens);
  if (std::abs(run.token_count - plan.token_count) >= step) {
    count("token_count", run.token_count, plan.token_count);
  }
  return changes;
}

std::vector<ReplanAdvice> AdviseOnReplan(const PlanQuestion& rest, const RunUnderWay& run,
                                         const ReplanAsk& ask, const Replan& replan) {
  std::vector<ReplanAdvice> out;
  const Plan& plan = replan.plan;
  if (!plan.feasible) {
    AdviseOnInfeasible(run, plan, out);
    return out;
  }
  if (replan.changes.empty()) {
    out.push_back({"NOTHING_TO_CHANGE",
                   absl::StrFormat("the run goes on as it is: no other plan is better by more than "
                                   "%.0f%%, and the rest takes %s",
                                   ask.pools.has_value() ? 0 : 100 * kWorthwhileGain,
                                   DurationWords(plan.time->wall_seconds)),
                   ""});
  } else if (replan.going_on_wall_seconds.has_value() && !replan.kept) {
    const double spared = *replan.going_on_wall_seconds - plan.time->wall_seconds;
    out.push_back(
        {"AGAINST_GOING_ON",
         absl::StrCat("going on as before takes ", DurationWords(*replan.going_on_wall_seconds),
                      ", the new plan ", DurationWords(plan.time->wall_seconds), ": ",
                      DurationWords(std::abs(spared)),
                      spared >= 0 ? " less" : " more, for less money"),
         ""});
  }
  if (std::abs(rest.step_time_factor - 1) > kNoticeablePace) {
    out.push_back({rest.step_time_factor > 1 ? "MEASURED_SLOWER" : "MEASURED_FASTER",
                   absl::StrFormat("steps are taken to last %.4g times as long as modelled, as "
                                   "measured",
                                   rest.step_time_factor),
                   ""});
  }
  if (replan.shortened) {
    const double asked = static_cast<double>(ask.token_count.value_or(run.token_count));
    out.push_back({"SHORTENED",
                   absl::StrFormat("the limits let the run train on %d of the %.0f tokens (%s): "
                                   "expected loss %.4f nats",
                                   plan.token_count, asked,
                                   Signed(static_cast<double>(plan.token_count) / asked - 1),
                                   plan.loss.mean_nats),
                   ""});
  }
  if (plan.batch.global_batch_tokens != run.global_batch_tokens) {
    out.push_back(
        {"BATCH_MOVED",
         absl::StrCat("the global batch goes from ",
                      BatchWords(run.global_batch_tokens, plan.batch.global_batch_tokens),
                      ", within the tolerance of ", PercentWords(ask.batch_tolerance_fraction),
                      BatchShare(run, plan) <= kSameRateShare ? "; keep the learning rate" : ""),
         ""});
    if (replan.own_batch_wall_seconds.has_value()) {
      out.push_back(
          {"OWN_BATCH_IS_NEAR",
           absl::StrFormat("the run's own batch takes %s, %s: it can be held",
                           DurationWords(*replan.own_batch_wall_seconds),
                           Signed(*replan.own_batch_wall_seconds / plan.time->wall_seconds - 1)),
           "--batch-tolerance 0.01%"});
    }
  }
  return out;
}

}  // namespace rhumb

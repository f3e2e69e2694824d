// SPDX-License-Identifier: Apache-2.0
#include "daemon/expected_run.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daemon/law_lookup.h"
#include "daemon/rpc_status.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr double kDefaultWarmupFraction = 0.01;
constexpr double kDefaultCosineFloor = 0.1;
constexpr double kDefaultDecayFraction = 0.2;
constexpr double kPlanLevel = 0.9;  // of a plan's intervals, where its question asks for no other

void SayAssumptions(const v1::LearningRateSchedule& told, const LearningRateSchedule& schedule,
                    std::vector<Assumption>& assumptions) {
  if (schedule.kind == ScheduleKind::kUnknown) {
    assumptions.push_back({"schedule", "unknown",
                           "the run does not say how its learning rate goes: the band of the loss "
                           "holds the usual schedules"});
  }
  const auto say = [&](bool has, const char* field, double value) {
    if (!has) assumptions.push_back({field, absl::StrFormat("%g", value), "default"});
  };
  say(told.has_warmup_fraction(), "schedule.warmup_fraction", schedule.warmup_fraction);
  if (schedule.kind == ScheduleKind::kCosine || schedule.kind == ScheduleKind::kLinear ||
      schedule.kind == ScheduleKind::kWarmupStableDecay) {
    say(told.has_floor_fraction(), "schedule.floor_fraction", schedule.floor_fraction);
  }
  if (schedule.kind == ScheduleKind::kWarmupStableDecay) {
    say(told.has_decay_fraction(), "schedule.decay_fraction", schedule.decay_fraction);
  }
}

void AddPlannedTime(const v1::Plan& plan, ExpectedRun& expected) {
  if (plan.has_time()) {
    const v1::TimePlan& time = plan.time();
    if (time.step_seconds() > 0) expected.planned.step_seconds = time.step_seconds();
    if (time.tokens_per_second() > 0) {
      expected.planned.tokens_per_second = time.tokens_per_second();
    }
    if (time.mfu() > 0) expected.planned.mfu = time.mfu();
    expected.wall_seconds = time.wall_seconds();
    if (time.tokens_per_second() > 0 && time.train_seconds() > 0) {
      expected.seconds_per_token =
          time.wall_seconds() / time.train_seconds() / time.tokens_per_second();
    }
    if (time.wall_low_seconds() > 0 && time.wall_high_seconds() > 0) {
      expected.pace_log_std = std::log(time.wall_high_seconds() / time.wall_low_seconds()) /
                              (2 * StandardNormalQuantile(0.5 + kPlanLevel / 2));
    }
  }
  if (plan.batch().critical_batch_tokens() > 0) {
    expected.planned.critical_batch_tokens = plan.batch().critical_batch_tokens();
  }
  if (plan.has_memory()) {
    expected.planned.peak_memory_bytes = plan.memory().peak_bytes();
    expected.capacity_bytes = plan.memory().capacity_bytes();
  }
  if (plan.has_allocation()) {
    expected.gpu_count = static_cast<double>(plan.allocation().gpu_count());
    expected.planned.gpu_count = expected.gpu_count;
  }
  if (plan.has_cost()) {
    expected.gpu_hours = plan.cost().gpu_hours();
    if (plan.cost().has_total_usd()) {
      expected.total_usd = plan.cost().total_usd();
      if (plan.cost().gpu_hours() > 0) {
        expected.price_usd_per_gpu_hour = plan.cost().total_usd() / plan.cost().gpu_hours();
      }
    }
  }
}

void AddSettings(const v1::RunSettings& settings, const std::optional<v1::Plan>& plan,
                 ExpectedRun& expected) {
  if (settings.has_target_token_count()) {
    expected.target_token_count = static_cast<double>(settings.target_token_count());
  }
  if (settings.has_gpu_count()) expected.gpu_count = static_cast<double>(settings.gpu_count());
  if (settings.has_price_usd_per_gpu_hour()) {
    expected.price_usd_per_gpu_hour = settings.price_usd_per_gpu_hour();
  }
  // Another batch makes steps longer, not tokens slower.
  if (!settings.has_global_batch_tokens() || !expected.planned.step_seconds.has_value()) return;
  const double ratio = static_cast<double>(settings.global_batch_tokens()) /
                       static_cast<double>(plan->batch().global_batch_tokens());
  if (!(plan->batch().global_batch_tokens() > 0) || ratio == 1) return;
  *expected.planned.step_seconds *= ratio;
  expected.assumptions.push_back(
      {"step_seconds", absl::StrFormat("%g s", *expected.planned.step_seconds),
       absl::StrFormat("the plan's, for a batch %g times as large as planned", ratio)});
}

LossInterval IntervalOf(const PredictionInterval& run) {
  return {run.mean_nats, run.low_nats, run.high_nats, run.level};
}

// Why the losses of the run mean something else than the law's; nullopt if nothing says so.
std::optional<Assumption> WhyNotComparable(const v1::RunSettings& settings, const Law& law) {
  const auto differs = [](const std::string& own, const std::string& of_law) {
    return !own.empty() && !of_law.empty() && own != of_law;
  };
  if (differs(settings.tokenizer(), law.tokenizer)) {
    return Assumption{"loss_nats", "not compared",
                      absl::StrCat("the run's tokenizer is ", settings.tokenizer(), ", the law's ",
                                   law.tokenizer)};
  }
  if (differs(settings.dataset(), law.dataset)) {
    return Assumption{
        "loss_nats", "compared all the same",
        absl::StrCat("the run's data set is ", settings.dataset(), ", the law's ", law.dataset)};
  }
  return std::nullopt;
}

absl::Status AddLoss(const v1::RunSettings& settings, const v1::Plan& plan, double level,
                     Store& store, ExpectedRun& expected) {
  if (!expected.target_token_count.has_value() || plan.model().param_count() <= 0) {
    return absl::OkStatus();
  }
  FieldViolations missing;
  const std::string name = absl::StrCat(plan.law().name(), "@", plan.law().version());
  RHUMB_ASSIGN_OR_RETURN(Law law, ResolveLaw(name, "law", store, missing));
  if (!missing.empty()) {
    expected.assumptions.push_back(
        {"loss_nats", "not compared", absl::StrCat("the plan's law ", name, " is gone")});
    return absl::OkStatus();
  }
  const std::optional<Assumption> other = WhyNotComparable(settings, law);
  if (other.has_value()) {
    expected.assumptions.push_back(*other);
    if (other->value == "not compared") return absl::OkStatus();
  }
  ExpectedLoss loss;
  loss.param_count = static_cast<double>(plan.model().param_count());
  loss.end.token_count = *expected.target_token_count;
  if (settings.has_unique_token_count()) {
    loss.end.unique_token_count = static_cast<double>(settings.unique_token_count());
  } else if (plan.has_unique_token_count()) {
    loss.end.unique_token_count = static_cast<double>(plan.unique_token_count());
  }
  if (plan.batch().token_overhead() >= 1) loss.end.batch_overhead = plan.batch().token_overhead();
  const auto of_run = PredictRunInterval(law, loss.param_count, loss.end, level);
  if (of_run.has_value()) {
    loss.interval = IntervalOf(*of_run);
  } else {
    loss.interval = PredictLossInterval(law, loss.param_count, loss.end, level);
  }
  loss.law = std::move(law);
  expected.loss = std::move(loss);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ExpectedRun> Expect(const v1::RunSettings& settings,
                                   const std::optional<v1::Plan>& plan, bool replanned,
                                   double level, Store& store) {
  ExpectedRun expected;
  const bool planned = plan.has_value() && plan->state() == v1::Plan::STATE_FEASIBLE;
  if (planned) {
    if (plan->has_token_count()) {
      expected.target_token_count = static_cast<double>(plan->token_count());
    }
    AddPlannedTime(*plan, expected);
  }
  if (!planned || !replanned) AddSettings(settings, plan, expected);
  expected.planned.token_count = expected.target_token_count;
  expected.schedule = ScheduleOf(settings.schedule());
  SayAssumptions(settings.schedule(), expected.schedule, expected.assumptions);
  if (planned) RHUMB_RETURN_IF_ERROR(AddLoss(settings, *plan, level, store, expected));
  return expected;
}

LearningRateSchedule ScheduleOf(const v1::LearningRateSchedule& told) {
  LearningRateSchedule schedule;
  schedule.warmup_fraction = kDefaultWarmupFraction;
  switch (told.kind()) {
    case v1::SCHEDULE_KIND_CONSTANT:
      schedule.kind = ScheduleKind::kConstant;
      break;
    case v1::SCHEDULE_KIND_COSINE:
      schedule.kind = ScheduleKind::kCosine;
      schedule.floor_fraction = kDefaultCosineFloor;
      break;
    case v1::SCHEDULE_KIND_LINEAR:
      schedule.kind = ScheduleKind::kLinear;
      break;
    case v1::SCHEDULE_KIND_WSD:
      schedule.kind = ScheduleKind::kWarmupStableDecay;
      schedule.decay_fraction = kDefaultDecayFraction;
      break;
    default:
      break;
  }
  if (told.has_warmup_fraction()) schedule.warmup_fraction = told.warmup_fraction();
  if (told.has_floor_fraction()) schedule.floor_fraction = told.floor_fraction();
  if (told.has_decay_fraction()) schedule.decay_fraction = told.decay_fraction();
  return schedule;
}

absl::StatusOr<std::optional<v1::Plan>> FindPlanMessage(const std::string& name, Store& store) {
  if (name.empty()) return std::nullopt;
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, store.FindPlanBytes(name));
  if (!bytes.has_value()) return std::nullopt;
  v1::Plan plan;
  if (!plan.ParseFromString(*bytes)) {
    return absl::DataLossError(absl::StrCat(name, " is damaged in the store"));
  }
  return std::optional<v1::Plan>(std::move(plan));
}

absl::StatusOr<v1::RunSettings> SettingsOf(const StoredRun& run) {
  v1::RunSettings settings;
  if (!settings.ParseFromString(run.settings)) {
    return absl::DataLossError(absl::StrCat(run.name, " is damaged in the store"));
  }
  return settings;
}

}  // namespace rhumb::daemon

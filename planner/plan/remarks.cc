// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/remarks.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/cost/time_constants.h"
#include "planner/laws/loss_model.h"
#include "planner/plan/assemble.h"
#include "planner/plan/batched_loss.h"
#include "planner/plan/ladder.h"
#include "planner/plan/overheads.h"
#include "planner/plan/problem.h"
#include "planner/units.h"
#include "planner/words.h"

namespace rhumb {
namespace {

// Muennighoff et al. 2023, arXiv:2305.16264: up to 4 epochs repeats are nearly as good as new
// tokens, at 16 their value has fallen to 1/e, at 40 nothing is left.
constexpr double kFreeEpochs = 4;
constexpr double kPoorEpochs = 16;
constexpr double kRuleOfThumbTokensPerParam = 20;  // Hoffmann et al. 2022
constexpr double kFlatRatio = 2;
constexpr double kDearBatchNats = 0.02;
constexpr double kFarBelowTheLadder = 2;  // times smaller than its first size
constexpr double kAboutTheLimit = 0.98;   // of it: a run that fills it

std::string Short(double value) { return absl::StrFormat("%.3g", value); }

// A law of small runs may want a model that is smaller than any on the ladder: the plan then takes
// the first size there, which may be a thousand times too large.
void WarnBelowLadder(const PlanQuestion& q, const Plan& plan, std::vector<PlanWarning>& out) {
  if (q.architecture || q.param_count || q.min_param_count || !plan.law_optimum) return;
  const ModelShape smallest = Ladder(q.vocab_size, q.sequence_length).front();
  const double best = plan.law_optimum->param_count;
  if (!(plan.model == smallest) || best * kFarBelowTheLadder > plan.param_count) return;
  out.push_back({"BELOW_SMALLEST_SIZE",
                 absl::StrCat("the law's best size is ", Short(best), " parameters, and sizes to ",
                              "choose from begin at ", Short(plan.param_count),
                              ": state a smaller architecture")});
}

void WarnExtrapolation(const PlanQuestion& q, const Plan& plan, std::vector<PlanWarning>& out) {
  const DataBox& box = q.law.box;
  const double tokens = static_cast<double>(plan.token_count);
  const Extrapolation far =
      FindExtrapolation(q.law, plan.active_param_count, {tokens, q.unique_token_count, 1});
  const double flops = 6 * plan.active_param_count * tokens;
  if (far.training_flops_high) {
    const double ratio = far.training_flops_ratio.value_or(1);
    out.push_back({ratio > 100 ? "EXTRAPOLATION_COMPUTE_FAR" : "EXTRAPOLATION_COMPUTE",
                   absl::StrCat("compute ", Short(flops), " FLOP is ", Short(ratio),
                                " times the largest run behind ", q.law.name, " (",
                                Short(*box.max_training_flops), " FLOP)")});
  }
  if (far.training_flops_low) {
    out.push_back({"EXTRAPOLATION_COMPUTE_LOW",
                   absl::StrCat("compute ", Short(flops), " FLOP is below the smallest run behind ",
                                q.law.name, " (", Short(*box.min_training_flops), " FLOP)")});
  }
  if (far.param_count_high || far.param_count_low) {
    out.push_back(
        {"EXTRAPOLATION_PARAMS",
         absl::StrCat("N = ", Short(plan.active_param_count), " lies outside the runs behind ",
                      q.law.name, " (", Short(box.min_param_count.value_or(0)), " to ",
                      Short(box.max_param_count.value_or(0)), " parameters)")});
  }
  if (far.tokens_per_param_high || far.tokens_per_param_low) {
    out.push_back(
        {"EXTRAPOLATION_TOKENS_PER_PARAM",
         absl::StrCat("D/N = ", Short(plan.tokens_per_param), " lies outside the runs behind ",
                      q.law.name, " (", Short(box.min_tokens_per_param.value_or(0)), " to ",
                      Short(box.max_tokens_per_param.value_or(0)), ")")});
  } else if (box.max_tokens_per_param.has_value() &&
             plan.tokens_per_param > 0.5 * *box.max_tokens_per_param) {
    out.push_back({"EDGE_TOKENS_PER_PARAM",
                   absl::StrCat("D/N = ", Short(plan.tokens_per_param),
                                " is at the edge of the runs behind ", q.law.name, " (up to ",
                                Short(*box.max_tokens_per_param), ", few above 100)")});
  }
}

void WarnEpochs(const PlanQuestion& q, const Plan& plan, std::vector<PlanWarning>& out) {
  if (!q.unique_token_count.has_value() || plan.epoch_count <= 1) return;
  if (plan.epoch_count > kDefaultMaxEpochCount) {
    out.push_back(
        {"EPOCHS_ABOVE_40", absl::StrCat(Short(plan.epoch_count),
                                         " epochs: beyond 40 repeats were worth nothing or "
                                         "did harm (Muennighoff et al. 2023)")});
  } else if (plan.epoch_count > kPoorEpochs) {
    out.push_back(
        {"EPOCHS_ABOVE_16", absl::StrCat(Short(plan.epoch_count),
                                         " epochs: beyond 16 a repeat is worth less than "
                                         "0.4 of a new token (Muennighoff et al. 2023)")});
  } else if (plan.epoch_count > kFreeEpochs) {
    out.push_back({"EPOCHS_ABOVE_4",
                   absl::StrCat(Short(plan.epoch_count),
                                " epochs: beyond 4 repeats are clearly worth less than new tokens "
                                "(Muennighoff et al. 2023)")});
  }
  if (q.law.family != LawFamily::kDataConstrained) {
    out.push_back({"REPETITION_BORROWED",
                   absl::StrCat(q.law.name,
                                " knows no repetition; the value of repeats is that of "
                                "muennighoff2023-c4 (R_D* = 15.39)")});
  }
}

bool DataBinds(const Plan& plan) {
  return std::any_of(plan.binding.begin(), plan.binding.end(), [](const Binding& binding) {
    return binding.constraint == "unique_token_count" || binding.constraint == "max_epoch_count";
  });
}

// What the objective wants more of, for "no other number gives ...".
const char* BetterValue(Objective objective) {
  switch (objective) {
    case Objective::kLoss:
      return "lower expected loss";
    case Objective::kCost:
      return "lower cost";
    case Objective::kTime:
      return "shorter run";
    case Objective::kLifetimeCost:
      return "lower lifetime cost";
    case Objective::kSize:
      return "smaller model";
  }
  return "better plan";
}

// Loss that the batch costs: where no limit holds it, speed is bought with it.
void WarnBatch(const PlanQuestion& q, const Plan& plan, std::vector<PlanWarning>& out) {
  if (plan.batch.token_overhead <= 1) return;
  const double without =
      PredictLoss(q.law, plan.active_param_count,
                  {static_cast<double>(plan.token_count), q.unique_token_count, 1});
  const double more = plan.loss.mean_nats - without;
  if (more < kDearBatchNats) return;
  out.push_back(
      {"BATCH_COSTS_LOSS",
       absl::StrFormat(
           "batches of %s tokens, %.2g times the critical batch, cost %.3f nats: as many "
           "tokens in small batches reach %.4f; target_loss_nats or global_batch_tokens "
           "(--target-loss, --batch-tokens) hold it",
           Short(static_cast<double>(plan.batch.global_batch_tokens)),
           static_cast<double>(plan.batch.global_batch_tokens) / plan.batch.critical_batch_tokens,
           more, without)});
}

// "the partition ends jobs after 48 h: the run takes 4 jobs, ...".
std::string DescribeChain(const TimePlan& time) {
  std::string text =
      absl::StrCat("the partition ends jobs after ",
                   Short(*time.job_limit_seconds / kSecondsPerHour), " h: the run takes ",
                   time.job_count, " jobs, each of which goes on from what the one before saved");
  const double most_jobs = time.wall_high_seconds.has_value()
                               ? std::ceil(*time.wall_high_seconds / *time.job_limit_seconds)
                               : 0;
  if (most_jobs > static_cast<double>(time.job_count)) {
    // More where the further jobs' own restarts fill another one.
    absl::StrAppend(
        &text, absl::StrFormat("; at least %.0f at the upper end of its wall time", most_jobs));
  }
  return text;
}

// "the partition ends jobs after 0.5 h, and the run may be no more than one; ...".
std::string DescribeOneJob(const TimePlan& time, double limit_seconds) {
  std::string text =
      absl::StrCat("the partition ends jobs after ", Short(limit_seconds / kSecondsPerHour),
                   " h, and the run may be no more than one");
  if (time.wall_high_seconds.value_or(0) <= limit_seconds) return text;
  absl::StrAppend(&text, "; at the upper end of its wall time, ",
                  DurationWords(*time.wall_high_seconds), ", it would be cut off");
  if (time.wall_seconds > kAboutTheLimit * limit_seconds) {
    text += ": about half of such runs end in time";
  }
  return text;
}

void WarnHardware(const PlanQuestion& q, const Plan& plan, std::vector<PlanWarning>& out) {
  if (!plan.allocation.has_value()) return;
  const GpuPool& pool = q.pools[static_cast<size_t>(plan.allocation->pool_index)];
  if (!q.mfu.has_value()) WarnUncalibrated(q.calibration.get(), pool.gpu, out);
  if (plan.time->job_count > 1) {
    out.push_back({"CHAINED_JOBS", DescribeChain(*plan.time)});
  } else if (pool.max_wall_seconds.has_value() && q.max_job_count == 1 &&
             (*pool.max_wall_seconds < q.deadline_seconds.value_or(kUnlimited) ||
              plan.time->wall_high_seconds.value_or(0) > *pool.max_wall_seconds)) {
    out.push_back({"PARTITION_TIME_LIMIT", DescribeOneJob(*plan.time, *pool.max_wall_seconds)});
  }
  if (plan.allocation->gpu_count < pool.gpu_count) {
    out.push_back(
        {"GPUS_LEFT_IDLE",
         absl::StrCat(plan.allocation->gpu_count, " of ", pool.gpu_count, " ", pool.gpu.id,
                      " are used: no other number of those that are there gives a ",
                      BetterValue(q.objective.value_or(Objective::kLoss)),
                      "; include_alternatives (--alternatives) shows what is much faster or "
                      "cheaper at little more")});
  }
}

void AddEnergyAssumptions(std::vector<Assumption>& out) {
  out.push_back({"power_usage_effectiveness", Short(kPowerUsageEffectiveness), "default"});
  out.push_back({"grid_kg_co2e_per_kwh", Short(kGridKgCo2ePerKwh), "default"});
}

}  // namespace

void WarnUncalibrated(const TimeCalibration* calibration, const Gpu& gpu,
                      std::vector<PlanWarning>& out) {
  if (FindFamily(calibration, gpu.family) != nullptr) return;
  out.push_back({"UNCALIBRATED",
                 absl::StrCat("times are out of the box for ", gpu.id,
                              ", not calibrated on your runs; ", TimeErrorOf(gpu.family).source)});
}

void AddHardwareAssumptions(const GivenOverheads& given, const FrameworkProfile& framework,
                            std::vector<Assumption>& out) {
  if (!given.failures_per_gpu_hour) {
    out.push_back(
        {"failures_per_gpu_hour", Short(kDefaultFailuresPerGpuHour),
         "default: 419 interruptions in 54 days on 16,384 GPUs (Llama 3, arXiv:2407.21783)"});
  }
  if (!given.startup_seconds) {
    out.push_back({"startup_seconds", Short(kStartupSeconds), "default, of restarts too"});
  }
  out.push_back({"evaluation_fraction", Short(kEvaluationFraction), "default"});
  out.push_back({"storage_bytes_per_second_per_node", Short(kStorageBytesPerSecondPerNode),
                 "default; checkpoints of 14 bytes per parameter at Young's interval"});
  out.push_back({"framework", absl::StrCat(framework.name, " ", framework.version),
                 "profile of the memory and time model"});
  AddEnergyAssumptions(out);
}

void AddChainAssumptions(const TimePlan& time, std::vector<Assumption>& out) {
  if (time.job_count == 1) return;
  out.push_back({"checkpoint_at_job_end", "true",
                 "default: a job of a chain saves its state before its limit; one that does not "
                 "loses what it did since its last checkpoint"});
  out.push_back({"queue_seconds", "0",
                 "not known: what jobs of a chain wait in the queue is not in the wall time"});
}

void AddCalibrationAssumptions(const TimeCalibration* calibration,
                               const std::vector<GpuPool>& pools, std::vector<Assumption>& out) {
  if (calibration == nullptr) return;
  std::set<std::string> named;
  for (const GpuPool& pool : pools) {
    const std::string& family = pool.gpu.family;
    if (FindFamily(calibration, family) != nullptr || !named.insert(family).second) continue;
    out.push_back({"calibration", absl::StrCat("as shipped for ", family),
                   absl::StrCat(calibration->name, "@", calibration->version,
                                " has no runs of this family")});
  }
}

std::vector<Assumption> CollectAssumptions(const PlanQuestion& q, const Plan& plan) {
  std::vector<Assumption> out = q.assumptions;
  AddCalibrationAssumptions(q.calibration.get(), q.pools, out);
  if (q.step_time_factor != 1) {
    out.push_back({"step_time_factor", absl::StrFormat("%.4g", q.step_time_factor),
                   "measured: steps of the run against their planned time; held for all GPUs and "
                   "layouts"});
  }
  if (q.done_token_count > 0) {
    out.push_back({"global_batch_tokens", "as from now on for all tokens",
                   "the loss takes the tokens that are done to be of the same batch"});
  }
  if (q.unique_token_count.has_value() && !q.max_epoch_count.has_value()) {
    out.push_back({"max_epoch_count", Short(kDefaultMaxEpochCount),
                   "default: where the data of Muennighoff et al. 2023 ends"});
  }
  if (!q.law.reference_batch_tokens.has_value()) {
    out.push_back({"reference_batch_tokens",
                   absl::StrCat(kAssumedReferenceBatchFraction, " B_crit"),
                   absl::StrCat("default: ", q.law.name, " does not state the batch of its runs")});
  }
  if (!plan.feasible) return out;
  if (!plan.loss.low_nats.has_value()) {
    out.push_back({"loss", "no interval", absl::StrCat("no covariance is known for ", q.law.name)});
  } else {
    out.push_back({"loss", "interval of the mean",
                   absl::StrCat(q.law.covariance->source,
                                "; seed noise and the choice of law are not in it")});
  }
  if (!q.architecture.has_value()) {
    out.push_back({"architecture", plan.model.name,
                   q.param_count.has_value()
                       ? "the rung of the ladder reshaped to the size asked for"
                       : "default: ladder of 40 sizes per decade"});
  }
  if (!plan.allocation.has_value()) {
    if (plan.cost.has_value()) AddEnergyAssumptions(out);
    return out;
  }
  if (q.mfu.has_value()) {
    out.push_back({"overheads", "0", "mfu is effective over the wall clock"});
    AddEnergyAssumptions(out);
  } else {
    AddHardwareAssumptions({.failures_per_gpu_hour = q.failures_per_gpu_hour.has_value(),
                            .startup_seconds = q.startup_seconds.has_value()},
                           q.framework, out);
  }
  AddChainAssumptions(*plan.time, out);
  return out;
}

std::vector<PlanWarning> CollectWarnings(const PlanQuestion& q, Objective objective,
                                         const Plan& plan) {
  std::vector<PlanWarning> out;
  if (!plan.feasible) return out;
  WarnBelowLadder(q, plan, out);
  WarnExtrapolation(q, plan, out);
  WarnEpochs(q, plan, out);
  WarnBatch(q, plan, out);
  if (plan.law_optimum.has_value() && objective == Objective::kLoss &&
      plan.law_optimum->param_count_high_0p1pct >
          kFlatRatio * plan.law_optimum->param_count_low_0p1pct) {
    out.push_back({"FLAT_OPTIMUM",
                   absl::StrCat("any N from ", Short(plan.law_optimum->param_count_low_0p1pct),
                                " to ", Short(plan.law_optimum->param_count_high_0p1pct),
                                " is within 0.1% of the law's best loss")});
  }
  const double ratio = plan.tokens_per_param / kRuleOfThumbTokensPerParam;
  if (ratio > 3 || ratio < 1.0 / 3) {
    const char* reason =
        q.inference.token_count > 0                   ? "serving favours a smaller model"
        : q.max_param_count || q.serving_memory_bytes ? "the size is capped"
        : q.param_count || q.architecture             ? "the size is fixed"
        : q.token_count || q.tokens_per_param         ? "the tokens are given"
        : DataBinds(plan)                             ? "the data runs out"
        : plan.memory.has_value() && plan.memory->headroom_bytes < 0.1 * plan.memory->capacity_bytes
            ? "memory is nearly full"
            : "the constraints pull the optimum there";
    out.push_back({"FAR_FROM_20_TOKENS_PER_PARAM",
                   absl::StrCat("D/N = ", Short(plan.tokens_per_param),
                                " against the rule of thumb of 20: ", reason)});
  }
  if ((q.global_batch_tokens.has_value() || q.max_global_batch_tokens.has_value()) &&
      static_cast<double>(plan.batch.global_batch_tokens) >
          kMaxBatchOverCritical * plan.batch.critical_batch_tokens) {
    out.push_back({"BATCH_ABOVE_CRITICAL",
                   absl::StrCat("the batch is ",
                                Short(static_cast<double>(plan.batch.global_batch_tokens) /
                                      plan.batch.critical_batch_tokens),
                                " times the critical batch; tokens are wasted")});
  }
  if (plan.model.is_moe()) {
    out.push_back(
        {"DENSE_LAW_FOR_MOE", absl::StrCat(q.law.name,
                                           " was fitted on dense models; N is the active parameter "
                                           "count, which is conservative")});
  }
  WarnHardware(q, plan, out);
  return out;
}

}  // namespace rhumb

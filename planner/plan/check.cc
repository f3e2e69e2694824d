// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/check.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/plan/assemble.h"
#include "planner/plan/check_advice.h"
#include "planner/plan/check_layout.h"
#include "planner/plan/ladder.h"
#include "planner/plan/overheads.h"
#include "planner/plan/remarks.h"
#include "planner/status_macros.h"
#include "planner/units.h"

namespace rhumb {
namespace {

std::string Days(double seconds) {
  return seconds >= 2 * kSecondsPerDay ? absl::StrFormat("%.1f d", seconds / kSecondsPerDay)
                                       : absl::StrFormat("%.1f h", seconds / kSecondsPerHour);
}

void AddLayoutAssumptions(const CheckQuestion& q, CheckAnswer& answer) {
  const auto add = [&](const char* field, int64_t value, const char* source) {
    answer.assumptions.push_back({field, absl::StrCat(value), source});
  };
  if (!q.layout.zero_stage.has_value()) {
    answer.assumptions.push_back(
        {"zero_stage", absl::StrCat(answer.layout.zero_stage),
         answer.layout.zero_stage == 0
             ? "default: nothing is replicated, or nothing sharded"
             : absl::StrCat("default with ", q.framework.name, " where ranks are replicated")});
  }
  if (!q.layout.gradient_accumulation_steps.has_value() && !q.global_batch_tokens.has_value()) {
    add("gradient_accumulation_steps", answer.gradient_accumulation_steps,
        "default: as many micro-batches as pipeline stages");
  }
  if (!q.layout.micro_batch_size.has_value()) {
    add("micro_batch_size", answer.layout.micro_batch_size, "default");
  }
}

void JudgeFinish(const CheckQuestion& q, CheckAnswer& answer) {
  const std::optional<double>& partition_limit = q.pool.max_wall_seconds;
  if (!q.token_count.has_value() || (!q.deadline_seconds && !q.budget_usd && !partition_limit))
    return;
  answer.finishes = true;
  const double wall = answer.time.wall_seconds;
  if (q.deadline_seconds && wall > *q.deadline_seconds) {
    answer.finishes = false;
    answer.advice.push_back(
        {"DOES_NOT_FINISH",
         absl::StrCat("it needs ", Days(wall), ", the deadline is ", Days(*q.deadline_seconds)),
         absl::StrFormat("--deadline %.0fh", std::ceil(wall / kSecondsPerHour))});
  }
  const bool no_chain = answer.time.job_count == 1 || answer.time.job_count > kMostJobCount;
  if (partition_limit && wall > *partition_limit) {
    const std::string need = absl::StrCat(
        "it needs ", Days(wall), ", the partition ends jobs after ", Days(*partition_limit));
    if (no_chain) {
      answer.finishes = false;
      answer.advice.push_back(
          {"PARTITION_TIME_LIMIT",
           answer.time.job_count == 1
               ? absl::StrCat(need, ", which leaves a chain of jobs no time to train")
               : absl::StrCat(need, ", which makes more than ", kMostJobCount, " jobs"),
           ""});
    } else {
      answer.advice.push_back(
          {"CHAINED_JOBS",
           absl::StrCat(need, ": it finishes as ", answer.time.job_count,
                        " jobs, each of which goes on from what the one before saved"),
           ""});
    }
  }
  if (q.budget_usd && answer.cost->total_usd.value_or(0) > *q.budget_usd) {
    answer.finishes = false;
    answer.advice.push_back({"OVER_BUDGET",
                             absl::StrFormat("it costs $%.0f, the budget is $%.0f",
                                             *answer.cost->total_usd, *q.budget_usd),
                             absl::StrFormat("--budget %.0f", std::ceil(*answer.cost->total_usd))});
  }
}

}  // namespace

absl::StatusOr<CheckAnswer> CheckConfiguration(const CheckQuestion& q) {
  CheckAnswer answer;
  answer.model = q.architecture.has_value()
                     ? *q.architecture
                     : ShapeOfSize(q.param_count.value_or(0), ParamCountConvention::kTotal,
                                   q.vocab_size, q.sequence_length);
  const ModelShape& shape = answer.model;
  RHUMB_ASSIGN_OR_RETURN(answer.layout, ResolveCheckLayout(q, shape));
  RHUMB_ASSIGN_OR_RETURN(answer.gradient_accumulation_steps,
                         ResolveAccumulation(q, answer.layout, shape.sequence_length));
  const int64_t accumulation = answer.gradient_accumulation_steps;
  const int64_t nodes = (q.pool.gpu_count + q.pool.gpus_per_node - 1) / q.pool.gpus_per_node;
  answer.allocation = {q.pool.cluster,
                       q.pool.partition,
                       q.pool.gpu.id,
                       q.pool.gpu_count,
                       nodes,
                       q.pool.gpus_per_node,
                       0};
  const CostModel cost(shape, q.pool.gpu,
                       Fabric{q.pool.gpus_per_node, q.pool.inter_node_bytes_per_second_per_gpu},
                       CheckProfile(q), TimeConstantsWith(q.calibration.get(), q.pool.gpu.family));
  const double device = static_cast<double>(q.pool.gpu.memory_bytes);
  const double capacity =
      std::min(device, q.max_memory_bytes.value_or(device)) * (1 - q.memory_headroom_fraction);
  answer.memory = MakeMemoryPlan(cost, answer.layout, accumulation, capacity);
  answer.fits = answer.memory.peak_bytes <= capacity;
  answer.fits_p95 = answer.memory.p95_bytes <= capacity;

  const double batch_tokens =
      static_cast<double>(accumulation * answer.layout.micro_batch_size *
                          answer.layout.data_parallel_size * shape.sequence_length);
  const int64_t step_count =
      q.token_count.has_value()
          ? std::max<int64_t>(1, static_cast<int64_t>(std::ceil(*q.token_count / batch_tokens)))
          : 1;
  OverheadModel overheads;
  if (q.token_count.has_value()) {
    overheads =
        MakeOverheadModel(static_cast<double>(CountParams(shape).total), q.pool.gpu_count, nodes,
                          q.failures_per_gpu_hour.value_or(kDefaultFailuresPerGpuHour),
                          q.startup_seconds.value_or(kStartupSeconds));
    overheads = InJobs(overheads, q.pool.max_wall_seconds, std::nullopt);
  }
  answer.time = MakeTimePlan(
      cost, answer.layout, accumulation, cost.Step(answer.layout).StepSeconds(accumulation),
      cost.ModelFlopsPerToken(), batch_tokens, static_cast<double>(q.pool.gpu_count),
      PeakFlopsPerSecond(q.pool.gpu, q.precision).value_or(0), step_count, overheads);
  AddWallInterval(TimeErrorWith(q.calibration.get(), q.pool.gpu.family), q.level, answer.time);
  if (q.token_count.has_value()) {
    answer.cost = MakeCostPlan(q.pool, q.pool.gpu_count, answer.time.wall_seconds);
  }
  answer.advice = AdviseOnLayout(q, cost, answer);
  JudgeFinish(q, answer);
  WarnUncalibrated(q.calibration.get(), q.pool.gpu, answer.warnings);
  answer.assumptions = q.assumptions;
  AddCalibrationAssumptions(q.calibration.get(), {q.pool}, answer.assumptions);
  AddLayoutAssumptions(q, answer);
  if (q.token_count.has_value()) {
    AddHardwareAssumptions({.failures_per_gpu_hour = q.failures_per_gpu_hour.has_value(),
                            .startup_seconds = q.startup_seconds.has_value()},
                           q.framework, answer.assumptions);
    AddChainAssumptions(answer.time, answer.assumptions);
  }
  return answer;
}

}  // namespace rhumb

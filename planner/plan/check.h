// SPDX-License-Identifier: Apache-2.0
// Judges a given configuration: does it fit, does it finish, what should change.
#ifndef RHUMB_PLANNER_PLAN_CHECK_H_
#define RHUMB_PLANNER_PLAN_CHECK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/plan.h"

namespace rhumb {

// Counts are exact: pool.gpu_count GPUs are used. Unset degrees are 1, data parallel size is what
// is left.
struct CheckQuestion {
  std::optional<ModelShape> architecture;  // absent: the rung of the ladder nearest to param_count
  std::optional<double> param_count;
  GpuPool pool;
  LayoutConstraints layout;
  int64_t sequence_length = 8192;
  int64_t vocab_size = 128256;
  Precision precision = Precision::kBf16;
  FrameworkProfile framework;
  std::shared_ptr<const TimeCalibration> calibration;  // as in PlanQuestion
  std::optional<int64_t>
      global_batch_tokens;  // absent: one micro-batch per rank and accumulation step
  std::optional<double> token_count, deadline_seconds, budget_usd;
  double memory_headroom_fraction = 0;
  std::optional<double> max_memory_bytes;
  std::optional<double> failures_per_gpu_hour, startup_seconds;
  double level = 0.9;
  // What a run switches beside its layout. Absent: sequence parallel where there are tensor ranks,
  // experts whole, hidden what the framework can hide.
  std::optional<bool> sequence_parallel;
  std::optional<int64_t> expert_tensor_parallel_size;
  std::optional<bool> overlap_tensor_parallel, overlap_data_parallel;
  std::vector<Assumption> assumptions;  // defaults chosen while resolving the request
};

struct Advice {
  std::string code, text, directive;
};

struct CheckAnswer {
  bool fits = false, fits_p95 = false;
  std::optional<bool> finishes;
  ModelShape model;
  AllocationPlan allocation;
  Layout layout;
  int64_t gradient_accumulation_steps = 1;
  MemoryPlan memory;
  TimePlan time;
  std::optional<CostPlan> cost;
  std::vector<Advice> advice;
  std::vector<Assumption> assumptions;
  std::vector<PlanWarning> warnings;
};

std::vector<FieldViolation> ValidateCheckQuestion(const CheckQuestion& question);

// `question` must be valid (ValidateCheckQuestion), layout included.
absl::StatusOr<CheckAnswer> CheckConfiguration(const CheckQuestion& question);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_CHECK_H_

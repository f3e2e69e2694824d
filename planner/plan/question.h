// SPDX-License-Identifier: Apache-2.0
// The joint question, resolved: names looked up, units in base, nothing left to parse. Defaults are
// explicit here and echoed as assumptions of the answer.
#ifndef RHUMB_PLANNER_PLAN_QUESTION_H_
#define RHUMB_PLANNER_PLAN_QUESTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "planner/cost/framework_profile.h"
#include "planner/cost/hardware.h"
#include "planner/cost/layout.h"
#include "planner/cost/model_shape.h"
#include "planner/cost/time_calibration.h"
#include "planner/laws/critical_batch.h"
#include "planner/laws/law.h"

namespace rhumb {

enum class Objective { kLoss, kCost, kTime, kLifetimeCost, kSize };

// Fixed or bounded parts of a layout; absent parts are free.
struct LayoutConstraints {
  std::optional<int64_t> tensor_parallel_size, pipeline_parallel_size, context_parallel_size,
      expert_parallel_size, data_parallel_size, virtual_pipeline_stages, zero_stage,
      micro_batch_size, gradient_accumulation_steps;
  std::optional<Recompute> recompute;
  std::optional<int64_t> max_tensor_parallel_size, max_pipeline_parallel_size;

  bool operator==(const LayoutConstraints&) const = default;
};

// Serving side of a question; weights only matter to LIFETIME_COST and lifetime budgets.
struct ServingDemand {
  double token_count = 0;
  double prefill_fraction = 0.5;
  double prefill_mfu = 0.5;
  double decode_mfu = 0.01;
  std::optional<double> usd_per_gpu_hour;
};

// Anything assumed because nobody said; every one is echoed in the answer.
struct Assumption {
  std::string field, value, source;
};

// Every optional field is a constraint when set. Conventions: FLOPs and N as the law counts them.
struct PlanQuestion {
  Law law;
  // Absent: kLoss if something bounds the training, kCost if only a target loss does.
  std::optional<Objective> objective;

  std::optional<double> compute_flops;
  std::optional<double> lifetime_compute_flops;
  std::optional<double> gpu_hours;
  std::optional<double> deadline_seconds;
  // Of the jobs that a run may be split into where it is longer than a pool's max_wall_seconds;
  // absent: kMostJobCount.
  std::optional<int64_t> max_job_count;
  std::optional<double> budget_usd;
  std::optional<double> target_loss_nats;
  std::optional<double> unique_token_count;
  std::optional<double> max_epoch_count;  // absent: kDefaultMaxEpochCount
  ServingDemand inference;
  std::optional<double> serving_memory_bytes;
  std::optional<double> param_count, min_param_count, max_param_count;
  std::optional<ParamCountConvention>
      param_count_convention;         // of the three fields above; absent: the law's
  std::optional<double> token_count;  // exact; an upper limit with a target loss or kSize
  std::optional<double> tokens_per_param;

  std::optional<ModelShape> architecture;  // absent: the ladder
  int64_t sequence_length = 8192;
  int64_t vocab_size = 128256;
  Precision precision = Precision::kBf16;
  std::optional<int64_t> global_batch_tokens;
  // Bounds of a batch that is not fixed. One with an upper bound may exceed 4 B_crit, as a fixed
  // one may: how large is then for whoever asks to say.
  std::optional<int64_t> min_global_batch_tokens, max_global_batch_tokens;
  // Of a run that is under way: what has been trained on, in how many steps. Planned is the rest:
  // token_count and tokens_per_param are those of the whole run, and so is the loss; time, money
  // and compute are for the rest.
  double done_token_count = 0;
  int64_t done_step_count = 0;
  // Measured over modelled time of a step; every step is taken to last so much longer.
  double step_time_factor = 1;
  std::optional<double> noise_scale_tokens;
  BatchRule batch_rule = BatchRule::kKaplan2020;

  std::vector<GpuPool> pools;  // empty: no hardware (pure law)
  // Effective MFU over the wall clock; replaces the time model.
  std::optional<double> mfu;
  // With `mfu` and no pools: peak and price of this type turn money or GPU-hours into FLOPs.
  std::optional<GpuPool> gpu_without_count;
  double memory_headroom_fraction = 0;
  std::optional<double> max_memory_bytes;
  std::optional<double> max_power_watts;
  FrameworkProfile framework;
  // Constants of the step-time model for some families of GPUs; null: as shipped for all.
  std::shared_ptr<const TimeCalibration> calibration;
  LayoutConstraints layout;
  std::optional<double> failures_per_gpu_hour;  // absent: kDefaultFailuresPerGpuHour
  std::optional<double> startup_seconds;        // absent: kStartupSeconds
  double level = 0.9;
  bool include_alternatives = false;
  // Defaults chosen while resolving the request (law, sequence length, GPUs per node, ...).
  std::vector<Assumption> assumptions;
};

// No batch is larger.
inline constexpr int64_t kMostGlobalBatchTokens = 1'000'000'000'000'000;
// Where Muennighoff et al. 2023 saw repetition stop paying; above 4 and 16 a plan warns.
inline constexpr double kDefaultMaxEpochCount = 40;
// 419 unexpected interruptions in 54 days on 16,384 GPUs: Llama 3, arXiv:2407.21783, section 3.3.4.
inline constexpr double kDefaultFailuresPerGpuHour = 419.0 / (54 * 24 * 16384.0);

// How to search, not what to search for: none of this changes a complete answer.
struct PlanOptions {
  // Polled now and then; true stops the search and the best so far is the answer.
  std::function<bool()> should_stop;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_QUESTION_H_

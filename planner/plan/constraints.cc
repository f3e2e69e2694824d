// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/constraints.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/plan/overheads.h"
#include "planner/units.h"

namespace rhumb {
namespace {

// Memory that holds anything; small enough that arithmetic on it stays exact.
constexpr int64_t kAmpleBytes = int64_t{1} << 52;

struct Row {
  Constraint constraint;
  const char* name;
  const char* unit;
  int looser;
  std::optional<double> PlanQuestion::*real = nullptr;
  std::optional<int64_t> LayoutConstraints::*part = nullptr;
};

// The one table of constraints; hardware limits, the batch and recompute have rules of their own
// below.
constexpr Row kRows[] = {
    {Constraint::kTensorParallel, "layout.tensor_parallel_size", "", 0, nullptr,
     &LayoutConstraints::tensor_parallel_size},
    {Constraint::kMaxTensorParallel, "layout.max_tensor_parallel_size", "", 1, nullptr,
     &LayoutConstraints::max_tensor_parallel_size},
    {Constraint::kPipelineParallel, "layout.pipeline_parallel_size", "", 0, nullptr,
     &LayoutConstraints::pipeline_parallel_size},
    {Constraint::kMaxPipelineParallel, "layout.max_pipeline_parallel_size", "", 1, nullptr,
     &LayoutConstraints::max_pipeline_parallel_size},
    {Constraint::kContextParallel, "layout.context_parallel_size", "", 0, nullptr,
     &LayoutConstraints::context_parallel_size},
    {Constraint::kExpertParallel, "layout.expert_parallel_size", "", 0, nullptr,
     &LayoutConstraints::expert_parallel_size},
    {Constraint::kDataParallel, "layout.data_parallel_size", "", 0, nullptr,
     &LayoutConstraints::data_parallel_size},
    {Constraint::kVirtualStages, "layout.virtual_pipeline_stages", "", 0, nullptr,
     &LayoutConstraints::virtual_pipeline_stages},
    {Constraint::kZeroStage, "layout.zero_stage", "", 0, nullptr, &LayoutConstraints::zero_stage},
    {Constraint::kMicroBatch, "layout.micro_batch_size", "sequence", 0, nullptr,
     &LayoutConstraints::micro_batch_size},
    {Constraint::kAccumulation, "layout.gradient_accumulation_steps", "", 0, nullptr,
     &LayoutConstraints::gradient_accumulation_steps},
    {Constraint::kRecompute, "layout.recompute", "", 0},
    {Constraint::kGlobalBatch, "global_batch_tokens", "token", 0},
    {Constraint::kMinGlobalBatch, "min_global_batch_tokens", "token", -1},
    {Constraint::kMaxGlobalBatch, "max_global_batch_tokens", "token", 1},
    {Constraint::kPartitionLimit, "max_wall_seconds", "second", 1},
    {Constraint::kMaxJobCount, "max_job_count", "job", 1},
    {Constraint::kMaxPower, "max_power_watts", "watt", 1, &PlanQuestion::max_power_watts},
    {Constraint::kServingMemory, "serving_memory_bytes", "byte", 1,
     &PlanQuestion::serving_memory_bytes},
    {Constraint::kMinParams, "min_param_count", "parameter", -1, &PlanQuestion::min_param_count},
    {Constraint::kMaxParams, "max_param_count", "parameter", 1, &PlanQuestion::max_param_count},
    {Constraint::kParamCount, "param_count", "parameter", 0, &PlanQuestion::param_count},
    {Constraint::kTokensPerParam, "tokens_per_param", "token per parameter", 0,
     &PlanQuestion::tokens_per_param},
    {Constraint::kTokenCount, "token_count", "token", 1, &PlanQuestion::token_count},
    {Constraint::kMaxEpochs, "max_epoch_count", "epoch", 1, &PlanQuestion::max_epoch_count},
    {Constraint::kUniqueTokens, "unique_token_count", "token", 1,
     &PlanQuestion::unique_token_count},
    {Constraint::kLifetimeComputeFlops, "lifetime_compute_flops", "FLOP", 1,
     &PlanQuestion::lifetime_compute_flops},
    {Constraint::kComputeFlops, "compute_flops", "FLOP", 1, &PlanQuestion::compute_flops},
    {Constraint::kGpuHours, "gpu_hours", "GPU-hour", 1, &PlanQuestion::gpu_hours},
    {Constraint::kGpuMemory, "gpu_memory", "byte", 1},
    {Constraint::kGpuCount, "gpu_count", "GPU", 1},
    {Constraint::kBudget, "budget_usd", "USD", 1, &PlanQuestion::budget_usd},
    {Constraint::kDeadline, "deadline_seconds", "second", 1, &PlanQuestion::deadline_seconds},
    {Constraint::kTargetLoss, "target_loss_nats", "nat", 1, &PlanQuestion::target_loss_nats},
};

constexpr bool RowsFollowTheEnum() {
  for (size_t i = 0; i < std::size(kRows); ++i) {
    if (static_cast<size_t>(kRows[i].constraint) != i) return false;
  }
  return std::size(kRows) == static_cast<size_t>(Constraint::kTargetLoss) + 1;
}
static_assert(RowsFollowTheEnum(), "kRows is indexed by Constraint");

const Row& RowOf(Constraint constraint) { return kRows[static_cast<size_t>(constraint)]; }

double SmallestMemory(const PlanQuestion& question) {
  double bytes = question.max_memory_bytes.value_or(std::numeric_limits<double>::infinity());
  for (const GpuPool& pool : question.pools) {
    bytes = std::min(bytes, static_cast<double>(pool.gpu.memory_bytes));
  }
  return bytes;
}

bool HasPartitionLimit(const PlanQuestion& question) {
  return std::any_of(question.pools.begin(), question.pools.end(),
                     [](const GpuPool& pool) { return pool.max_wall_seconds.has_value(); });
}

bool IsSet(const PlanQuestion& question, const Row& row) {
  if (row.real != nullptr) return (question.*row.real).has_value();
  if (row.part != nullptr) return (question.layout.*row.part).has_value();
  switch (row.constraint) {
    case Constraint::kRecompute:
      return question.layout.recompute.has_value();
    case Constraint::kGlobalBatch:
      return question.global_batch_tokens.has_value();
    case Constraint::kMinGlobalBatch:
      return question.min_global_batch_tokens.has_value();
    case Constraint::kMaxGlobalBatch:
      return question.max_global_batch_tokens.has_value();
    case Constraint::kPartitionLimit:
      return HasPartitionLimit(question);
    case Constraint::kMaxJobCount:
      return question.max_job_count.has_value() && HasPartitionLimit(question);
    default:
      return !question.pools.empty();
  }
}

std::string Compact(double value) { return absl::StrFormat("%.4g", value); }

std::string DescribeSeconds(double seconds) {
  if (seconds >= 2 * kSecondsPerDay) return absl::StrCat(Compact(seconds / kSecondsPerDay), " d");
  if (seconds >= 2 * kSecondsPerHour) return absl::StrCat(Compact(seconds / kSecondsPerHour), " h");
  return absl::StrCat(Compact(seconds), " s");
}

}  // namespace

const char* ConstraintName(Constraint constraint) { return RowOf(constraint).name; }

std::vector<Constraint> ActiveConstraints(const PlanQuestion& question) {
  std::vector<Constraint> active;
  for (const Row& row : kRows) {
    if (IsSet(question, row)) active.push_back(row.constraint);
  }
  // Repetition has a limit even when nobody states one.
  if (question.unique_token_count.has_value() && !question.max_epoch_count.has_value()) {
    active.push_back(Constraint::kMaxEpochs);
    std::sort(active.begin(), active.end());
  }
  return active;
}

double ConstraintValue(const PlanQuestion& question, Constraint constraint) {
  const Row& row = RowOf(constraint);
  if (constraint == Constraint::kMaxEpochs) {
    return question.max_epoch_count.value_or(kDefaultMaxEpochCount);
  }
  if (row.real != nullptr) return (question.*row.real).value_or(0);
  if (row.part != nullptr) return static_cast<double>((question.layout.*row.part).value_or(0));
  double value = 0;
  switch (constraint) {
    case Constraint::kRecompute:
      return static_cast<double>(question.layout.recompute.value_or(Recompute::kNone));
    case Constraint::kGlobalBatch:
      return static_cast<double>(question.global_batch_tokens.value_or(0));
    case Constraint::kMinGlobalBatch:
      return static_cast<double>(question.min_global_batch_tokens.value_or(0));
    case Constraint::kMaxGlobalBatch:
      return static_cast<double>(question.max_global_batch_tokens.value_or(0));
    case Constraint::kPartitionLimit:
      for (const GpuPool& pool : question.pools) {
        value = std::max(value, pool.max_wall_seconds.value_or(0));
      }
      return value;
    case Constraint::kMaxJobCount:
      return static_cast<double>(question.max_job_count.value_or(kMostJobCount));
    case Constraint::kGpuMemory:
      return SmallestMemory(question);
    default:
      for (const GpuPool& pool : question.pools) value += static_cast<double>(pool.gpu_count);
      return value;
  }
}

PlanQuestion WithConstraint(PlanQuestion question, Constraint constraint, double value) {
  const Row& row = RowOf(constraint);
  if (row.real != nullptr) {
    question.*row.real = value;
    return question;
  }
  if (row.part != nullptr) {
    question.layout.*row.part = std::llround(value);
    return question;
  }
  const double factor = value / ConstraintValue(question, constraint);
  switch (constraint) {
    case Constraint::kRecompute:
      question.layout.recompute = static_cast<Recompute>(std::llround(value));
      break;
    case Constraint::kGlobalBatch:
      question.global_batch_tokens = std::llround(value);
      break;
    case Constraint::kMinGlobalBatch:
      question.min_global_batch_tokens = static_cast<int64_t>(std::floor(value));
      break;
    case Constraint::kMaxGlobalBatch:
      question.max_global_batch_tokens = static_cast<int64_t>(std::ceil(value));
      break;
    case Constraint::kPartitionLimit:
      for (GpuPool& pool : question.pools) {
        if (pool.max_wall_seconds.has_value()) *pool.max_wall_seconds *= factor;
      }
      break;
    case Constraint::kMaxJobCount:
      question.max_job_count = std::llround(value);
      break;
    case Constraint::kGpuMemory:
      if (question.max_memory_bytes.has_value()) *question.max_memory_bytes *= factor;
      for (GpuPool& pool : question.pools) {
        pool.gpu.memory_bytes = std::llround(static_cast<double>(pool.gpu.memory_bytes) * factor);
      }
      break;
    default:
      for (GpuPool& pool : question.pools) {
        pool.gpu_count = std::llround(static_cast<double>(pool.gpu_count) * factor);
      }
  }
  return question;
}

PlanQuestion WithoutConstraint(PlanQuestion question, Constraint constraint) {
  const Row& row = RowOf(constraint);
  if (constraint == Constraint::kMaxEpochs) {
    question.max_epoch_count = 1e9;
  } else if (row.real != nullptr) {
    (question.*row.real).reset();
  } else if (row.part != nullptr) {
    (question.layout.*row.part).reset();
  } else {
    switch (constraint) {
      case Constraint::kRecompute:
        question.layout.recompute.reset();
        break;
      case Constraint::kGlobalBatch:
        question.global_batch_tokens.reset();
        break;
      case Constraint::kMinGlobalBatch:
        question.min_global_batch_tokens.reset();
        break;
      case Constraint::kMaxGlobalBatch:
        // Not gone: without any the batch would be held to 4 B_crit.
        question.max_global_batch_tokens = kMostGlobalBatchTokens;
        break;
      case Constraint::kPartitionLimit:
        for (GpuPool& pool : question.pools) pool.max_wall_seconds.reset();
        break;
      case Constraint::kMaxJobCount:
        question.max_job_count.reset();
        break;
      case Constraint::kGpuMemory:
        question.max_memory_bytes.reset();
        for (GpuPool& pool : question.pools) pool.gpu.memory_bytes = kAmpleBytes;
        break;
      default:
        for (GpuPool& pool : question.pools) {
          const int64_t nodes = kManyGpus / pool.gpus_per_node;
          pool.gpu_count = std::max(pool.gpu_count, nodes * pool.gpus_per_node);
        }
    }
  }
  return question;
}

bool IsWhole(Constraint constraint) {
  return RowOf(constraint).part != nullptr || constraint == Constraint::kMaxJobCount;
}

int LooserDirection(Constraint constraint) { return RowOf(constraint).looser; }

std::optional<double> ValueInPlan(const Plan& plan, Constraint constraint) {
  if (constraint == Constraint::kParamCount) return plan.param_count;
  if (constraint == Constraint::kTokensPerParam) return plan.tokens_per_param;
  if (constraint == Constraint::kGlobalBatch) {
    return static_cast<double>(plan.batch.global_batch_tokens);
  }
  if (!plan.layout.has_value()) return std::nullopt;
  const Layout& layout = *plan.layout;
  switch (constraint) {
    case Constraint::kTensorParallel:
      return static_cast<double>(layout.tensor_parallel_size);
    case Constraint::kPipelineParallel:
      return static_cast<double>(layout.pipeline_parallel_size);
    case Constraint::kContextParallel:
      return static_cast<double>(layout.context_parallel_size);
    case Constraint::kExpertParallel:
      return static_cast<double>(layout.expert_parallel_size);
    case Constraint::kDataParallel:
      return static_cast<double>(layout.data_parallel_size);
    case Constraint::kVirtualStages:
      return static_cast<double>(layout.virtual_pipeline_stages);
    case Constraint::kZeroStage:
      return static_cast<double>(layout.zero_stage);
    case Constraint::kMicroBatch:
      return static_cast<double>(layout.micro_batch_size);
    case Constraint::kAccumulation:
      return static_cast<double>(plan.gradient_accumulation_steps);
    case Constraint::kRecompute:
      return static_cast<double>(layout.recompute);
    default:
      return std::nullopt;
  }
}

std::string DescribeValue(Constraint constraint, double value) {
  switch (constraint) {
    case Constraint::kDeadline:
    case Constraint::kPartitionLimit:
      return DescribeSeconds(value);
    case Constraint::kGpuMemory:
    case Constraint::kServingMemory:
      return absl::StrCat(Compact(value / kGibibyte), " GiB");
    case Constraint::kBudget:
      return absl::StrCat("$", Compact(value));
    case Constraint::kRecompute: {
      constexpr const char* kModes[] = {"none", "selective", "full"};
      return kModes[std::clamp<int64_t>(std::llround(value), 0, 2)];
    }
    case Constraint::kTargetLoss:
      return absl::StrFormat("%.6g nats", value);
    case Constraint::kGpuCount:
      return absl::StrFormat("%.0f GPU%s", value, value == 1 ? "" : "s");
    default:
      break;
  }
  const char* unit = RowOf(constraint).unit;
  if (*unit == '\0') return Compact(value);
  const bool plural = value != 1 && constraint != Constraint::kComputeFlops &&
                      constraint != Constraint::kLifetimeComputeFlops &&
                      constraint != Constraint::kTokensPerParam;
  return absl::StrCat(Compact(value), " ", unit, plural ? "s" : "");
}

std::string UnitOf(Constraint constraint) { return RowOf(constraint).unit; }

}  // namespace rhumb

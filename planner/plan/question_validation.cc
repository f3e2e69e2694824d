// SPDX-License-Identifier: Apache-2.0
// ValidateQuestion and ValidateCheckQuestion: everything wrong with a question at once.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "planner/plan/check.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/overheads.h"
#include "planner/plan/problem.h"

namespace rhumb {
namespace {

constexpr double kMost = 1e40;       // above any FLOP count a planet could spend
constexpr double kMostCount = 1e18;  // tokens, parameters: exact in a double's step arithmetic
constexpr double kMostStartupSeconds = 1e6;
constexpr int64_t kMostSequence = int64_t{1} << 24;
constexpr int64_t kMostVocab = int64_t{1} << 24;
constexpr int64_t kMostGpus = 1000000;
constexpr int64_t kMostMicroBatch = 65536;

class Violations {
 public:
  void Add(const std::string& field, const std::string& description) {
    list_.push_back({field, description});
  }

  void Range(const std::string& field, const std::optional<double>& value, double low, double high,
             const char* allowed) {
    if (!value.has_value()) return;
    if (std::isfinite(*value) && *value >= low && *value <= high) return;
    Add(field, absl::StrCat("must be ", allowed, ", got ", *value));
  }
  void Positive(const std::string& field, const std::optional<double>& value, double high = kMost) {
    Range(field, value, std::numeric_limits<double>::min(), high,
          absl::StrCat("a positive number up to ", high).c_str());
  }
  void Count(const std::string& field, const std::optional<int64_t>& value, int64_t low,
             int64_t high) {
    if (!value.has_value() || (*value >= low && *value <= high)) return;
    Add(field, absl::StrCat("must be between ", low, " and ", high, ", got ", *value));
  }

  std::vector<FieldViolation> Take() { return std::move(list_); }

 private:
  std::vector<FieldViolation> list_;
};

void ValidateLayoutConstraints(const LayoutConstraints& layout, Violations& out) {
  out.Count("layout.tensor_parallel_size", layout.tensor_parallel_size, 1, kMostGpus);
  out.Count("layout.pipeline_parallel_size", layout.pipeline_parallel_size, 1, kMostGpus);
  out.Count("layout.context_parallel_size", layout.context_parallel_size, 1, kMostGpus);
  out.Count("layout.expert_parallel_size", layout.expert_parallel_size, 1, kMostGpus);
  out.Count("layout.data_parallel_size", layout.data_parallel_size, 1, kMostGpus);
  out.Count("layout.virtual_pipeline_stages", layout.virtual_pipeline_stages, 1, kMostGpus);
  out.Count("layout.zero_stage", layout.zero_stage, 0, 3);
  out.Count("layout.micro_batch_size", layout.micro_batch_size, 1, kMostMicroBatch);
  out.Count("layout.gradient_accumulation_steps", layout.gradient_accumulation_steps, 1,
            1000000000);
  out.Count("layout.max_tensor_parallel_size", layout.max_tensor_parallel_size, 1, kMostGpus);
  out.Count("layout.max_pipeline_parallel_size", layout.max_pipeline_parallel_size, 1, kMostGpus);
}

void ValidatePool(const std::string& field, const GpuPool& pool, Precision precision,
                  Violations& out) {
  out.Count(field + ".count", pool.gpu_count, 1, kMostGpus);
  out.Count(field + ".gpus_per_node", pool.gpus_per_node, 1, 1024);
  out.Range(field + ".price_usd_per_gpu_hour", pool.price_usd_per_gpu_hour, 0, 1e6,
            "a number from 0 to 1e6");
  out.Positive(field + ".max_wall_seconds", pool.max_wall_seconds);
  out.Positive(field + ".inter_node_gbps_per_gpu", pool.inter_node_bytes_per_second_per_gpu, 1e15);
  if (!PeakFlopsPerSecond(pool.gpu, precision).has_value()) {
    out.Add("precision", absl::StrCat("no dense peak is known for ", pool.gpu.id,
                                      " in this precision; choose another precision or GPU"));
  }
}

void ValidateShape(const std::optional<ModelShape>& shape, Violations& out) {
  if (!shape.has_value()) return;
  const absl::Status status = ValidateModelShape(*shape);
  if (!status.ok()) out.Add("architecture", std::string(status.message()));
}

void ValidateNumbers(const PlanQuestion& q, Violations& out) {
  out.Positive("compute_flops", q.compute_flops);
  out.Positive("lifetime_compute_flops", q.lifetime_compute_flops);
  out.Positive("gpu_hours", q.gpu_hours, 1e15);
  out.Positive("deadline_seconds", q.deadline_seconds, 1e12);
  out.Count("max_job_count", q.max_job_count, 1, kMostJobCount);
  out.Range("budget_usd", q.budget_usd, 0, 1e15, "a number from 0 to 1e15");
  out.Positive("target_loss_nats", q.target_loss_nats, 100);
  out.Range("unique_token_count", q.unique_token_count, 1, kMostCount, "between 1 and 1e18");
  out.Range("max_epoch_count", q.max_epoch_count, 1, 1e6, "between 1 and 1e6");
  out.Range("inference_token_count", q.inference.token_count, 0, kMost, "a number not below 0");
  out.Range("inference_prefill_fraction", q.inference.prefill_fraction, 0, 1, "between 0 and 1");
  out.Positive("inference_prefill_mfu", q.inference.prefill_mfu, 1);
  out.Positive("inference_decode_mfu", q.inference.decode_mfu, 1);
  out.Range("inference_usd_per_gpu_hour", q.inference.usd_per_gpu_hour, 0, 1e6,
            "a number from 0 to 1e6");
  out.Positive("serving_memory_bytes", q.serving_memory_bytes, kMostCount);
  out.Range("param_count", q.param_count, 1e6, 1e14, "between 1e6 and 1e14");
  out.Range("min_param_count", q.min_param_count, 1, kMostCount, "between 1 and 1e18");
  out.Range("max_param_count", q.max_param_count, 1, kMostCount, "between 1 and 1e18");
  out.Range("token_count", q.token_count, 1, kMostCount, "between 1 and 1e18");
  out.Positive("tokens_per_param", q.tokens_per_param, 1e9);
  out.Count("sequence_length", q.sequence_length, 1, kMostSequence);
  out.Count("vocab_size", q.vocab_size, 1, kMostVocab);
  out.Count("global_batch_tokens", q.global_batch_tokens, 1, kMostGlobalBatchTokens);
  out.Count("min_global_batch_tokens", q.min_global_batch_tokens, 1, kMostGlobalBatchTokens);
  out.Count("max_global_batch_tokens", q.max_global_batch_tokens, 1, kMostGlobalBatchTokens);
  out.Range("done_token_count", q.done_token_count, 0, kMostCount, "between 0 and 1e18");
  out.Count("done_step_count", q.done_step_count, 0, int64_t{1} << 53);
  out.Range("step_time_factor", q.step_time_factor, 0.01, 100, "between 0.01 and 100");
  out.Positive("noise_scale_tokens", q.noise_scale_tokens, 1e15);
  out.Positive("mfu", q.mfu, 1);
  out.Range("memory_headroom_fraction", q.memory_headroom_fraction, 0, 0.99, "between 0 and 0.99");
  out.Positive("max_memory_bytes", q.max_memory_bytes, kMostCount);
  out.Positive("max_power_watts", q.max_power_watts, 1e15);
  out.Range("failures_per_gpu_hour", q.failures_per_gpu_hour, 0, 1, "between 0 and 1");
  out.Range("startup_seconds", q.startup_seconds, 0, kMostStartupSeconds, "between 0 and 1e6");
  out.Range("level", q.level, 0.01, 0.9999, "between 0.01 and 0.9999");
}

void ValidateCombinations(const PlanQuestion& q, Violations& out) {
  if (q.min_param_count && q.max_param_count && *q.min_param_count > *q.max_param_count) {
    out.Add("min_param_count", absl::StrCat("must not exceed max_param_count, got ",
                                            *q.min_param_count, " > ", *q.max_param_count));
  }
  if (q.architecture && q.param_count) {
    out.Add("param_count", "the architecture already fixes the size; give only one of the two");
  }
  if (q.token_count && q.tokens_per_param) {
    out.Add("tokens_per_param", "give at most one of token_count and tokens_per_param");
  }
  const int64_t sequence = q.architecture ? q.architecture->sequence_length : q.sequence_length;
  if (q.global_batch_tokens && sequence > 0 && *q.global_batch_tokens % sequence != 0) {
    out.Add("global_batch_tokens", absl::StrCat("must be a multiple of the sequence length ",
                                                sequence, ", got ", *q.global_batch_tokens));
  }
}

void ValidateBatchBounds(const PlanQuestion& q, Violations& out) {
  const std::optional<int64_t>& least = q.min_global_batch_tokens;
  const std::optional<int64_t>& most = q.max_global_batch_tokens;
  if (least && most && *least > *most) {
    out.Add("min_global_batch_tokens",
            absl::StrCat("must not exceed max_global_batch_tokens, got ", *least, " > ", *most));
  }
  if (q.global_batch_tokens && (least || most)) {
    out.Add(least ? "min_global_batch_tokens" : "max_global_batch_tokens",
            "global_batch_tokens already fixes the batch; give it or bounds");
  }
}

// Of a run that is under way.
void ValidateDone(const PlanQuestion& q, Violations& out) {
  if (q.done_token_count <= 0) {
    if (q.done_step_count > 0) out.Add("done_step_count", "needs done_token_count");
    return;
  }
  if (q.token_count && *q.token_count <= q.done_token_count) {
    out.Add("token_count", absl::StrCat("must be more than the ", q.done_token_count,
                                        " tokens that are done, got ", *q.token_count));
  }
  if (q.target_loss_nats) {
    out.Add("target_loss_nats", "of the rest of a run is not planned; give token_count");
  }
  if (!q.architecture) {
    out.Add("architecture", "a run that is under way has a model: give its architecture");
  }
  if (q.pools.empty()) {
    out.Add("done_token_count", "the rest of a run needs GPUs: give gpu_pools or a cluster");
  }
}

void ValidateHardware(const PlanQuestion& q, Violations& out) {
  for (size_t i = 0; i < q.pools.size(); ++i) {
    ValidatePool(absl::StrCat("gpu_pools[", i, "]"), q.pools[i], q.precision, out);
  }
  const bool rented = q.gpu_without_count.has_value() && q.mfu.has_value();
  if (q.pools.empty()) {
    if (q.deadline_seconds) out.Add("deadline_seconds", "needs GPUs: give gpu_pools or a cluster");
    if (q.max_power_watts) out.Add("max_power_watts", "needs GPUs: give gpu_pools or a cluster");
    if (q.objective == Objective::kTime) {
      out.Add("objective", "TIME needs GPUs: give gpu_pools or a cluster");
    }
    if (q.gpu_hours && !rented) {
      out.Add("gpu_hours", "needs GPUs: give gpu_pools, a cluster, or gpu_type with mfu");
    }
    if (q.budget_usd && !rented) {
      out.Add("budget_usd",
              "needs GPUs with a price: give gpu_pools or a cluster and price_usd_per_gpu_hour, or "
              "gpu_type with mfu and a price");
    }
    if (q.mfu && !q.gpu_without_count) {
      out.Add("mfu", "needs a GPU to be a fraction of: give gpu_pools, a cluster or gpu_type");
    }
  }
  if (q.startup_seconds && q.mfu) {
    out.Add("startup_seconds", "not with mfu, which is effective over the wall clock");
  } else if (q.startup_seconds && q.pools.empty()) {
    out.Add("startup_seconds", "needs GPUs: give gpu_pools or a cluster");
  }
  if (q.gpu_without_count && !q.mfu && q.pools.empty()) {
    out.Add("gpu_type", "a GPU type without a count needs mfu; or give gpu_pools");
  }
  if (!q.budget_usd) return;
  for (const GpuPool& pool : q.pools) {
    if (pool.price_usd_per_gpu_hour) continue;
    out.Add("budget_usd", absl::StrCat("no price is known for ", pool.gpu.id,
                                       ": give price_usd_per_gpu_hour (--price)"));
  }
  if (rented && q.pools.empty() && !q.gpu_without_count->price_usd_per_gpu_hour) {
    out.Add("budget_usd", absl::StrCat("no price is known for ", q.gpu_without_count->gpu.id,
                                       ": give price_usd_per_gpu_hour (--price)"));
  }
}

void ValidateObjective(const PlanQuestion& q, Violations& out) {
  const std::optional<Objective> objective = ResolveObjective(q);
  const bool tokens_known = q.tokens_per_param || (q.token_count && !q.target_loss_nats);
  if (!objective.has_value()) {
    out.Add(
        "compute_flops",
        "nothing bounds the training; give one of compute_flops, gpu_hours, deadline_seconds, "
        "budget_usd, lifetime_compute_flops, target_loss_nats, or param_count with token_count");
    return;
  }
  switch (*objective) {
    case Objective::kLoss: {
      const bool bounded = q.compute_flops || q.gpu_hours || q.deadline_seconds || q.budget_usd ||
                           q.lifetime_compute_flops ||
                           ((q.param_count || q.architecture) && tokens_known);
      if (!bounded) {
        out.Add("compute_flops",
                "nothing bounds the training; LOSS needs one of compute_flops, gpu_hours, "
                "deadline_seconds, budget_usd, lifetime_compute_flops, or param_count with "
                "token_count");
      }
      break;
    }
    case Objective::kSize:
      if (!q.target_loss_nats) out.Add("target_loss_nats", "SIZE needs a target loss");
      break;
    case Objective::kLifetimeCost:
      if (q.inference.token_count <= 0) {
        out.Add("inference_token_count", "LIFETIME_COST needs the tokens to be served");
      }
      [[fallthrough]];
    default:
      if (!q.target_loss_nats && !tokens_known) {
        out.Add("target_loss_nats", "this objective needs a target loss, or tokens to train on");
      }
  }
}

}  // namespace

std::vector<FieldViolation> ValidateQuestion(const PlanQuestion& question) {
  Violations out;
  ValidateNumbers(question, out);
  ValidateShape(question.architecture, out);
  ValidateLayoutConstraints(question.layout, out);
  ValidateCombinations(question, out);
  ValidateBatchBounds(question, out);
  ValidateDone(question, out);
  ValidateHardware(question, out);
  ValidateObjective(question, out);
  return out.Take();
}

std::vector<FieldViolation> ValidateCheckQuestion(const CheckQuestion& question) {
  Violations out;
  if (question.architecture.has_value() == question.param_count.has_value()) {
    out.Add("architecture", "give exactly one of architecture and param_count");
  }
  out.Range("param_count", question.param_count, 1e6, 1e14, "between 1e6 and 1e14");
  ValidateShape(question.architecture, out);
  ValidatePool("gpu_pool", question.pool, question.precision, out);
  ValidateLayoutConstraints(question.layout, out);
  out.Count("sequence_length", question.sequence_length, 1, kMostSequence);
  out.Count("vocab_size", question.vocab_size, 1, kMostVocab);
  out.Count("global_batch_tokens", question.global_batch_tokens, 1, kMostGlobalBatchTokens);
  out.Range("token_count", question.token_count, 1, kMostCount, "between 1 and 1e18");
  out.Positive("deadline_seconds", question.deadline_seconds, 1e12);
  out.Range("budget_usd", question.budget_usd, 0, 1e15, "a number from 0 to 1e15");
  out.Range("memory_headroom_fraction", question.memory_headroom_fraction, 0, 0.99,
            "between 0 and 0.99");
  out.Positive("max_memory_bytes", question.max_memory_bytes, kMostCount);
  out.Range("failures_per_gpu_hour", question.failures_per_gpu_hour, 0, 1, "between 0 and 1");
  out.Range("startup_seconds", question.startup_seconds, 0, kMostStartupSeconds,
            "between 0 and 1e6");
  out.Range("level", question.level, 0.01, 0.9999, "between 0.01 and 0.9999");
  out.Count("expert_tensor_parallel_size", question.expert_tensor_parallel_size, 1, kMostGpus);
  if (question.budget_usd && !question.pool.price_usd_per_gpu_hour) {
    out.Add("budget_usd", absl::StrCat("no price is known for ", question.pool.gpu.id,
                                       ": give price_usd_per_gpu_hour (--price)"));
  }
  std::vector<FieldViolation> violations = out.Take();
  if (!violations.empty()) return violations;
  // The layout can only be judged once its parts are in range.
  const absl::StatusOr<CheckAnswer> answer = CheckConfiguration(question);
  if (!answer.ok()) {
    violations.push_back({"layout", std::string(answer.status().message())});
  }
  return violations;
}

}  // namespace rhumb

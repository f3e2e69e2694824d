// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/plan/question_fixtures.h"

#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/laws/catalog.h"
#include "planner/laws/loss_model.h"
#include "planner/plan/make_plan.h"

namespace rhumb::testing_support {
namespace {

constexpr double kHour = 3600;

// Pools, in which the first decides how large a model is worth asking about.
void AddPools(Dice& dice, PlanQuestion& q) {
  const int pools = dice.Chance(0.35) ? 2 : 1;
  const bool priced = dice.Chance(0.65);
  const double common_price = dice.Uniform(0.5, 4);
  const bool equal_prices = dice.Chance(0.3);
  for (int i = 0; i < pools; ++i) {
    const auto [count, per_node] = dice.Pick<std::pair<int64_t, int64_t>>(
        {{6, 6}, {6, 4}, {12, 6}, {12, 4}, {12, 12}, {24, 8}, {24, 12}, {96, 48}, {96, 32}});
    // The second pool is small: two large ones are slow to enumerate.
    GpuPool pool =
        MakePool(dice.Pick({"H100-SXM5-80GB", "A100-SXM4-80GB", "A100-SXM4-40GB", "RTX-4090-24GB"}),
                 i == 0 ? count : int64_t{6}, i == 0 ? per_node : int64_t{6});
    if (priced) pool.price_usd_per_gpu_hour = equal_prices ? common_price : dice.Uniform(0.5, 4);
    if (dice.Chance(0.1)) pool.max_wall_seconds = dice.Uniform(20, 500) * kHour;
    q.pools.push_back(std::move(pool));
  }
}

// Layers and heads that many GPU counts do not divide.
ModelShape RandomShape(Dice& dice) {
  const int64_t heads = dice.Pick<int64_t>({10, 12, 25, 15, 16, 20, 28});
  const int64_t kv_heads = heads % 5 == 0 && dice.Chance(0.4)   ? 5
                           : heads % 4 == 0 && dice.Chance(0.4) ? 4
                                                                : heads;
  const int64_t head_dim = dice.Pick<int64_t>({64, 128, 128});
  ModelShape shape = MakeShape(dice.Pick<int64_t>({10, 12, 18, 24, 25}), heads, kv_heads, head_dim);
  shape.vocab_size = dice.Pick<int64_t>({32000, 50257});
  shape.tied_embeddings = dice.Chance(0.3);
  if (dice.Chance(0.25)) shape.sequence_length = 4096;
  if (dice.Chance(0.12)) {
    shape.expert_count = dice.Pick<int64_t>({4, 6, 8});
    shape.experts_per_token = 2;
    shape.moe_ffn_hidden_size = shape.ffn_hidden_size / 4;
    shape.num_moe_layers = shape.num_layers - 1;
  }
  return shape;
}

// Seconds that the first pool would take for `flops` at 40% of its peak.
double TypicalSeconds(const PlanQuestion& q, double flops) {
  const GpuPool& pool = q.pools.front();
  const double peak = PeakFlopsPerSecond(pool.gpu, q.precision).value_or(1);
  return flops / (0.4 * peak * static_cast<double>(pool.gpu_count));
}

// A limit of time, GPU-hours or money at `share` of what `flops` would typically take.
void LimitTimeOrMoney(Dice& dice, double flops, double share, PlanQuestion& q) {
  const double seconds = TypicalSeconds(q, flops) * share + kHour;
  const double gpu_hours = seconds * static_cast<double>(q.pools.front().gpu_count) / kHour;
  const std::optional<double>& price = q.pools.front().price_usd_per_gpu_hour;
  const bool all_priced = q.pools.back().price_usd_per_gpu_hour.has_value();
  const int kind = static_cast<int>(dice.Roll() % 3);
  if (kind == 1) {
    q.gpu_hours = gpu_hours;
  } else if (kind == 2 && all_priced) {
    q.budget_usd = gpu_hours * *price;
  } else {
    q.deadline_seconds = seconds;
  }
}

}  // namespace

uint64_t Dice::Roll() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

double Dice::Uniform(double low, double high) {
  return low + (high - low) * static_cast<double>(Roll() >> 11) * 0x1p-53;
}

double Dice::LogUniform(double low, double high) {
  return std::exp(Uniform(std::log(low), std::log(high)));
}

PlanQuestion EmptyQuestion() {
  PlanQuestion question;
  question.law = *FindLaw(kDefaultLawName);
  question.framework = *FindFrameworkProfile("megatron");
  return question;
}

GpuPool MakePool(absl::string_view gpu_type, int64_t count, int64_t per_node) {
  GpuPool pool;
  pool.gpu = FindGpu(gpu_type).value();
  pool.gpu_count = count;
  pool.gpus_per_node = per_node;
  pool.inter_node_bytes_per_second_per_gpu = pool.gpu.network_bytes_per_second;
  return pool;
}

ModelShape MakeShape(int64_t layers, int64_t heads, int64_t kv_heads, int64_t head_dim) {
  ModelShape shape;
  shape.name = absl::StrCat("test-l", layers, "-a", heads, "-d", head_dim);
  shape.num_layers = layers;
  shape.num_attention_heads = heads;
  shape.num_key_value_heads = kv_heads;
  shape.head_dim = head_dim;
  shape.hidden_size = heads * head_dim;
  shape.ffn_hidden_size = (shape.hidden_size * 8 / 3 + 32) / 64 * 64;
  shape.vocab_size = 32000;
  shape.sequence_length = 2048;
  return shape;
}

ModelShape SmallShape() { return MakeShape(10, 10, 10, 64); }

PlanQuestion SmallQuestion() {
  PlanQuestion question = EmptyQuestion();
  question.architecture = SmallShape();
  question.pools = {MakePool("A100-SXM4-40GB", 12, 6)};
  question.deadline_seconds = 48 * kHour;
  question.noise_scale_tokens = 256 * 1024;
  return question;
}

Plan PlanOf(const PlanQuestion& question) {
  absl::StatusOr<Plan> plan = MakePlan(question, PlanOptions{});
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  return plan.ok() ? *std::move(plan) : Plan{};
}

void NamePools(PlanQuestion& question) {
  for (size_t i = 0; i < question.pools.size(); ++i) {
    question.pools[i].cluster = absl::StrCat(i);
  }
}

int PoolIndexOf(const Plan& plan) {
  int index = -1;
  if (plan.allocation.has_value() && absl::SimpleAtoi(plan.allocation->cluster, &index))
    return index;
  return -1;
}

std::string Choice(const Plan& plan) {
  if (!plan.feasible) return "infeasible";
  std::string text =
      absl::StrCat(plan.model.name, " l", plan.model.num_layers, " h", plan.model.hidden_size, " f",
                   plan.model.ffn_hidden_size, "; batch ", plan.batch.global_batch_tokens, " x ",
                   plan.batch.step_count, " = ", plan.token_count);
  if (plan.layout.has_value()) {
    const Layout& l = *plan.layout;
    absl::StrAppend(&text, "; ", plan.allocation->gpu_count, " ", plan.allocation->gpu_type, " of ",
                    plan.allocation->cluster, "; t", l.tensor_parallel_size, " p",
                    l.pipeline_parallel_size, " c", l.context_parallel_size, " e",
                    l.expert_parallel_size, " d", l.data_parallel_size, " z", l.zero_stage, " b",
                    l.micro_batch_size, " r");
    absl::StrAppend(&text, static_cast<int>(l.recompute), " v", l.virtual_pipeline_stages, " m",
                    plan.gradient_accumulation_steps);
  }
  return text;
}

PlanQuestion RandomQuestion(uint64_t seed) {
  Dice dice(seed * 1000003 + 17);
  PlanQuestion q = EmptyQuestion();
  if (dice.Chance(0.2)) q.law = *FindLaw("muennighoff2023-c4");
  AddPools(dice, q);

  // One odd architecture, or a few neighbouring rungs of the ladder.
  double params = 0, total_params = 0;
  if (dice.Chance(0.6)) {
    q.architecture = RandomShape(dice);
    params = static_cast<double>(CountParams(*q.architecture).active);
    total_params = static_cast<double>(CountParams(*q.architecture).total);
  } else {
    params = total_params = dice.LogUniform(0.3e9, 8e9);
    q.min_param_count = params;
    q.max_param_count = params * dice.Uniform(1.15, 1.3);
    q.sequence_length = 4096;
    q.vocab_size = 32000;
    if (dice.Chance(0.4)) q.param_count_convention = ParamCountConvention::kNonEmbedding;
  }
  const double tokens = params * dice.LogUniform(3, 60);
  const double flops = 6 * params * tokens;

  const Objective objective =
      dice.Pick({Objective::kLoss, Objective::kLoss, Objective::kCost, Objective::kTime,
                 Objective::kLifetimeCost, Objective::kSize});
  q.objective = objective;
  if (objective == Objective::kLifetimeCost) q.inference.token_count = dice.LogUniform(1e9, 1e12);
  if (dice.Chance(0.3)) {
    q.unique_token_count = tokens * dice.LogUniform(0.1, 2);
    if (dice.Chance(0.5)) q.max_epoch_count = dice.Uniform(2, 30);
  }
  const bool exact_tokens = objective != Objective::kSize && dice.Chance(0.15);
  if (exact_tokens) {
    if (dice.Chance(0.5)) {
      q.token_count = std::floor(tokens);
    } else {
      q.tokens_per_param = tokens / params;
    }
  }
  if (objective == Objective::kLoss) {
    if (dice.Chance(0.2)) q.compute_flops = flops * dice.Uniform(0.5, 1.5);
    if (!q.compute_flops || dice.Chance(0.5)) {
      LimitTimeOrMoney(dice, flops, dice.Uniform(exact_tokens ? 1.5 : 0.3, 3), q);
    }
  } else {
    if (!exact_tokens) {
      q.target_loss_nats = PredictLoss(q.law, params, {tokens, q.unique_token_count, 1});
      if (dice.Chance(0.2)) q.token_count = tokens * 3;
    }
    if (dice.Chance(0.8)) LimitTimeOrMoney(dice, flops, dice.Uniform(0.9, 2.5), q);
  }

  // Small critical batches keep the number of batches per layout low.
  const int64_t sequence = q.architecture ? q.architecture->sequence_length : q.sequence_length;
  q.noise_scale_tokens = static_cast<double>(sequence) * dice.LogUniform(12, 150);
  if (dice.Chance(0.15)) {
    q.global_batch_tokens = sequence * dice.Pick<int64_t>({48, 96, 120, 192});
  } else if (dice.Chance(0.08)) {
    q.noise_scale_tokens.reset();  // the default rule: B_crit at the loss reached
    q.layout.micro_batch_size = dice.Pick<int64_t>({2, 4});
  }
  if (dice.Chance(0.35)) q.memory_headroom_fraction = dice.Uniform(0.02, 0.4);
  if (dice.Chance(0.2)) q.max_memory_bytes = dice.Uniform(14, 40) * 1e9;
  if (dice.Chance(0.1)) q.serving_memory_bytes = total_params * 2.5;
  if (dice.Chance(0.1)) q.layout.recompute = dice.Pick({Recompute::kNone, Recompute::kSelective});
  if (dice.Chance(0.1)) q.layout.max_tensor_parallel_size = dice.Pick<int64_t>({1, 2, 5});
  if (dice.Chance(0.08)) q.layout.zero_stage = dice.Pick<int64_t>({1, 2, 3});
  if (dice.Chance(0.15)) q.mfu = dice.Uniform(0.2, 0.5);
  if (dice.Chance(0.15)) {
    const GpuPool& pool = q.pools.front();
    q.max_power_watts =
        dice.Uniform(0.4, 1.1) * static_cast<double>(pool.gpu_count) * pool.gpu.board_watts;
  }
  // Partitions that end jobs well before the run is over, and some that leave no time to train.
  if (dice.Chance(0.3)) {
    const double typical = TypicalSeconds(q, flops);
    for (GpuPool& pool : q.pools) {
      if (dice.Chance(0.8)) pool.max_wall_seconds = typical * dice.LogUniform(0.02, 1) + kHour / 4;
    }
    if (dice.Chance(0.05)) q.pools.back().max_wall_seconds = dice.Uniform(0.1, 0.3) * kHour;
    if (dice.Chance(0.3)) q.max_job_count = 1 + static_cast<int64_t>(dice.LogUniform(1, 60));
  }
  if (!q.mfu && dice.Chance(0.15)) {
    q.startup_seconds = dice.Chance(0.5) ? 0 : dice.LogUniform(1, 7200);
  }
  NamePools(q);
  return q;
}

}  // namespace rhumb::testing_support

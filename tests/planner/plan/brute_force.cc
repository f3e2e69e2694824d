// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/plan/brute_force.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "planner/cost/cost_model.h"
#include "planner/laws/critical_batch.h"
#include "planner/laws/loss_model.h"
#include "planner/plan/ladder.h"
#include "planner/plan/overheads.h"

namespace rhumb::testing_support {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();
constexpr double kHour = 3600;
// Rounding of whole steps and of limits, as the planner declares them.
constexpr double kStepSlack = 1e-12;
constexpr double kLimitSlack = 1e-9;

// 33 significant bits: figures that differ less are ties.
double Rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  return std::ldexp(std::round(std::ldexp(mantissa, 33)), exponent - 33);
}

// The unit that an objective is counted in.
enum class Unit { kNats, kUsd, kGpuHours, kFlops, kSeconds, kLifetimeUsd, kLifetimeFlops, kParams };

struct Model {
  ModelShape shape;
  double law_params = 0;
  double non_embedding_params = 0;
  double total_params = 0;
  double active_params = 0;
  double flops_per_token = 0;
  double most_tokens = kNoLimit;
  std::optional<double> exact_tokens;
};

struct Machine {
  int pool_index = 0;
  int64_t gpus = 0;
  double most_wall_seconds = kNoLimit;
  double usd_per_second = 0;
  double inference_usd = 0;
  double capacity_bytes = kNoLimit;
  OverheadModel overheads;
  // Jobs, if there are to be several: how long each, how many, and what one more costs.
  double job_seconds = kNoLimit;
  int64_t most_jobs = 1;
  double change_seconds = 0;
  double longest_train_seconds = kNoLimit;

  double InOneJob(double train_seconds) const {
    return overheads.startup_seconds + train_seconds * (1 + overheads.per_train_second());
  }
  // One job more for as long as those there are do not hold the run; infinite beyond the most.
  double WallSeconds(double train_seconds) const {
    double wall = InOneJob(train_seconds);
    for (int64_t jobs = 1; most_jobs > 1; ++jobs) {
      if (wall <= static_cast<double>(jobs) * job_seconds * (1 + kLimitSlack)) break;
      if (jobs == most_jobs) return kNoLimit;
      wall += change_seconds;
    }
    return wall;
  }
};

struct Outcome {
  double metric = 0, cost = 0, wall = 0;
  int64_t gpus = 0;
  double params = 0;
  int pool_index = 0;
  std::array<int64_t, 8> layout_order{};
  int64_t batch_tokens = 0;
  int64_t step_count = 0;
  int64_t micro_batches = 0;
};

class Solver {
 public:
  Solver(const PlanQuestion& question, Objective objective)
      : q_(question), objective_(objective), unit_(UnitOfObjective()) {}

  BruteForceAnswer Solve() {
    for (const Model& model : Models()) {
      if (q_.pools.empty()) {
        ++answer_.candidate_count;
        TryBatches(model, Machine{}, nullptr, Layout{}, 1);
      }
      for (size_t pool = 0; pool < q_.pools.size(); ++pool) TryPool(model, static_cast<int>(pool));
    }
    return answer_;
  }

 private:
  bool AllPriced() const {
    for (const GpuPool& pool : q_.pools) {
      if (!pool.price_usd_per_gpu_hour.has_value()) return false;
    }
    return !q_.pools.empty();
  }

  Unit UnitOfObjective() const {
    switch (objective_) {
      case Objective::kLoss:
        return Unit::kNats;
      case Objective::kSize:
        return Unit::kParams;
      case Objective::kTime:
        return Unit::kSeconds;
      case Objective::kLifetimeCost:
        return AllPriced() ? Unit::kLifetimeUsd : Unit::kLifetimeFlops;
      default:
        break;
    }
    if (q_.pools.empty()) return Unit::kFlops;
    return AllPriced() ? Unit::kUsd : Unit::kGpuHours;
  }

  // ---- outer choices --------------------------------------------------------------------------

  std::vector<Model> Models() const {
    const ParamCountConvention convention =
        q_.param_count_convention.value_or(q_.law.param_count_convention);
    std::vector<ModelShape> shapes;
    if (q_.architecture.has_value()) {
      shapes.push_back(*q_.architecture);
    } else if (q_.param_count.has_value()) {
      shapes.push_back(ShapeOfSize(*q_.param_count, convention, q_.vocab_size, q_.sequence_length));
    } else {
      shapes = Ladder(q_.vocab_size, q_.sequence_length);
    }
    std::vector<Model> models;
    for (const ModelShape& shape : shapes) {
      const ParamCounts counts = CountParams(shape);
      const double counted = static_cast<double>(
          convention == ParamCountConvention::kTotal ? counts.total : counts.non_embedding);
      if (counted < q_.min_param_count.value_or(0) * (1 - 1e-12)) continue;
      if (counted > q_.max_param_count.value_or(kNoLimit) * (1 + 1e-12)) continue;
      if (2.0 * static_cast<double>(counts.total) > q_.serving_memory_bytes.value_or(kNoLimit)) {
        continue;
      }
      Model model;
      model.shape = shape;
      model.total_params = static_cast<double>(counts.total);
      model.active_params = static_cast<double>(counts.active);
      model.non_embedding_params = static_cast<double>(counts.active_non_embedding);
      model.law_params = q_.law.param_count_convention == ParamCountConvention::kTotal
                             ? model.active_params
                             : model.non_embedding_params;
      model.flops_per_token =
          TrainingFlopsPerToken(shape, q_.law.flops_convention, q_.law.param_count_convention);
      SetTokenLimits(model);
      if (model.most_tokens > 0) models.push_back(model);
    }
    return models;
  }

  void SetTokenLimits(Model& model) const {
    std::vector<double> limits = {1e18};
    if (q_.compute_flops) limits.push_back(*q_.compute_flops / model.flops_per_token);
    if (q_.lifetime_compute_flops) {
      const double serving = 2 * model.active_params * q_.inference.token_count;
      limits.push_back((*q_.lifetime_compute_flops - serving) / model.flops_per_token);
    }
    if (q_.unique_token_count) {
      limits.push_back(*q_.unique_token_count * q_.max_epoch_count.value_or(kDefaultMaxEpochCount) -
                       q_.done_token_count);
    }
    if (q_.token_count) {
      if (q_.target_loss_nats || objective_ == Objective::kSize) {
        limits.push_back(*q_.token_count);
      } else {
        model.exact_tokens = *q_.token_count - q_.done_token_count;
      }
    }
    if (q_.tokens_per_param) {
      model.exact_tokens = *q_.tokens_per_param * model.law_params - q_.done_token_count;
    }
    if (q_.pools.empty() && q_.gpu_without_count && q_.mfu) {
      const GpuPool& rented = *q_.gpu_without_count;
      const double rate =
          PeakFlopsPerSecond(rented.gpu, q_.precision).value_or(0) * *q_.mfu * kHour;
      if (q_.gpu_hours) limits.push_back(*q_.gpu_hours * rate / model.flops_per_token);
      if (q_.budget_usd) {
        limits.push_back(*q_.budget_usd / rented.price_usd_per_gpu_hour.value_or(0) * rate /
                         model.flops_per_token);
      }
    }
    model.most_tokens = *std::min_element(limits.begin(), limits.end());
  }

  void TryPool(const Model& model, int pool_index) {
    const GpuPool& pool = q_.pools[static_cast<size_t>(pool_index)];
    const CostModel cost(model.shape, pool.gpu,
                         Fabric{pool.gpus_per_node, pool.inter_node_bytes_per_second_per_gpu},
                         q_.framework, TimeConstantsWith(q_.calibration.get(), pool.gpu.family));
    for (int64_t gpus = 1; gpus <= pool.gpu_count; ++gpus) {
      const bool inside_node = gpus < pool.gpus_per_node;
      if (!inside_node && gpus % pool.gpus_per_node != 0) continue;
      if (static_cast<double>(gpus) * pool.gpu.board_watts >
          q_.max_power_watts.value_or(kNoLimit)) {
        continue;
      }
      const Machine machine = MakeMachine(model, pool_index, gpus);
      for (const Layout& layout : LayoutsByBruteForce(model.shape, gpus, q_)) {
        ++answer_.candidate_count;
        TryBatches(model, machine, &cost, layout,
                   layout.micro_batch_size * layout.data_parallel_size);
      }
    }
  }

  Machine MakeMachine(const Model& model, int pool_index, int64_t gpus) const {
    const GpuPool& pool = q_.pools[static_cast<size_t>(pool_index)];
    Machine machine;
    machine.pool_index = pool_index;
    machine.gpus = gpus;
    const double count = static_cast<double>(gpus);
    const double price = pool.price_usd_per_gpu_hour.value_or(0);
    machine.usd_per_second = price * count / kHour;
    double most = q_.deadline_seconds.value_or(kNoLimit);
    if (q_.gpu_hours) most = std::min(most, *q_.gpu_hours / count * kHour);
    if (q_.budget_usd && price > 0) most = std::min(most, *q_.budget_usd / (price * count) * kHour);
    machine.capacity_bytes = std::min(static_cast<double>(pool.gpu.memory_bytes),
                                      q_.max_memory_bytes.value_or(kNoLimit)) *
                             (1 - q_.memory_headroom_fraction);
    if (!q_.mfu) {
      const int64_t nodes = gpus / pool.gpus_per_node + (gpus % pool.gpus_per_node != 0 ? 1 : 0);
      machine.overheads =
          MakeOverheadModel(model.total_params, gpus, nodes,
                            q_.failures_per_gpu_hour.value_or(kDefaultFailuresPerGpuHour),
                            q_.startup_seconds.value_or(600));
    }
    SetJobs(model, pool, most, machine);
    const ServingDemand& demand = q_.inference;
    const std::optional<double> serving_price =
        demand.usd_per_gpu_hour ? demand.usd_per_gpu_hour : pool.price_usd_per_gpu_hour;
    const double peak = PeakFlopsPerSecond(pool.gpu, q_.precision).value_or(0);
    if (serving_price && peak > 0) {
      const double prefill = demand.prefill_fraction / demand.prefill_mfu;
      const double decode = (1 - demand.prefill_fraction) / demand.decode_mfu;
      machine.inference_usd = 2 * model.active_params * demand.token_count * (prefill + decode) /
                              peak / kHour * *serving_price;
    }
    return machine;
  }

  // What a partition's limit makes of `most` seconds. A job of a chain starts in ten minutes, or
  // what is said, and ends with a checkpoint of 14 bytes a parameter, written at 2 GB/s a node;
  // with an effective MFU all of that is in the MFU.
  void SetJobs(const Model& model, const GpuPool& pool, double most, Machine& machine) const {
    if (!pool.max_wall_seconds) {
      machine.most_wall_seconds = most;
      machine.longest_train_seconds = TrainSeconds(machine, most);
      return;
    }
    const double limit = *pool.max_wall_seconds;
    const double nodes =
        std::ceil(static_cast<double>(machine.gpus) / static_cast<double>(pool.gpus_per_node));
    const double start = q_.mfu ? 0 : q_.startup_seconds.value_or(600);
    const double write = q_.mfu ? 0 : 14 * model.total_params / (2e9 * nodes);
    const int64_t asked = q_.max_job_count.value_or(10000);
    if (asked == 1 || limit <= start + write) {
      machine.most_wall_seconds = std::min(most, limit);
      machine.longest_train_seconds = TrainSeconds(machine, machine.most_wall_seconds);
      return;
    }
    machine.job_seconds = limit;
    machine.most_jobs = asked;
    machine.change_seconds = start + write;
    machine.most_wall_seconds = most;
    // The best of every number of jobs, each as long as it may be.
    machine.longest_train_seconds = -kNoLimit;
    for (int64_t jobs = 1; jobs <= asked; ++jobs) {
      const double held = std::min(most, static_cast<double>(jobs) * limit);
      const double train =
          TrainSeconds(machine, held - static_cast<double>(jobs - 1) * machine.change_seconds);
      machine.longest_train_seconds = std::max(machine.longest_train_seconds, train);
      if (held == most) break;
    }
  }

  static double TrainSeconds(const Machine& machine, double one_job_seconds) {
    return (one_job_seconds - machine.overheads.startup_seconds) /
           (1 + machine.overheads.per_train_second());
  }

  // ---- batch and tokens -----------------------------------------------------------------------

  double CriticalBatch(const Model& model, double tokens, double loss) const {
    if (q_.noise_scale_tokens) return *q_.noise_scale_tokens;
    BatchInputs inputs;
    inputs.param_count = model.non_embedding_params;
    inputs.token_count = tokens;
    inputs.training_flops = 6 * model.non_embedding_params * tokens;
    inputs.loss_nats = loss;
    inputs.reference_batch_tokens = q_.law.reference_batch_tokens;
    return CriticalBatchTokens(q_.batch_rule, inputs).value_or(KaplanCriticalBatchTokens(loss));
  }

  double Overhead(double batch, double critical) const {
    return TokenOverhead(batch, critical, q_.law.reference_batch_tokens.value_or(0.2 * critical));
  }

  struct LossAndBatch {
    double loss = 0, critical_batch = 0;
  };
  // The loss at which the critical batch, and the overhead that it implies, give that same loss.
  // Where there is none the critical batch is 0.
  LossAndBatch LossOf(const Model& model, double tokens, double batch) const {
    LossAndBatch at;
    double overhead = 1;
    for (int i = 0; i < 1200; ++i) {
      const double all = q_.done_token_count + tokens;
      at.loss = PredictLoss(q_.law, model.law_params, {all, q_.unique_token_count, overhead});
      at.critical_batch = CriticalBatch(model, all, at.loss);
      const double next = Overhead(batch, at.critical_batch);
      if (std::abs(next - overhead) <= 1e-14 * overhead) return at;
      overhead = next;
    }
    at.critical_batch = 0;
    return at;
  }

  std::optional<double> TokensToTarget(const Model& model, double batch) const {
    double overhead = 1;
    std::optional<double> tokens;
    for (int i = 0; i < 200; ++i) {
      tokens = TokensForTargetLoss(q_.law, model.law_params, *q_.target_loss_nats,
                                   q_.unique_token_count, overhead);
      if (!tokens) return std::nullopt;
      const double next = Overhead(batch, CriticalBatch(model, *tokens, *q_.target_loss_nats));
      if (std::abs(next - overhead) <= 1e-15 * overhead) break;
      overhead = next;
    }
    return tokens;
  }

  // Every accumulation m of one layout; `unit` sequences each. `cost` is null without hardware.
  void TryBatches(const Model& model, const Machine& machine, const CostModel* cost,
                  const Layout& layout, int64_t unit) {
    const int64_t unit_tokens = unit * model.shape.sequence_length;
    const int64_t stride = layout.virtual_pipeline_stages > 1 ? layout.pipeline_parallel_size : 1;
    const int64_t most_in_flight = layout.pipeline_parallel_size * layout.virtual_pipeline_stages;
    StepCost step;
    if (cost != nullptr && q_.mfu) {
      const GpuPool& pool = q_.pools[static_cast<size_t>(machine.pool_index)];
      const double peak = PeakFlopsPerSecond(pool.gpu, q_.precision).value_or(0);
      step.per_micro_batch_seconds = model.flops_per_token * static_cast<double>(unit_tokens) /
                                     (static_cast<double>(machine.gpus) * peak * *q_.mfu);
    } else if (cost != nullptr) {
      step = cost->Step(layout);
    }
    step.fixed_seconds *= q_.step_time_factor;
    step.per_micro_batch_seconds *= q_.step_time_factor;
    std::optional<Outcome> best;
    for (int64_t m = stride;; m += stride) {
      const int64_t batch_tokens = m * unit_tokens;
      // The fixed batch and accumulation are exact; nothing larger can meet them.
      if (q_.global_batch_tokens && batch_tokens > *q_.global_batch_tokens) break;
      if (batch_tokens > q_.max_global_batch_tokens.value_or(batch_tokens)) break;
      if (m > q_.layout.gradient_accumulation_steps.value_or(m)) break;
      // Memory never falls with m and is constant from most_in_flight on (cost_model.h).
      if (cost != nullptr && m <= most_in_flight + stride &&
          cost->Memory(layout, m, false).p95_bytes > machine.capacity_bytes) {
        break;
      }
      if (q_.global_batch_tokens && batch_tokens != *q_.global_batch_tokens) continue;
      if (batch_tokens < q_.min_global_batch_tokens.value_or(batch_tokens)) continue;
      if (m != q_.layout.gradient_accumulation_steps.value_or(m)) continue;
      bool is_last = false;
      const std::optional<Outcome> outcome =
          Evaluate(model, machine, cost != nullptr, step, m, batch_tokens, is_last);
      if (is_last) break;
      if (outcome && (!best || BetterBatch(*outcome, *best))) best = outcome;
    }
    if (!best) return;
    best->layout_order = {layout.tensor_parallel_size,
                          layout.pipeline_parallel_size,
                          layout.context_parallel_size,
                          layout.expert_parallel_size,
                          layout.zero_stage,
                          layout.micro_batch_size,
                          int64_t(layout.recompute),
                          layout.virtual_pipeline_stages};
    if (answer_.feasible && !BetterCandidate(*best, best_)) return;
    best_ = *best;
    answer_.feasible = true;
    answer_.model = model.shape;
    answer_.pool_index = machine.pool_index;
    answer_.gpu_count = machine.gpus;
    answer_.layout = layout;
    answer_.micro_batches = best_.micro_batches;
    answer_.global_batch_tokens = best_.batch_tokens;
    answer_.step_count = best_.step_count;
    answer_.token_count = best_.step_count * best_.batch_tokens;
    answer_.metric = best_.metric;
  }

  std::optional<Outcome> Evaluate(const Model& model, const Machine& machine, bool hardware,
                                  const StepCost& step, int64_t m, int64_t batch_tokens,
                                  bool& is_last) {
    ++answer_.batch_count;
    const double batch = static_cast<double>(batch_tokens);
    const double step_seconds = hardware ? step.StepSeconds(m) : 0;
    const bool as_many_as_allowed = !model.exact_tokens && objective_ == Objective::kLoss;
    double tokens = 0;
    if (model.exact_tokens) {
      tokens = *model.exact_tokens;
    } else if (as_many_as_allowed) {
      tokens = model.most_tokens;
      if (hardware) {
        tokens = std::min(tokens, machine.longest_train_seconds / (step_seconds / batch));
      }
    } else {
      const std::optional<double> needed = TokensToTarget(model, batch);
      // A larger batch needs more tokens yet: none of them reaches the target either.
      if (!needed) {
        is_last = true;
        return std::nullopt;
      }
      tokens = std::max(*needed, batch);
    }
    if (!(tokens > 0)) {  // not even the start-up fits, whatever the batch
      is_last = true;
      return std::nullopt;
    }
    const LossAndBatch reached = LossOf(model, tokens, batch);
    if (!(reached.critical_batch > 0) || (!q_.global_batch_tokens && !q_.max_global_batch_tokens &&
                                          batch > 4 * reached.critical_batch)) {
      is_last = true;
      return std::nullopt;
    }
    const double real_steps = tokens / batch;
    const bool rounds_down = as_many_as_allowed || model.exact_tokens;
    const double steps = rounds_down ? std::floor(real_steps * (1 + kStepSlack))
                                     : std::ceil(real_steps * (1 - kStepSlack));
    if (steps < 1) return std::nullopt;
    // Every constraint is hard, on the tokens asked for and on those really processed.
    const double whole = steps * batch;
    if (std::max(whole, tokens) > model.most_tokens * (1 + kLimitSlack)) return std::nullopt;
    if (steps < 16 && !(LossOf(model, whole, batch).critical_batch > 0)) return std::nullopt;
    if (hardware) {
      const double wall = machine.WallSeconds(std::max(steps, real_steps) * step_seconds);
      if (wall == kNoLimit || wall > machine.most_wall_seconds * (1 + kLimitSlack)) {
        return std::nullopt;
      }
    }
    if (q_.target_loss_nats &&
        LossOf(model, whole, batch).loss > *q_.target_loss_nats * (1 + kLimitSlack)) {
      return std::nullopt;
    }

    Outcome outcome;
    outcome.wall = hardware ? machine.WallSeconds(real_steps * step_seconds) : 0;
    const double usd = outcome.wall * machine.usd_per_second;
    const double gpu_hours = outcome.wall * static_cast<double>(machine.gpus) / kHour;
    const double flops = model.flops_per_token * tokens;
    const double serving_flops = 2 * model.active_params * q_.inference.token_count;
    switch (unit_) {
      case Unit::kNats:
        outcome.metric = reached.loss;
        break;
      case Unit::kUsd:
        outcome.metric = usd;
        break;
      case Unit::kGpuHours:
        outcome.metric = gpu_hours;
        break;
      case Unit::kFlops:
        outcome.metric = flops;
        break;
      case Unit::kSeconds:
        outcome.metric = outcome.wall;
        break;
      case Unit::kLifetimeUsd:
        outcome.metric = usd + machine.inference_usd;
        break;
      case Unit::kLifetimeFlops:
        outcome.metric = flops + serving_flops;
        break;
      case Unit::kParams:
        outcome.metric = model.total_params;
        break;
    }
    outcome.cost = !hardware ? flops : AllPriced() ? usd : gpu_hours;
    outcome.gpus = machine.gpus;
    outcome.params = model.total_params;
    outcome.pool_index = machine.pool_index;
    outcome.batch_tokens = batch_tokens;
    outcome.step_count = static_cast<int64_t>(steps);
    outcome.micro_batches = m;
    return outcome;
  }

  // Inside a layout: the objective, then cost (tokens without hardware), then wall, then the larger
  // batch.
  static bool BetterBatch(const Outcome& a, const Outcome& b) {
    const std::array<double, 4> key_a = {Rounded(a.metric), Rounded(a.cost), Rounded(a.wall),
                                         -static_cast<double>(a.batch_tokens)};
    const std::array<double, 4> key_b = {Rounded(b.metric), Rounded(b.cost), Rounded(b.wall),
                                         -static_cast<double>(b.batch_tokens)};
    return key_a < key_b;
  }

  static bool BetterCandidate(const Outcome& a, const Outcome& b) {
    const std::array<double, 6> key_a = {Rounded(a.metric), Rounded(a.cost), Rounded(a.wall),
                                         double(a.gpus),    a.params,        double(a.pool_index)};
    const std::array<double, 6> key_b = {Rounded(b.metric), Rounded(b.cost), Rounded(b.wall),
                                         double(b.gpus),    b.params,        double(b.pool_index)};
    if (key_a != key_b) return key_a < key_b;
    return a.layout_order < b.layout_order;
  }

  const PlanQuestion& q_;
  const Objective objective_;
  const Unit unit_;
  BruteForceAnswer answer_;
  Outcome best_;
};

bool Allows(const std::optional<int64_t>& fixed, int64_t value) {
  return value == fixed.value_or(value);
}

}  // namespace

BruteForceAnswer SolveByBruteForce(const PlanQuestion& question, Objective objective) {
  return Solver(question, objective).Solve();
}

std::vector<Layout> LayoutsByBruteForce(const ModelShape& shape, int64_t gpu_count,
                                        const PlanQuestion& question) {
  const LayoutConstraints& fixed = question.layout;
  const int64_t kv_heads = shape.num_key_value_heads;
  std::vector<int64_t> micro_batches = {1, 2, 4, 8, 16, 32, 64};
  if (fixed.micro_batch_size) micro_batches = {*fixed.micro_batch_size};
  const FrameworkLayouts& framework = question.framework.layouts;
  const auto has = [](const auto& list, const auto& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
  };
  std::vector<Layout> layouts;
  for (int64_t t = 1; t <= gpu_count; ++t) {
    if (shape.num_attention_heads % t != 0) continue;
    if (!shape.is_mla() && kv_heads % t != 0 && t % kv_heads != 0) continue;
    if (!Allows(fixed.tensor_parallel_size, t)) continue;
    if (t > 1 && !framework.tensor && !fixed.tensor_parallel_size) continue;
    if (t > fixed.max_tensor_parallel_size.value_or(t)) continue;
    for (int64_t p = 1; p <= gpu_count; ++p) {
      if (p > shape.num_layers || !Allows(fixed.pipeline_parallel_size, p)) continue;
      if (p > fixed.max_pipeline_parallel_size.value_or(p)) continue;
      if (p > 1 && !framework.pipeline && !fixed.pipeline_parallel_size) continue;
      for (int64_t c = 1; c <= gpu_count; ++c) {
        if (shape.sequence_length % c != 0 || !Allows(fixed.context_parallel_size, c)) continue;
        const bool asked_for = fixed.context_parallel_size.has_value();
        if (!asked_for && c > 1 && !framework.context) continue;
        if (!asked_for && c > 1 && shape.sequence_length / c < 2048) continue;
        for (int64_t d = 1; d <= gpu_count; ++d) {
          if (t * p * c * d != gpu_count || !Allows(fixed.data_parallel_size, d)) continue;
          for (int64_t e = 1; e <= d; ++e) {
            if (d % e != 0 || (e > 1 && (!shape.is_moe() || shape.expert_count % e != 0))) continue;
            if (!Allows(fixed.expert_parallel_size, e)) continue;
            if (e > 1 && !framework.expert && !fixed.expert_parallel_size) continue;
            for (int64_t zero = 0; zero <= 3; ++zero) {
              if (!Allows(fixed.zero_stage, zero)) continue;
              // Nothing is replicated: every stage is the same, so one stands for all.
              if (zero > 0 && d * c == 1 && !fixed.zero_stage) continue;
              const bool replicates = d * c > 1 && !fixed.zero_stage;
              if (replicates && p == 1 && !has(framework.zero_stages, zero)) continue;
              if (replicates && p > 1 && !has(framework.pipelined_zero_stages, zero)) continue;
              for (const int64_t micro_batch : micro_batches) {
                for (const Recompute recompute :
                     {Recompute::kNone, Recompute::kSelective, Recompute::kFull}) {
                  if (recompute != fixed.recompute.value_or(recompute)) continue;
                  if (!fixed.recompute && !has(framework.recompute_modes, recompute)) continue;
                  for (int64_t v = 1; v <= shape.num_layers; ++v) {
                    if (v > 1 && (p == 1 || shape.num_layers % (v * p) != 0)) continue;
                    if (!Allows(fixed.virtual_pipeline_stages, v)) continue;
                    if (v > framework.max_virtual_stages && !fixed.virtual_pipeline_stages)
                      continue;
                    Layout layout;
                    layout.tensor_parallel_size = t;
                    layout.pipeline_parallel_size = p;
                    layout.context_parallel_size = c;
                    layout.expert_parallel_size = e;
                    layout.data_parallel_size = d;
                    layout.zero_stage = zero;
                    layout.micro_batch_size = micro_batch;
                    layout.recompute = recompute;
                    layout.virtual_pipeline_stages = v;
                    layout.precision = question.precision;
                    layout.sequence_parallel = t > 1;
                    layouts.push_back(layout);
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  return layouts;
}

}  // namespace rhumb::testing_support

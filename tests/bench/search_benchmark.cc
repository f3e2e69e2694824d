// SPDX-License-Identifier: Apache-2.0
// What a question costs the planner, on one core: one evaluation of time and memory, the best
// layout of a given model, and whole plans. Ratios to calculon's figures are in docs/accuracy.md.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "planner/cost/gpu_catalog.h"
#include "planner/laws/catalog.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/pool.h"
#include "planner/plan/solve.h"

namespace rhumb {
namespace {

constexpr double kDay = 86400;

GpuPool Pool(const char* gpu_type, int64_t count) {
  return ResolvePool(FindGpu(gpu_type).value(), count, std::nullopt, std::nullopt, std::nullopt);
}

PlanQuestion Question(std::vector<GpuPool> pools) {
  PlanQuestion question;
  question.law = *FindLaw(kDefaultLawName);
  question.framework = *FindFrameworkProfile("megatron");
  question.pools = std::move(pools);
  question.deadline_seconds = 21 * kDay;
  return question;
}

// GPT-3 175B: Brown et al. 2020, arXiv:2005.14165, table 2.1.
ModelShape Gpt3() {
  ModelShape shape;
  shape.name = "gpt3-175b";
  shape.num_layers = 96;
  shape.hidden_size = 12288;
  shape.num_attention_heads = 96;
  shape.num_key_value_heads = 96;
  shape.head_dim = 128;
  shape.ffn_hidden_size = 49152;
  shape.gated = false;
  shape.vocab_size = 50257;
  shape.sequence_length = 2048;
  return shape;
}

// 4,096 GPUs of three types.
PlanQuestion ThreePools() {
  return Question(
      {Pool("H100-SXM5-80GB", 2048), Pool("A100-SXM4-80GB", 1536), Pool("A100-SXM4-40GB", 512)});
}
PlanQuestion ThreeLargePools() {
  return Question(
      {Pool("H100-SXM5-80GB", 4096), Pool("A100-SXM4-80GB", 4096), Pool("A100-SXM4-40GB", 4096)});
}
PlanQuestion OnePool(int64_t count) { return Question({Pool("H100-SXM5-80GB", count)}); }

void Report(benchmark::State& state, const SearchSummary& summary) {
  state.counters["candidates"] = static_cast<double>(summary.candidate_count);
  state.counters["evaluated"] = static_cast<double>(summary.evaluated_count);
}

// Calibration: other figures of the run are worth as much as this one is usual.
void ScalarExp(benchmark::State& state) {
  double x = 0.5;
  for (auto _ : state) {
    x = std::exp(-x);
    benchmark::DoNotOptimize(x);
  }
}
BENCHMARK(ScalarExp);

// Step time and peak memory of one layout of one model.
void TimeAndMemory(benchmark::State& state) {
  const GpuPool pool = Pool("A100-SXM4-80GB", 512);
  const CostModel model(Gpt3(), pool.gpu,
                        Fabric{pool.gpus_per_node, pool.inter_node_bytes_per_second_per_gpu},
                        *FindFrameworkProfile("megatron"));
  Layout layout;
  layout.tensor_parallel_size = 8;
  layout.sequence_parallel = true;
  layout.pipeline_parallel_size = 8;
  layout.data_parallel_size = 8;
  layout.zero_stage = 1;
  layout.recompute = Recompute::kSelective;
  for (auto _ : state) {
    layout.micro_batch_size = layout.micro_batch_size % 8 + 1;
    benchmark::DoNotOptimize(model.Step(layout));
    benchmark::DoNotOptimize(model.Memory(layout, 64, /*with_stages=*/false));
  }
}
BENCHMARK(TimeAndMemory);

// Fastest training of GPT-3 175B on 300B tokens with exactly so many GPUs on offer.
void BestLayout(benchmark::State& state) {
  PlanQuestion question = Question({Pool("A100-SXM4-80GB", state.range(0))});
  question.deadline_seconds.reset();
  question.architecture = Gpt3();
  question.sequence_length = 2048;
  question.token_count = 300e9;
  question.global_batch_tokens = 1536 * 2048;
  question.objective = Objective::kTime;
  SearchSummary summary;
  for (auto _ : state) summary = Solve(question, Objective::kTime, {}).result.summary;
  Report(state, summary);
}
BENCHMARK(BestLayout)->Arg(512)->Arg(4096)->Unit(benchmark::kMillisecond);

// The search alone, without shadow prices.
void SearchOne(benchmark::State& state) {
  const PlanQuestion question = OnePool(state.range(0));
  SearchSummary summary;
  for (auto _ : state) summary = Solve(question, Objective::kLoss, {}).result.summary;
  Report(state, summary);
}
BENCHMARK(SearchOne)->Arg(256)->Arg(1024)->Arg(4096)->Arg(16384)->Unit(benchmark::kMillisecond);

// Whole plans: search, shadow prices, the law's optimum, remarks.
void PlanOne(benchmark::State& state) {
  const PlanQuestion question = OnePool(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(MakePlan(question, {}));
}
BENCHMARK(PlanOne)->Arg(256)->Arg(1024)->Arg(4096)->Unit(benchmark::kMillisecond);

void PlanThree(benchmark::State& state) {
  const PlanQuestion question = state.range(0) == 0 ? ThreePools() : ThreeLargePools();
  for (auto _ : state) benchmark::DoNotOptimize(MakePlan(question, {}));
}
BENCHMARK(PlanThree)->ArgName("each_4096")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// The cheapest plan that reaches a loss within a deadline.
void PlanCheapest(benchmark::State& state) {
  PlanQuestion question = OnePool(state.range(0));
  question.target_loss_nats = 2.1;
  question.objective = Objective::kCost;
  for (auto _ : state) benchmark::DoNotOptimize(MakePlan(question, {}));
}
BENCHMARK(PlanCheapest)->Arg(1024)->Unit(benchmark::kMillisecond);

// As PlanOne and PlanThree, in partitions that end jobs after two days: chains of eleven.
void PlanChain(benchmark::State& state) {
  PlanQuestion question = state.range(0) == 0 ? OnePool(1024) : ThreePools();
  for (GpuPool& pool : question.pools) pool.max_wall_seconds = 2 * kDay;
  for (auto _ : state) benchmark::DoNotOptimize(MakePlan(question, {}));
}
BENCHMARK(PlanChain)->ArgName("three")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rhumb

BENCHMARK_MAIN();

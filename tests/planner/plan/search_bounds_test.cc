// SPDX-License-Identifier: Apache-2.0
// Bounds never exceed what they bound, and what searches share never changes an answer.
#include "planner/plan/search_bounds.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "planner/cost/framework_profile.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/plan/cost_cache.h"
#include "planner/plan/layout_space.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/slice_table.h"
#include "planner/plan/solve.h"
#include "planner/plan/work_curve.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using testing_support::Dice;
using testing_support::EmptyQuestion;
using testing_support::MakePool;
using testing_support::MakeShape;
using testing_support::RandomQuestion;
using testing_support::SmallQuestion;

BatchLimits LimitsOf(double critical_tokens) {
  BatchLimits limits;
  limits.critical_tokens = critical_tokens;
  limits.reference_tokens = 0.2 * critical_tokens;
  limits.largest_tokens = 4 * critical_tokens;
  return limits;
}

// Every layout of a shape on some GPUs that fits, with 1, 3 and 16 rounds of micro-batches.
template <typename Check>
void ForSteps(const ModelShape& shape, int64_t gpus, double capacity_bytes, const Check& check) {
  const GpuPool pool = MakePool("H100-SXM5-80GB", gpus, 8);
  const CostModel model(shape, pool.gpu, Fabric{8, pool.inter_node_bytes_per_second_per_gpu},
                        EmptyQuestion().framework);
  const LayoutSpace space(shape, Precision::kBf16, {});
  SliceTable slices(space, model, static_cast<double>(shape.sequence_length), std::nullopt);
  const WorkCurve curve(slices, space, model, static_cast<double>(shape.sequence_length),
                        static_cast<double>(shape.num_layers), capacity_bytes);
  std::vector<Degrees> all;
  space.AppendDegrees(gpus, all);
  for (const Degrees& degrees : all) {
    for (const int64_t zero : space.ZeroStages(degrees)) {
      for (const int64_t micro_batch : {int64_t{1}, int64_t{8}}) {
        for (const int64_t v : space.VirtualStages(degrees.pipeline)) {
          const Layout layout = space.MakeLayout(degrees, zero, micro_batch, Recompute::kNone, v);
          for (const int64_t rounds : {1, 3, 16}) {
            const int64_t m = rounds * (v > 1 ? degrees.pipeline : 1);
            if (model.Memory(layout, m, false).p95_bytes > capacity_bytes) continue;
            const double tokens =
                static_cast<double>(m * micro_batch * degrees.data * shape.sequence_length);
            check(curve, tokens, model.Step(layout).StepSeconds(m));
          }
        }
      }
    }
  }
}

void ExpectNoStepBeatsTheCurve(const ModelShape& shape, double capacity_bytes) {
  int fitting = 0;
  for (const int64_t gpus : {8, 48, 96}) {
    for (const double critical : {3e5, 4e6}) {
      const BatchLimits limits = LimitsOf(critical);
      ForSteps(shape, gpus, capacity_bytes,
               [&](const WorkCurve& curve, double tokens, double seconds) {
                 if (tokens > limits.largest_tokens) return;
                 ++fitting;
                 const double worth = static_cast<double>(gpus) * seconds / tokens *
                                      TokenOverhead(tokens, critical, limits.reference_tokens);
                 ASSERT_GE(worth, curve.Least(limits, static_cast<double>(gpus)));
               });
    }
  }
  EXPECT_GT(fitting, 0);
}

TEST(WorkCurveTest, NoStepBeatsIt) {
  ExpectNoStepBeatsTheCurve(MakeShape(24, 24, 8, 128), kUnlimited);
}

TEST(WorkCurveTest, NoStepThatFitsBeatsACurveThatKnowsOfMemory) {
  ModelShape mixed = MakeShape(24, 24, 8, 128);
  mixed.expert_count = 8;
  mixed.experts_per_token = 2;
  mixed.moe_ffn_hidden_size = mixed.ffn_hidden_size;
  mixed.num_moe_layers = 20;
  for (const ModelShape& shape : {MakeShape(24, 24, 8, 128), mixed}) {
    for (const double capacity : {12e9, 20e9, 40e9}) ExpectNoStepBeatsTheCurve(shape, capacity);
  }
}

TEST(WorkCurveTest, LessMemoryNeverBoundsBelowMore) {
  const ModelShape shape = MakeShape(24, 24, 8, 128);
  const GpuPool pool = MakePool("H100-SXM5-80GB", 8, 8);
  const CostModel model(shape, pool.gpu, Fabric{8, pool.inter_node_bytes_per_second_per_gpu},
                        EmptyQuestion().framework);
  const LayoutSpace space(shape, Precision::kBf16, {});
  SliceTable slices(space, model, static_cast<double>(shape.sequence_length), std::nullopt);
  double before = kUnlimited;
  for (const double capacity : {11e9, 14e9, 20e9, 40e9, 80e9, kUnlimited}) {
    const WorkCurve curve(slices, space, model, static_cast<double>(shape.sequence_length),
                          static_cast<double>(shape.num_layers), capacity);
    const double least = curve.Least(LimitsOf(1e6), 64);
    EXPECT_LE(least, before) << capacity;
    before = least;
  }
}

TEST(WorkCurveTest, MoreGpusNeverTakeLess) {
  const ModelShape shape = MakeShape(24, 24, 8, 128);
  ForSteps(shape, 8, kUnlimited, [](const WorkCurve& curve, double, double) {
    double before = 0;
    for (double gpus = 1; gpus < 1e5; gpus *= 1.7) {
      const double least = curve.Least(LimitsOf(1e6), gpus);
      ASSERT_GE(least, before);
      before = least;
    }
  });
}

// Dense and mixed models, every layout there is on some GPUs.
TEST(SliceTableTest, NoLayoutTakesLessMemoryThanTheLeast) {
  ModelShape mixed = MakeShape(12, 16, 8, 128);
  mixed.expert_count = 8;
  mixed.experts_per_token = 2;
  mixed.moe_ffn_hidden_size = 1024;
  mixed.num_moe_layers = 12;
  for (const ModelShape& shape : {MakeShape(12, 16, 8, 128), mixed}) {
    for (const FrameworkProfile& profile : FrameworkProfiles()) {
      const GpuPool pool = MakePool("H100-SXM5-80GB", 48, 8);
      const CostModel model(shape, pool.gpu, Fabric{8, pool.inter_node_bytes_per_second_per_gpu},
                            profile);
      const LayoutSpace space(shape, Precision::kBf16, {});
      SliceTable slices(space, model, static_cast<double>(shape.sequence_length), std::nullopt);
      std::vector<Degrees> all;
      space.AppendDegrees(48, all);
      for (const Degrees& degrees : all) {
        const double least = slices.LeastBytes(degrees);
        for (const int64_t zero : space.ZeroStages(degrees)) {
          for (const int64_t micro_batch : space.MicroBatchSizes()) {
            for (const Recompute recompute : space.RecomputeModes()) {
              for (const int64_t v : space.VirtualStages(degrees.pipeline)) {
                const Layout layout = space.MakeLayout(degrees, zero, micro_batch, recompute, v);
                const int64_t m = v > 1 ? degrees.pipeline : 1;
                ASSERT_LE(least, model.Memory(layout, m, false).p95_bytes * (1 + 1e-12))
                    << profile.name << " " << shape.expert_count;
              }
            }
          }
        }
      }
    }
  }
}

// What the number of stages that memory asks for is bisected by.
TEST(SliceTableTest, MoreStagesNeverHoldMoreStates) {
  ModelShape mixed = MakeShape(61, 16, 8, 128);
  mixed.expert_count = 8;
  mixed.experts_per_token = 2;
  mixed.moe_ffn_hidden_size = 1024;
  mixed.num_moe_layers = 58;
  for (const ModelShape& shape : {MakeShape(126, 16, 8, 128), MakeShape(31, 16, 8, 128), mixed}) {
    for (const FrameworkProfile& profile : FrameworkProfiles()) {
      for (const std::optional<int64_t> zero_stage : {std::optional<int64_t>(), {0}}) {
        const GpuPool pool = MakePool("H100-SXM5-80GB", 48, 8);
        const CostModel model(shape, pool.gpu, Fabric{8, pool.inter_node_bytes_per_second_per_gpu},
                              profile);
        LayoutConstraints constraints;
        constraints.zero_stage = zero_stage;
        const LayoutSpace space(shape, Precision::kBf16, constraints);
        SliceTable slices(space, model, static_cast<double>(shape.sequence_length), std::nullopt);
        double before = kUnlimited;
        Degrees degrees;
        for (degrees.pipeline = 2; degrees.pipeline <= shape.num_layers; ++degrees.pipeline) {
          const double bytes = slices.LeastStatesBytes(degrees);
          ASSERT_LE(bytes, before) << profile.name << ", " << degrees.pipeline << " stages";
          before = bytes;
        }
      }
    }
  }
}

// The bound of many places is at most that of each of them.
TEST(SearchBoundsTest, ManyPlacesAreBoundedBelowEachOfThem) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const PlanQuestion question = RandomQuestion(seed);
    const Problem problem(question, MetricOf(*ResolveObjective(question), question));
    if (!problem.has_hardware() || problem.sizes().empty()) continue;
    CostCache costs(question);
    const Size& size = problem.sizes().front();
    const std::vector<Place> places = problem.PlacesOf(0);
    if (places.empty()) continue;
    const SearchBounds bounds(problem, size, 0, costs.Of(size, 0));
    const std::optional<BestCase> all = bounds.OfPlaces(places.front(), places.back());
    for (const Place& place : places) {
      const std::optional<BestCase> one = bounds.OfPlace(problem.At(size, place), place);
      if (!one.has_value()) continue;
      ASSERT_TRUE(all.has_value()) << "seed " << seed;
      EXPECT_LE(all->rank.AsTuple(), one->rank.AsTuple()) << "seed " << seed;
    }
  }
}

TEST(CostCacheTest, ServesQuestionsThatDifferInLimitsAndCounts) {
  PlanQuestion question = SmallQuestion();
  const CostCache costs(question);
  question.deadline_seconds = 1e6;
  question.pools[0].gpu_count *= 2;
  question.pools[0].price_usd_per_gpu_hour = 3;
  question.pools[0].gpu.memory_bytes *= 2;
  EXPECT_TRUE(costs.Serves(question));
}

TEST(CostCacheTest, DoesNotServeOtherWork) {
  const CostCache costs(SmallQuestion());
  PlanQuestion other = SmallQuestion();
  other.precision = Precision::kFp16;
  EXPECT_FALSE(costs.Serves(other));
  other = SmallQuestion();
  other.layout.max_tensor_parallel_size = 2;
  EXPECT_FALSE(costs.Serves(other));
  other = SmallQuestion();
  other.pools[0].gpu = FindGpu("H100-SXM5-80GB").value();
  EXPECT_FALSE(costs.Serves(other));
  other = SmallQuestion();
  other.mfu = 0.4;
  EXPECT_FALSE(costs.Serves(other));
}

// What one search has learned narrows the next one; both find the same plan.
TEST(CostCacheTest, NeverChangesAnAnswer) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    const PlanQuestion question = RandomQuestion(seed);
    const Objective objective = *ResolveObjective(question);
    CostCache costs(question);
    SolveVariant(question, objective, {}, {.costs = &costs});
    const Solution again = SolveVariant(question, objective, {}, {.costs = &costs});
    const Solution alone = SolveVariant(question, objective, {}, {});
    ASSERT_EQ(again.feasible(), alone.feasible()) << "seed " << seed;
    if (!alone.feasible()) continue;
    EXPECT_FALSE(Better(*again.result.best, *alone.result.best)) << "seed " << seed;
    EXPECT_FALSE(Better(*alone.result.best, *again.result.best)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rhumb

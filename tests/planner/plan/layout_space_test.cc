// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/layout_space.h"

#include <tuple>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"
#include "tests/planner/plan/brute_force.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using testing_support::EmptyQuestion;
using testing_support::IsOk;
using testing_support::LayoutsByBruteForce;
using testing_support::MakeShape;

auto KeyOf(const Layout& l) {
  return std::make_tuple(l.tensor_parallel_size, l.pipeline_parallel_size, l.context_parallel_size,
                         l.expert_parallel_size, l.data_parallel_size, l.zero_stage,
                         l.micro_batch_size, static_cast<int>(l.recompute),
                         l.virtual_pipeline_stages);
}
using Key = decltype(KeyOf(Layout{}));

std::vector<Key> Enumerate(const ModelShape& shape, const LayoutConstraints& constraints,
                           int64_t gpus) {
  const LayoutSpace space(shape, Precision::kBf16, constraints);
  std::vector<Degrees> all;
  space.AppendDegrees(gpus, all);
  std::vector<Key> keys;
  for (const Degrees& degrees : all) {
    for (const int64_t zero : space.ZeroStages(degrees)) {
      for (const int64_t micro_batch : space.MicroBatchSizes()) {
        for (const Recompute recompute : space.RecomputeModes()) {
          for (const int64_t v : space.VirtualStages(degrees.pipeline)) {
            keys.push_back(KeyOf(space.MakeLayout(degrees, zero, micro_batch, recompute, v)));
          }
        }
      }
    }
  }
  return keys;
}

std::vector<Key> ByBruteForce(const ModelShape& shape, const LayoutConstraints& constraints,
                              int64_t gpus) {
  PlanQuestion question = EmptyQuestion();
  question.layout = constraints;
  std::vector<Key> keys;
  for (const Layout& layout : LayoutsByBruteForce(shape, gpus, question))
    keys.push_back(KeyOf(layout));
  return keys;
}

ModelShape Mixture() {
  ModelShape shape = MakeShape(12, 12, 4, 64);
  shape.expert_count = 6;
  shape.experts_per_token = 2;
  shape.moe_ffn_hidden_size = 512;
  shape.num_moe_layers = 12;
  return shape;
}

ModelShape LongSequence() {
  ModelShape shape = MakeShape(25, 25, 5, 64);
  shape.sequence_length = 12288;  // context sizes 1, 2, 3, 4, 6
  return shape;
}

TEST(LayoutSpaceTest, CountEqualsTheEnumeration) {
  for (const ModelShape& shape : {MakeShape(10, 10, 10, 64), Mixture(), LongSequence()}) {
    const LayoutSpace space(shape, Precision::kBf16, {});
    for (const int64_t gpus : {1, 2, 5, 6, 12, 24, 30, 96}) {
      EXPECT_EQ(space.Count(gpus), static_cast<int64_t>(Enumerate(shape, {}, gpus).size()));
    }
  }
}

TEST(LayoutSpaceTest, CountOverManyPlacesIsTheSumOfTheCounts) {
  std::vector<int64_t> places = {1, 2, 3, 4, 5, 6};
  for (int64_t nodes = 2; nodes <= 40; ++nodes) places.push_back(6 * nodes);
  LayoutConstraints data_fixed, context_fixed, pipeline_bounded;
  data_fixed.data_parallel_size = 4;
  context_fixed.context_parallel_size = 2;
  pipeline_bounded.max_pipeline_parallel_size = 3;
  for (const ModelShape& shape : {MakeShape(10, 10, 10, 64), Mixture(), LongSequence()}) {
    for (const LayoutConstraints& constraints :
         {LayoutConstraints{}, data_fixed, context_fixed, pipeline_bounded}) {
      const LayoutSpace space(shape, Precision::kBf16, constraints);
      int64_t sum = 0;
      for (const int64_t gpus : places) sum += space.Count(gpus);
      EXPECT_EQ(space.Count(GpuCounts(places)), sum);
    }
  }
}

TEST(LayoutSpaceTest, EqualsPlainLoopsForHeadsThatDoNotDivide) {
  for (const int64_t gpus : {1, 5, 6, 12, 24, 96}) {
    EXPECT_EQ(Enumerate(MakeShape(10, 25, 5, 64), {}, gpus),
              ByBruteForce(MakeShape(10, 25, 5, 64), {}, gpus));
  }
}

TEST(LayoutSpaceTest, EqualsPlainLoopsForAMixtureOfExperts) {
  for (const int64_t gpus : {1, 6, 12, 24}) {
    EXPECT_EQ(Enumerate(Mixture(), {}, gpus), ByBruteForce(Mixture(), {}, gpus));
  }
}

TEST(LayoutSpaceTest, EqualsPlainLoopsForContextParallelism) {
  for (const int64_t gpus : {2, 6, 24}) {
    EXPECT_EQ(Enumerate(LongSequence(), {}, gpus), ByBruteForce(LongSequence(), {}, gpus));
  }
}

TEST(LayoutSpaceTest, EqualsPlainLoopsWithFixedParts) {
  LayoutConstraints fixed;
  fixed.tensor_parallel_size = 2;
  fixed.zero_stage = 3;
  fixed.virtual_pipeline_stages = 2;
  fixed.micro_batch_size = 3;
  fixed.recompute = Recompute::kFull;
  EXPECT_EQ(Enumerate(Mixture(), fixed, 24), ByBruteForce(Mixture(), fixed, 24));
  EXPECT_FALSE(Enumerate(Mixture(), fixed, 24).empty());
}

TEST(LayoutSpaceTest, EqualsPlainLoopsWithBounds) {
  LayoutConstraints bounds;
  bounds.max_tensor_parallel_size = 3;
  bounds.max_pipeline_parallel_size = 5;
  bounds.data_parallel_size = 4;
  EXPECT_EQ(Enumerate(Mixture(), bounds, 24), ByBruteForce(Mixture(), bounds, 24));
  EXPECT_FALSE(Enumerate(Mixture(), bounds, 24).empty());
}

TEST(LayoutSpaceTest, EveryLayoutIsValidForItsShape) {
  for (const ModelShape& shape : {MakeShape(10, 10, 10, 64), Mixture(), LongSequence()}) {
    for (const Layout& layout : LayoutsByBruteForce(shape, 12, EmptyQuestion())) {
      ASSERT_THAT(ValidateLayout(shape, layout), IsOk());
      ASSERT_EQ(layout.gpu_count(), 12);
    }
  }
}

TEST(LayoutSpaceTest, APartThatDoesNotDivideLeavesNothing) {
  LayoutConstraints fixed;
  fixed.tensor_parallel_size = 3;  // of 10 heads
  EXPECT_EQ(LayoutSpace(MakeShape(10, 10, 10, 64), Precision::kBf16, fixed).Count(6), 0);
}

}  // namespace
}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/serving.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;

const ChinchillaLaw& Sardana() { return FindLaw("sardana2024")->constants; }
const ChinchillaLaw& Besiroglu() { return FindLaw("besiroglu2024")->constants; }

// nikhilsardana/beyond-chinchilla README: L = 1.947 with 2e12 tokens gives N 2.418e10, D 2.657e12
// at 95.22% of the train-only optimum's lifetime cost. More digits by an independent
// implementation.
TEST(ServingTest, ReproducesTheAuthorsReadmeExample) {
  const InferenceDemand demand{.token_count = 2e12, .weight = 1};
  const auto best = LifetimeOptimumAtLoss(Sardana(), 1.947, demand);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(24183560851.527237, 1e-9));
  EXPECT_THAT(best->token_count, RelativelyNear(2657051393483.5806, 1e-9));
  const FrontierPoint train = *OptimumForLoss(Sardana(), 1.947);
  EXPECT_THAT(best->lifetime_flops / LifetimeFlops(train.param_count, train.token_count, demand),
              RelativelyNear(0.9521627410305485, 1e-9));
}

TEST(ServingTest, WithoutDemandItIsTheTrainingOptimum) {
  const auto best = LifetimeOptimumAtLoss(Besiroglu(), 2.0, {});
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(46855645385.787834, 1e-9));
  EXPECT_EQ(best->wedge, 1);
}

TEST(ServingTest, BudgetOptimumSpendsTheBudget) {
  const auto best = LifetimeOptimumAtBudget(Besiroglu(), 1e24, {.token_count = 2e12, .weight = 1});
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(57898384993.92632, 1e-9));
  EXPECT_THAT(best->token_count, RelativelyNear(2211939820960.7583, 1e-9));
  EXPECT_THAT(best->lifetime_flops, RelativelyNear(1e24, 1e-12));
}

TEST(ServingTest, TheWedgeReturnsTheDemand) {
  const auto best = LifetimeOptimumAtLoss(Besiroglu(), 2.0, {.token_count = 1e12, .weight = 3});
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(ImpliedInferenceTokens(Besiroglu(), best->param_count, best->token_count),
              RelativelyNear(3e12, 1e-8));
}

TEST(ServingTest, ATargetBelowTheFloorNamesTheFloor) {
  EXPECT_THAT(LifetimeOptimumAtLoss(Besiroglu(), 1.8, {.token_count = 1e12, .weight = 1}),
              StatusIs(absl::StatusCode::kOutOfRange, "1.8172"));
}

TEST(ServingTest, NegativeDemandIsInvalid) {
  EXPECT_THAT(LifetimeOptimumAtLoss(Besiroglu(), 2.0, {.token_count = -1, .weight = 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, "inference_token_count is -1"));
}

TEST(ServingTest, AZeroBudgetIsInvalid) {
  EXPECT_THAT(LifetimeOptimumAtBudget(Besiroglu(), 0, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "lifetime_flops is 0"));
}

// Decode at a fiftieth of the training MFU costs fifty training FLOPs a FLOP.
TEST(ServingTest, MoneyWeighsDecodeByItsUtilisation) {
  const PhaseCost training{.usd_per_gpu_hour = 2, .peak_flops_per_second = 989e12, .mfu = 0.5};
  PhaseCost decode = training;
  decode.mfu = 0.01;
  EXPECT_THAT(WeightedInferenceTokens(training, training, decode, 1e12, 1e11),
              IsOkAndHolds(RelativelyNear(1e12 + 50 * 1e11, 1e-12)));
}

TEST(ServingTest, APhaseWithoutUtilisationIsNamed) {
  const PhaseCost training{.usd_per_gpu_hour = 2, .peak_flops_per_second = 989e12, .mfu = 0.5};
  PhaseCost decode = training;
  decode.mfu = 0;
  EXPECT_THAT(WeightedInferenceTokens(training, training, decode, 1, 1),
              StatusIs(absl::StatusCode::kInvalidArgument, "decode"));
}

}  // namespace
}  // namespace rhumb

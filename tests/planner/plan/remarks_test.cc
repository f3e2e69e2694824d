// SPDX-License-Identifier: Apache-2.0
// What a plan warns of.
#include "planner/plan/remarks.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/plan/ladder.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using ::testing::Contains;
using ::testing::Not;
using testing_support::EmptyQuestion;
using testing_support::PlanOf;

constexpr char kCode[] = "BELOW_SMALLEST_SIZE";

std::vector<std::string> CodesOf(const Plan& plan) {
  std::vector<std::string> codes;
  for (const PlanWarning& warning : plan.warnings) codes.push_back(warning.code);
  return codes;
}

// At 1e17 FLOP the default law is best near thirty million parameters, embeddings included.
PlanQuestion OfComputeBelowTheLadder() {
  PlanQuestion question = EmptyQuestion();
  question.compute_flops = 1e17;
  return question;
}

TEST(RemarksTest, LawThatWantsASmallerModelThanThereIsIsAWarning) {
  const Plan plan = PlanOf(OfComputeBelowTheLadder());
  EXPECT_EQ(plan.model, Ladder(128256, plan.model.sequence_length).front());
  EXPECT_THAT(CodesOf(plan), Contains(kCode));
}

TEST(RemarksTest, SizesOfTheLadderAreNoWarning) {
  PlanQuestion question = EmptyQuestion();
  question.compute_flops = 1e21;
  EXPECT_THAT(CodesOf(PlanOf(question)), Not(Contains(kCode)));
}

TEST(RemarksTest, ArchitectureThatWasStatedIsNoWarning) {
  PlanQuestion question = OfComputeBelowTheLadder();
  question.architecture = testing_support::SmallShape();
  EXPECT_THAT(CodesOf(PlanOf(question)), Not(Contains(kCode)));
}

}  // namespace
}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "client/cli/why_not.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::IsOk;
using testing_support::StatusIs;

Invocation Asked(const std::string& text) {
  Invocation invocation;
  invocation.flags["why-not"] = {text};
  return invocation;
}

v1::Plan PlanOf(int64_t tensor, double loss_nats, double tokens_per_second) {
  v1::Plan plan;
  plan.set_state(v1::Plan::STATE_FEASIBLE);
  plan.mutable_model()->set_name("m");
  plan.mutable_model()->set_param_count(7'000'000'000);
  plan.set_token_count(140'000'000'000);
  plan.mutable_loss()->set_mean_nats(loss_nats);
  plan.mutable_allocation()->set_gpu_type("H100-SXM5-80GB");
  plan.mutable_allocation()->set_gpu_count(64);
  v1::Layout& layout = *plan.mutable_layout();
  layout.set_tensor_parallel_size(tensor);
  layout.set_pipeline_parallel_size(2);
  layout.set_recompute(v1::RECOMPUTE_FULL);
  plan.mutable_time()->set_tokens_per_second(tokens_per_second);
  plan.mutable_time()->set_step_seconds(2);
  plan.mutable_time()->mutable_step_breakdown()->set_compute_seconds(1.5);
  plan.mutable_time()->mutable_step_breakdown()->set_tensor_parallel_seconds(0.5);
  return plan;
}

std::string Shown(const WhyNot& asked, const v1::Plan& plan, const v1::Plan& with) {
  Terminal terminal;
  terminal.width = 200;
  Report report(terminal);
  AddWhyNot(asked, plan, with, report);
  return report.text();
}

TEST(WhyNotTest, PartsAreReadWithDashesAndChoices) {
  const auto asked =
      ReadWhyNot(Asked("tensor-parallel-size=4, recompute=full,max_pipeline_parallel_size=2"));
  ASSERT_THAT(asked, IsOk());
  ASSERT_EQ(asked->size(), 1U);
  EXPECT_EQ(asked->front().parts.tensor_parallel_size(), 4);
  EXPECT_EQ(asked->front().parts.recompute(), v1::RECOMPUTE_FULL);
  EXPECT_EQ(asked->front().parts.max_pipeline_parallel_size(), 2);
}

TEST(WhyNotTest, WhatIsNoPartIsRefusedWithThoseThereAre) {
  EXPECT_THAT(ReadWhyNot(Asked("tensor=4")),
              StatusIs(absl::StatusCode::kInvalidArgument, "there are tensor_parallel_size"));
  EXPECT_THAT(ReadWhyNot(Asked("zero_stage")),
              StatusIs(absl::StatusCode::kInvalidArgument, "got \"zero_stage\""));
  EXPECT_THAT(ReadWhyNot(Asked("recompute=half")),
              StatusIs(absl::StatusCode::kInvalidArgument, "recompute: "));
  EXPECT_THAT(ReadWhyNot(Asked("zero_stage=1,")),
              StatusIs(absl::StatusCode::kInvalidArgument, "expected parts of a layout"));
}

TEST(WhyNotTest, ALimitIsMetByWhatIsBelowIt) {
  v1::LayoutConstraints parts;
  parts.set_max_tensor_parallel_size(4);
  EXPECT_TRUE(HasParts(PlanOf(4, 2, 1), parts));
  EXPECT_FALSE(HasParts(PlanOf(8, 2, 1), parts));
  parts.set_recompute(v1::RECOMPUTE_NONE);
  EXPECT_FALSE(HasParts(PlanOf(4, 2, 1), parts));
}

TEST(WhyNotTest, SaysByHowMuchTheBestPlanWithTheLayoutIsWorseAndWhere) {
  WhyNot asked = {"tensor_parallel_size=8", {}};
  asked.parts.set_tensor_parallel_size(8);
  v1::Plan with = PlanOf(8, 2.0123, 80'000);
  with.mutable_time()->mutable_step_breakdown()->set_compute_seconds(1);
  with.mutable_time()->mutable_step_breakdown()->set_tensor_parallel_seconds(1);
  // A token: 0.25 of the plan's time before, 0.5 x 100/80 after.
  EXPECT_THAT(Shown(asked, PlanOf(2, 2.01, 100'000), with),
              AllOf(HasSubstr("+0.0023 nats"), HasSubstr("tensor 8"),
                    HasSubstr("80.0k tokens/s instead of 100k tokens/s"),
                    HasSubstr("tensor parallel takes 37.5%")));
}

TEST(WhyNotTest, SaysThatThePlanHasIt) {
  WhyNot asked = {"tensor_parallel_size=2", {}};
  asked.parts.set_tensor_parallel_size(2);
  const v1::Plan plan = PlanOf(2, 2, 1);
  EXPECT_THAT(Shown(asked, plan, plan),
              AllOf(HasSubstr("the plan has it"), Not(HasSubstr("nats"))));
}

TEST(WhyNotTest, SaysWhatForbidsIt) {
  WhyNot asked = {"zero_stage=0", {}};
  v1::Plan none;
  none.set_state(v1::Plan::STATE_INFEASIBLE);
  none.mutable_infeasibility()->add_conflict("layout.zero_stage");
  none.mutable_infeasibility()->add_conflict("gpu_memory");
  EXPECT_THAT(Shown(asked, PlanOf(2, 2, 1), none),
              HasSubstr("together cannot be met: layout.zero_stage, gpu_memory"));
}

}  // namespace
}  // namespace rhumb::cli

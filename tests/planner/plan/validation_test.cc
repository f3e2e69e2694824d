// SPDX-License-Identifier: Apache-2.0
// Each field of a question that can be wrong, once.
#include <cmath>
#include <functional>
#include <limits>
#include <ostream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/plan/make_plan.h"
#include "tests/matchers.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_support::EmptyQuestion;
using testing_support::MakePool;
using testing_support::SmallQuestion;
using testing_support::StatusIs;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Mistake {
  std::string field;
  std::string got;  // part of the description
  std::function<void(PlanQuestion&)> make;
};

// Names the case in test listings.
void PrintTo(const Mistake& value, std::ostream* out) { *out << value.field; }

PlanQuestion ValidQuestion() {
  PlanQuestion question = SmallQuestion();
  question.pools[0].price_usd_per_gpu_hour = 2;
  return question;
}

class ValidateFieldTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(ValidateFieldTest, NamesTheFieldAndTheValue) {
  PlanQuestion question = ValidQuestion();
  GetParam().make(question);
  EXPECT_THAT(ValidateQuestion(question),
              Contains(AllOf(Field(&FieldViolation::field, GetParam().field),
                             Field(&FieldViolation::description, HasSubstr(GetParam().got)))));
}

TEST_P(ValidateFieldTest, MakePlanRefusesIt) {
  PlanQuestion question = ValidQuestion();
  GetParam().make(question);
  EXPECT_THAT(MakePlan(question, {}), StatusIs(absl::StatusCode::kInvalidArgument, ""));
}

using Q = PlanQuestion;
INSTANTIATE_TEST_SUITE_P(
    Fields, ValidateFieldTest,
    ::testing::Values(
        Mistake{"compute_flops", "-1", [](Q& q) { q.compute_flops = -1; }},
        Mistake{"lifetime_compute_flops", "0", [](Q& q) { q.lifetime_compute_flops = 0; }},
        Mistake{"gpu_hours", "nan", [](Q& q) { q.gpu_hours = kNan; }},
        Mistake{"deadline_seconds", "inf", [](Q& q) { q.deadline_seconds = kInf; }},
        Mistake{"max_job_count", "0", [](Q& q) { q.max_job_count = 0; }},
        Mistake{"max_job_count", "10001", [](Q& q) { q.max_job_count = 10001; }},
        Mistake{"budget_usd", "-5", [](Q& q) { q.budget_usd = -5; }},
        Mistake{"target_loss_nats", "0", [](Q& q) { q.target_loss_nats = 0; }},
        Mistake{"unique_token_count", "0.5", [](Q& q) { q.unique_token_count = 0.5; }},
        Mistake{"max_epoch_count", "-2", [](Q& q) { q.max_epoch_count = -2; }},
        Mistake{"inference_token_count", "-1", [](Q& q) { q.inference.token_count = -1; }},
        Mistake{"inference_prefill_fraction", "1.5",
                [](Q& q) { q.inference.prefill_fraction = 1.5; }},
        Mistake{"inference_prefill_mfu", "0", [](Q& q) { q.inference.prefill_mfu = 0; }},
        Mistake{"inference_decode_mfu", "2", [](Q& q) { q.inference.decode_mfu = 2; }},
        Mistake{"inference_usd_per_gpu_hour", "-1",
                [](Q& q) { q.inference.usd_per_gpu_hour = -1; }},
        Mistake{"serving_memory_bytes", "0", [](Q& q) { q.serving_memory_bytes = 0; }},
        Mistake{"param_count", "1000",
                [](Q& q) {
                  q.architecture.reset();
                  q.param_count = 1000;
                }},
        Mistake{"min_param_count", "0", [](Q& q) { q.min_param_count = 0; }},
        Mistake{"max_param_count", "nan", [](Q& q) { q.max_param_count = kNan; }},
        Mistake{"token_count", "0", [](Q& q) { q.token_count = 0; }},
        Mistake{"tokens_per_param", "0", [](Q& q) { q.tokens_per_param = 0; }},
        Mistake{"sequence_length", "0", [](Q& q) { q.sequence_length = 0; }},
        Mistake{"vocab_size", "-7", [](Q& q) { q.vocab_size = -7; }},
        Mistake{"global_batch_tokens", "0", [](Q& q) { q.global_batch_tokens = 0; }},
        Mistake{"noise_scale_tokens", "-3", [](Q& q) { q.noise_scale_tokens = -3; }},
        Mistake{"mfu", "1.1", [](Q& q) { q.mfu = 1.1; }},
        Mistake{"memory_headroom_fraction", "1", [](Q& q) { q.memory_headroom_fraction = 1; }},
        Mistake{"max_memory_bytes", "0", [](Q& q) { q.max_memory_bytes = 0; }},
        Mistake{"max_power_watts", "-1", [](Q& q) { q.max_power_watts = -1; }},
        Mistake{"failures_per_gpu_hour", "2", [](Q& q) { q.failures_per_gpu_hour = 2; }},
        Mistake{"startup_seconds", "-1", [](Q& q) { q.startup_seconds = -1; }},
        Mistake{"startup_seconds", "mfu",
                [](Q& q) {
                  q.startup_seconds = 60;
                  q.mfu = 0.4;
                }},
        Mistake{"level", "1", [](Q& q) { q.level = 1; }},
        Mistake{"architecture", "num_layers", [](Q& q) { q.architecture->num_layers = 0; }}));

INSTANTIATE_TEST_SUITE_P(
    Pools, ValidateFieldTest,
    ::testing::Values(Mistake{"gpu_pools[0].count", "0", [](Q& q) { q.pools[0].gpu_count = 0; }},
                      Mistake{"gpu_pools[0].gpus_per_node", "-1",
                              [](Q& q) { q.pools[0].gpus_per_node = -1; }},
                      Mistake{"gpu_pools[0].price_usd_per_gpu_hour", "-2",
                              [](Q& q) { q.pools[0].price_usd_per_gpu_hour = -2; }},
                      Mistake{"gpu_pools[0].max_wall_seconds", "0",
                              [](Q& q) { q.pools[0].max_wall_seconds = 0; }},
                      Mistake{"gpu_pools[0].inter_node_gbps_per_gpu", "0",
                              [](Q& q) { q.pools[0].inter_node_bytes_per_second_per_gpu = 0; }},
                      Mistake{"gpu_pools[1].count", "0",
                              [](Q& q) { q.pools.push_back(MakePool("H100-SXM5-80GB", 0, 8)); }},
                      Mistake{"precision", "A100", [](Q& q) { q.precision = Precision::kNvfp4; }}));

INSTANTIATE_TEST_SUITE_P(
    Layout, ValidateFieldTest,
    ::testing::Values(
        Mistake{"layout.tensor_parallel_size", "0",
                [](Q& q) { q.layout.tensor_parallel_size = 0; }},
        Mistake{"layout.pipeline_parallel_size", "0",
                [](Q& q) { q.layout.pipeline_parallel_size = 0; }},
        Mistake{"layout.context_parallel_size", "-1",
                [](Q& q) { q.layout.context_parallel_size = -1; }},
        Mistake{"layout.expert_parallel_size", "0",
                [](Q& q) { q.layout.expert_parallel_size = 0; }},
        Mistake{"layout.data_parallel_size", "0", [](Q& q) { q.layout.data_parallel_size = 0; }},
        Mistake{"layout.virtual_pipeline_stages", "0",
                [](Q& q) { q.layout.virtual_pipeline_stages = 0; }},
        Mistake{"layout.zero_stage", "4", [](Q& q) { q.layout.zero_stage = 4; }},
        Mistake{"layout.micro_batch_size", "0", [](Q& q) { q.layout.micro_batch_size = 0; }},
        Mistake{"layout.gradient_accumulation_steps", "0",
                [](Q& q) { q.layout.gradient_accumulation_steps = 0; }},
        Mistake{"layout.max_tensor_parallel_size", "0",
                [](Q& q) { q.layout.max_tensor_parallel_size = 0; }},
        Mistake{"layout.max_pipeline_parallel_size", "0",
                [](Q& q) { q.layout.max_pipeline_parallel_size = 0; }}));

INSTANTIATE_TEST_SUITE_P(
    Combinations, ValidateFieldTest,
    ::testing::Values(
        Mistake{"min_param_count", "max_param_count",
                [](Q& q) {
                  q.min_param_count = 2e9;
                  q.max_param_count = 1e9;
                }},
        Mistake{"param_count", "architecture", [](Q& q) { q.param_count = 1e9; }},
        Mistake{"tokens_per_param", "token_count",
                [](Q& q) {
                  q.token_count = 1e9;
                  q.tokens_per_param = 20;
                }},
        Mistake{"global_batch_tokens", "2048", [](Q& q) { q.global_batch_tokens = 3000; }},
        Mistake{"budget_usd", "price",
                [](Q& q) {
                  q.budget_usd = 10;
                  q.pools[0].price_usd_per_gpu_hour.reset();
                }},
        Mistake{"deadline_seconds", "needs GPUs", [](Q& q) { q.pools.clear(); }},
        Mistake{"mfu", "needs a GPU",
                [](Q& q) {
                  q.pools.clear();
                  q.deadline_seconds.reset();
                  q.compute_flops = 1e20;
                  q.mfu = 0.4;
                }},
        Mistake{"objective", "needs GPUs",
                [](Q& q) {
                  q.pools.clear();
                  q.objective = Objective::kTime;
                  q.target_loss_nats = 3;
                }},
        Mistake{"compute_flops", "nothing bounds the training",
                [](Q& q) { q.deadline_seconds.reset(); }},
        Mistake{"target_loss_nats", "SIZE", [](Q& q) { q.objective = Objective::kSize; }},
        Mistake{"target_loss_nats", "needs a target", [](Q& q) { q.objective = Objective::kCost; }},
        Mistake{"inference_token_count", "served", [](Q& q) {
                  q.objective = Objective::kLifetimeCost;
                  q.target_loss_nats = 3;
                }}));

TEST(ValidateQuestionTest, AValidQuestionHasNoViolations) {
  EXPECT_THAT(ValidateQuestion(ValidQuestion()), IsEmpty());
}

TEST(ValidateQuestionTest, ReportsAllViolationsAtOnce) {
  PlanQuestion question = ValidQuestion();
  question.compute_flops = -1;
  question.level = 7;
  question.pools[0].gpu_count = 0;
  const std::vector<FieldViolation> violations = ValidateQuestion(question);
  EXPECT_THAT(violations, Contains(Field(&FieldViolation::field, "compute_flops")));
  EXPECT_THAT(violations, Contains(Field(&FieldViolation::field, "level")));
  EXPECT_THAT(violations, Contains(Field(&FieldViolation::field, "gpu_pools[0].count")));
}

TEST(ValidateQuestionTest, ABudgetOfNothingIsAQuestionAllTheSame) {
  PlanQuestion question = ValidQuestion();
  question.budget_usd = 0;
  EXPECT_THAT(ValidateQuestion(question), IsEmpty());
}

TEST(ResolveObjectiveTest, IsLossWhenSomethingBoundsTheTraining) {
  EXPECT_EQ(testing_support::PlanOf(ValidQuestion()).objective, Objective::kLoss);
}

TEST(ResolveObjectiveTest, IsCostWhenOnlyATargetIsGiven) {
  PlanQuestion question = EmptyQuestion();
  question.target_loss_nats = 2.5;
  EXPECT_EQ(testing_support::PlanOf(question).objective, Objective::kCost);
}

}  // namespace
}  // namespace rhumb

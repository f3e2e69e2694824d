// SPDX-License-Identifier: Apache-2.0
#include "daemon/validate.h"

#include <functional>
#include <limits>
#include <ostream>
#include <string>

#include "gtest/gtest.h"
#include "proto/json/json_reader.h"
#include "tests/daemon/service_fixture.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::map<std::string, std::string> Violations(const v1::CreatePlanRequest& request) {
  FieldViolations violations;
  ValidateCreatePlanRequest(request, violations);
  return ViolationsOf(ToGrpcStatus(violations.ToStatus()));
}

TEST(ValidateTest, AnEmptyRequestHasNoBadValue) { EXPECT_TRUE(Violations({}).empty()); }

TEST(ValidateTest, TheDefaultsAreValid) {
  v1::CreatePlanRequest request;
  request.set_compute_flops(1e21);
  request.set_sequence_length(8192);
  request.set_level(0.9);
  request.mutable_layout()->set_zero_stage(0);
  EXPECT_TRUE(Violations(request).empty());
}

struct BadField {
  const char* field;
  std::function<void(v1::CreatePlanRequest&)> spoil;
};

// Names the case in test listings.
void PrintTo(const BadField& value, std::ostream* out) { *out << value.field; }

class BadFieldTest : public ::testing::TestWithParam<BadField> {};

TEST_P(BadFieldTest, IsTheOneViolation) {
  v1::CreatePlanRequest request;
  auto* pool = request.add_gpu_pools();
  pool->set_gpu_type("H100-SXM5-80GB");
  pool->set_count(8);
  GetParam().spoil(request);
  const auto violations = Violations(request);
  EXPECT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations.count(GetParam().field), 1u) << violations.begin()->first;
}

#define RHUMB_BAD(name, value)                                    \
  BadField {                                                      \
#name, [](v1::CreatePlanRequest & r) { r.set_##name(value); } \
  }

INSTANTIATE_TEST_SUITE_P(
    CreatePlan, BadFieldTest,
    ::testing::Values(
        RHUMB_BAD(compute_flops, kNan), RHUMB_BAD(compute_flops, 0), RHUMB_BAD(compute_flops, kInf),
        RHUMB_BAD(lifetime_compute_flops, -1), RHUMB_BAD(gpu_hours, -kInf),
        RHUMB_BAD(deadline_seconds, -5), RHUMB_BAD(budget_usd, -1), RHUMB_BAD(target_loss_nats, 0),
        RHUMB_BAD(unique_token_count, 0), RHUMB_BAD(max_epoch_count, 0.5),
        RHUMB_BAD(max_job_count, 0), RHUMB_BAD(inference_token_count, -1),
        RHUMB_BAD(inference_prefill_fraction, 1.1), RHUMB_BAD(inference_usd_per_gpu_hour, -2),
        RHUMB_BAD(inference_prefill_mfu, 0), RHUMB_BAD(inference_decode_mfu, 2),
        RHUMB_BAD(serving_memory_bytes, kNan), RHUMB_BAD(param_count, 0),
        RHUMB_BAD(min_param_count, -7),
        RHUMB_BAD(max_param_count, std::numeric_limits<int64_t>::max()), RHUMB_BAD(token_count, 0),
        RHUMB_BAD(tokens_per_param, 0), RHUMB_BAD(sequence_length, 0), RHUMB_BAD(vocab_size, -1),
        RHUMB_BAD(global_batch_tokens, 0), RHUMB_BAD(noise_scale_tokens, kInf),
        RHUMB_BAD(mfu, 1.01), RHUMB_BAD(memory_headroom_fraction, 1),
        RHUMB_BAD(max_memory_bytes, 0), RHUMB_BAD(max_power_watts, -1),
        RHUMB_BAD(failures_per_gpu_hour, -0.1), RHUMB_BAD(startup_seconds, kInf),
        RHUMB_BAD(level, 1), RHUMB_BAD(level, kNan), RHUMB_BAD(free_only, true),
        RHUMB_BAD(calibration, std::string(300, 'x')), RHUMB_BAD(law, std::string(300, 'x')),
        RHUMB_BAD(request_id, "not-a-uuid"), RHUMB_BAD(partition, "gpu"),
        RHUMB_BAD(cluster, "alpha"), RHUMB_BAD(gpu_type, "H100-SXM5-80GB"),
        BadField{"objective",
                 [](v1::CreatePlanRequest& r) { r.set_objective(static_cast<v1::Objective>(77)); }},
        BadField{"precision",
                 [](v1::CreatePlanRequest& r) { r.set_precision(static_cast<v1::Precision>(-1)); }},
        BadField{"gpu_pools[0].count",
                 [](v1::CreatePlanRequest& r) { r.mutable_gpu_pools(0)->set_count(0); }},
        BadField{"gpu_pools[0].count",
                 [](v1::CreatePlanRequest& r) { r.mutable_gpu_pools(0)->set_count(1'000'001); }},
        BadField{"gpu_pools[0].gpu_type",
                 [](v1::CreatePlanRequest& r) { r.mutable_gpu_pools(0)->clear_gpu_type(); }},
        BadField{"gpu_pools[0].price_usd_per_gpu_hour",
                 [](v1::CreatePlanRequest& r) {
                   r.mutable_gpu_pools(0)->set_price_usd_per_gpu_hour(kNan);
                 }},
        BadField{"layout.zero_stage",
                 [](v1::CreatePlanRequest& r) { r.mutable_layout()->set_zero_stage(4); }},
        BadField{"layout.tensor_parallel_size",
                 [](v1::CreatePlanRequest& r) { r.mutable_layout()->set_tensor_parallel_size(0); }},
        BadField{"layout.recompute",
                 [](v1::CreatePlanRequest&
                        r) { r.mutable_layout()->set_recompute(static_cast<v1::Recompute>(9)); }},
        BadField{"architecture.num_layers",
                 [](v1::CreatePlanRequest& r) { r.mutable_architecture()->set_num_layers(-3); }}));

TEST(ValidateTest, AllViolationsOfManyFieldsArrive) {
  v1::CreatePlanRequest request;
  request.set_compute_flops(kNan);
  request.set_gpu_hours(-1);
  request.set_deadline_seconds(-1);
  request.set_budget_usd(-1);
  request.set_target_loss_nats(-1);
  request.set_unique_token_count(-1);
  request.set_param_count(-1);
  request.set_token_count(-1);
  request.set_sequence_length(-1);
  request.set_vocab_size(-1);
  request.set_mfu(-1);
  request.set_level(-1);
  request.set_max_power_watts(-1);
  request.set_max_memory_bytes(-1);
  request.set_objective(static_cast<v1::Objective>(77));
  EXPECT_EQ(Violations(request).size(), 15u);
}

TEST(ValidateTest, AViolationShowsValueAndWhatIsAllowed) {
  v1::CreatePlanRequest request;
  request.set_mfu(1.5);
  EXPECT_EQ(Violations(request).at("mfu"), "must be positive and at most 1, got 1.5");
}

TEST(ValidateTest, HugeTextsDoNotDrownTheError) {
  v1::CreatePlanRequest request;
  for (int i = 0; i < 1000; ++i) request.add_gpu_pools()->set_gpu_type(std::string(10000, 'x'));
  FieldViolations violations;
  ValidateCreatePlanRequest(request, violations);
  const grpc::Status status = ToGrpcStatus(violations.ToStatus());
  // gRPC drops a status whose metadata exceed 8 KiB.
  EXPECT_LT(status.error_message().size() + status.error_details().size(), 8000u);
}

TEST(ValidateTest, CheckNeedsModelAndHardwareOnce) {
  v1::CheckConfigurationRequest request;
  FieldViolations violations;
  ValidateCheckConfigurationRequest(request, violations);
  EXPECT_TRUE(violations.Contains("architecture"));
  EXPECT_TRUE(violations.Contains("gpu_pool"));
}

TEST(PageSizeTest, FollowsTheRulesOfLists) {
  EXPECT_THAT(PageSize(0), IsOkAndHolds(50));
  EXPECT_THAT(PageSize(7), IsOkAndHolds(7));
  EXPECT_THAT(PageSize(5000), IsOkAndHolds(1000));
  EXPECT_THAT(PageSize(500, 100), IsOkAndHolds(100));
  EXPECT_THAT(PageSize(-1), StatusIs(absl::StatusCode::kInvalidArgument, "page_size"));
}

TEST(ResourceNameTest, AcceptsBareAndFullNames) {
  EXPECT_THAT(ResourceName("clusters", "alpha", "name"),
              IsOkAndHolds(std::string("clusters/alpha")));
  EXPECT_THAT(ResourceName("clusters", "clusters/alpha", "name"),
              IsOkAndHolds(std::string("clusters/alpha")));
}

TEST(ResourceNameTest, RefusesWhatAip122Does) {
  for (const std::string& bad :
       {std::string(), std::string("Alpha"), std::string("-a"), std::string("a-"),
        std::string("1a"), std::string("a_b"), std::string("a/b"), std::string(64, 'a')}) {
    EXPECT_THAT(ResourceName("clusters", bad, "name"),
                StatusIs(absl::StatusCode::kInvalidArgument, "name"))
        << bad;
  }
}

TEST(RpcStatusTest, AFailureWithoutDetailsGetsAReason) {
  const grpc::Status status = ToGrpcStatus(absl::UnavailableError("busy"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "UNAVAILABLE");
}

TEST(FindNonFiniteTest, SeesEveryDepth) {
  v1::Plan plan;
  plan.add_binding()->set_shadow_price(kNan);
  plan.mutable_law_optimum()->set_loss_nats(kInf);
  FieldViolations violations;
  FindNonFinite(plan, violations);
  EXPECT_TRUE(violations.Contains("rhumb.v1.Plan.Binding.shadow_price"));
  EXPECT_TRUE(violations.Contains("rhumb.v1.Plan.LawOptimum.loss_nats"));
}

}  // namespace
}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
// Calibrations through the in-process channel: what is stored, and what plans make of it.
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "daemon/calibrations.h"
#include "planner/cost/time_constants.h"
#include "tests/daemon/service_fixture.h"

namespace rhumb::daemon {
namespace {

constexpr char kFirstId[] = "123e4567-e89b-42d3-a456-426614174000";
constexpr char kSecondId[] = "123e4567-e89b-42d3-a456-426614174001";

// A machine whose every rate is `factor` of the shipped one of its family.
v1::Calibration Scaled(const std::string& name, double factor,
                       const std::string& family_name = "hopper") {
  v1::Calibration calibration;
  calibration.set_name(name);
  calibration.set_source("40 runs of ours");
  v1::CalibratedFamily& family = *calibration.add_families();
  family.set_family(family_name);
  family.set_run_count(40);
  family.set_table_count(2);
  family.set_default_error_fraction(0.22);
  family.set_error_fraction(0.02);
  family.set_left_out_error_fraction(0.03);
  family.mutable_error()->set_log_quantile_05(-0.05);
  family.mutable_error()->set_log_quantile_95(0.06);
  const TimeConstants& shipped = TimeConstantsOf(family_name);
  const auto add = [&](const char* constant, double value) {
    family.add_constants()->set_name(constant);
    family.mutable_constants()->rbegin()->set_value(value * factor);
  };
  add("gemm_16bit_fraction", shipped.gemm_16bit_fraction);
  add("flash_attention_fraction", shipped.flash_attention_fraction);
  add("cudnn_attention_fraction", shipped.cudnn_attention_fraction);
  add("memory_fraction", shipped.memory_fraction);
  add("scale_up_fraction", shipped.scale_up_fraction);
  add("network_fraction", shipped.network_fraction);
  return calibration;
}

v1::CreatePlanRequest EightOf(const std::string& gpu_type, const std::string& calibration) {
  v1::CreatePlanRequest request;
  request.add_gpu_pools()->set_gpu_type(gpu_type);
  request.mutable_gpu_pools(0)->set_count(8);
  request.set_deadline_seconds(86400);
  request.set_calibration(calibration);
  return request;
}

class CalibrationTest : public ServiceTest {
 protected:
  Answer<v1::Calibration> Store(const v1::Calibration& calibration,
                                const std::string& request_id = "", bool validate_only = false) {
    v1::ApplyCalibrationRequest request;
    *request.mutable_calibration() = calibration;
    request.set_request_id(request_id);
    request.set_validate_only(validate_only);
    return Ask(*clusters_, &v1::ClusterService::Stub::ApplyCalibration, request);
  }
  Answer<v1::Calibration> Get(const std::string& name) {
    v1::GetCalibrationRequest request;
    request.set_name(name);
    return Ask(*clusters_, &v1::ClusterService::Stub::GetCalibration, request);
  }
  grpc::Status Delete(const std::string& name) {
    v1::DeleteCalibrationRequest request;
    request.set_name(name);
    return Ask(*clusters_, &v1::ClusterService::Stub::DeleteCalibration, request).status;
  }
  // Seconds of a step of one configuration.
  Answer<v1::CheckConfigurationResponse> Check(const std::string& calibration,
                                               const std::string& gpu_type = "H100-SXM5-80GB") {
    v1::CheckConfigurationRequest request;
    request.set_param_count(8'000'000'000);
    request.mutable_gpu_pool()->set_gpu_type(gpu_type);
    request.mutable_gpu_pool()->set_count(8);
    request.set_token_count(1'000'000'000);
    request.set_calibration(calibration);
    return Ask(*plans_, &v1::PlanService::Stub::CheckConfiguration, request);
  }
  static std::map<std::string, std::string> Refused(const v1::Calibration& calibration,
                                                    CalibrationTest& test) {
    const auto answer = test.Store(calibration);
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return ViolationsOf(answer.status);
  }
};

TEST_F(CalibrationTest, AnswerHasEveryConstantWithItsDefaultBeside) {
  const auto stored = Store(Scaled("mine", 0.8));
  ASSERT_TRUE(stored.status.ok()) << stored.status.error_message();
  EXPECT_EQ(stored.response.name(), "calibrations/mine");
  EXPECT_EQ(stored.response.version(), 1);
  EXPECT_EQ(stored.response.run_count(), 40);
  const v1::CalibratedFamily& family = stored.response.families(0);
  EXPECT_GT(family.constants_size(), 10);
  for (const v1::StepTimeConstant& constant : family.constants()) {
    EXPECT_FALSE(constant.unit().empty()) << constant.name();
    if (constant.name() == "gemm_16bit_fraction") {
      EXPECT_DOUBLE_EQ(constant.default_value(), TimeConstantsOf("hopper").gemm_16bit_fraction);
      EXPECT_DOUBLE_EQ(constant.value(), 0.8 * constant.default_value());
    }
    if (constant.name() == "data_parallel_overlap") {
      EXPECT_DOUBLE_EQ(constant.value(), constant.default_value());
    }
  }
}

TEST_F(CalibrationTest, VersionGrowsWithTheContentOnlyAndOldOnesStay) {
  EXPECT_EQ(Store(Scaled("mine", 0.8)).response.version(), 1);
  EXPECT_EQ(Store(Scaled("calibrations/mine", 0.8)).response.version(), 1);
  EXPECT_EQ(Store(Scaled("mine", 0.9)).response.version(), 2);
  Restart();
  EXPECT_EQ(Get("mine").response.version(), 2);
  const v1::Calibration first = Get("mine@1").response;
  EXPECT_EQ(first.version(), 1);
  EXPECT_DOUBLE_EQ(first.families(0).constants(0).value(),
                   0.8 * first.families(0).constants(0).default_value());
}

TEST_F(CalibrationTest, AnAnswerCanBeStoredAgain) {
  const v1::Calibration stored = Store(Scaled("mine", 0.8)).response;
  EXPECT_EQ(Store(stored).response.version(), 1);
}

TEST_F(CalibrationTest, RepeatedRequestAnswersTheVersionItMade) {
  EXPECT_EQ(Store(Scaled("mine", 0.8), kFirstId).response.version(), 1);
  EXPECT_EQ(Store(Scaled("mine", 0.9), kSecondId).response.version(), 2);
  EXPECT_EQ(Store(Scaled("mine", 0.8), kFirstId).response.version(), 1);
  EXPECT_EQ(Store(Scaled("mine", 0.7), kFirstId).status.error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(CalibrationTest, ValidateOnlyStoresNothing) {
  ASSERT_TRUE(Store(Scaled("mine", 0.8), "", /*validate_only=*/true).status.ok());
  EXPECT_EQ(Get("mine").status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(CalibrationTest, ListPagesOverNewestVersions) {
  for (const char* name : {"a", "b", "c"}) Store(Scaled(name, 0.8));
  Store(Scaled("a", 0.7));
  v1::ListCalibrationsRequest request;
  request.set_page_size(2);
  const auto first = Ask(*clusters_, &v1::ClusterService::Stub::ListCalibrations, request);
  ASSERT_EQ(first.response.calibrations_size(), 2);
  EXPECT_EQ(first.response.calibrations(0).name(), "calibrations/a");
  EXPECT_EQ(first.response.calibrations(0).version(), 2);
  request.set_page_token(first.response.next_page_token());
  const auto second = Ask(*clusters_, &v1::ClusterService::Stub::ListCalibrations, request);
  ASSERT_EQ(second.response.calibrations_size(), 1);
  EXPECT_TRUE(second.response.next_page_token().empty());
}

TEST_F(CalibrationTest, ConstantsOutOfTheirBoundsAreRefusedByField) {
  v1::Calibration bad = Scaled("mine", 0.8);
  bad.mutable_families(0)->mutable_constants(0)->set_value(1.5);
  bad.mutable_families(0)->mutable_constants(1)->set_value(
      std::numeric_limits<double>::quiet_NaN());
  bad.mutable_families(0)->mutable_constants(2)->set_name("warp_fraction");
  bad.mutable_families(0)->mutable_constants(4)->set_name(bad.families(0).constants(3).name());
  const auto violations = Refused(bad, *this);
  EXPECT_EQ(violations.at("calibration.families[0].constants[0].value"),
            "gemm_16bit_fraction must be from 0.1 to 1, got 1.5");
  EXPECT_EQ(violations.count("calibration.families[0].constants[1].value"), 1u);
  EXPECT_EQ(violations.count("calibration.families[0].constants[2].name"), 1u);
  EXPECT_EQ(violations.at("calibration.families[0].constants[4].name"), "is there twice");
  EXPECT_EQ(violations.size(), 4u);
}

TEST_F(CalibrationTest, AnIntervalWithoutItsPredictionIsRefusedByField) {
  v1::Calibration fast = Scaled("mine", 0.8), slow = fast;
  v1::StepTimeError* error = fast.mutable_families(0)->mutable_error();
  error->set_log_quantile_05(-3);
  error->set_log_quantile_95(-2);
  EXPECT_EQ(Refused(fast, *this).at("calibration.families[0].error.log_quantile_95"),
            "must not be below 0, which is the prediction itself, got -2");
  slow.mutable_families(0)->mutable_error()->set_log_quantile_05(0.01);
  EXPECT_EQ(Refused(slow, *this).at("calibration.families[0].error.log_quantile_05"),
            "must not be above 0, which is the prediction itself, got 0.01");
}

TEST_F(CalibrationTest, WhatMakesNoSenseAsAWholeIsRefusedByField) {
  v1::Calibration bad = Scaled("Not An Id", 0.8);
  bad.set_rows_sha256("abc");
  *bad.add_families() = bad.families(0);
  bad.add_families()->set_family("abacus");
  bad.mutable_families(0)->set_table_count(41);
  bad.mutable_families(0)->mutable_error()->set_log_quantile_05(0.2);
  const auto violations = Refused(bad, *this);
  for (const char* field :
       {"calibration.name", "calibration.rows_sha256", "calibration.families[1].family",
        "calibration.families[2].family", "calibration.families[0].table_count",
        "calibration.families[0].error.log_quantile_05"}) {
    EXPECT_EQ(violations.count(field), 1u) << field;
  }
  EXPECT_EQ(Refused({}, *this).count("calibration.families"), 1u);
  EXPECT_EQ(Store(v1::Calibration()).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(CalibrationTest, FormatsThatAFamilyLacksAreNoConstantsOfIt) {
  v1::Calibration bad = Scaled("mine", 1, "ampere");
  bad.mutable_families(0)->mutable_constants(0)->set_name("gemm_8bit_fraction");
  EXPECT_EQ(Refused(bad, *this).count("calibration.families[0].constants[0].name"), 1u);
}

TEST_F(CalibrationTest, EveryRateAtFourFifthsTakesAQuarterLonger) {
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  const double shipped = Check("").response.time().step_seconds();
  const auto calibrated = Check("mine");
  ASSERT_TRUE(calibrated.status.ok()) << calibrated.status.error_message();
  EXPECT_NEAR(calibrated.response.time().step_seconds() / shipped, 1.25, 0.02);
  EXPECT_EQ(calibrated.response.calibration().run_count(), 40);
  EXPECT_FALSE(Check("").response.has_calibration());
}

TEST_F(CalibrationTest, PlanOfTheSameLayoutTakesAQuarterLonger) {
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  v1::CreatePlanRequest request = EightOf("H100-SXM5-80GB", "");
  request.clear_deadline_seconds();
  request.set_param_count(1'000'000'000);
  request.set_token_count(20'000'000'000);
  request.set_global_batch_tokens(64 * 8192);
  request.set_objective(v1::OBJECTIVE_TIME);
  request.mutable_layout()->set_tensor_parallel_size(1);
  request.mutable_layout()->set_pipeline_parallel_size(1);
  request.mutable_layout()->set_data_parallel_size(8);
  request.mutable_layout()->set_zero_stage(1);
  request.mutable_layout()->set_micro_batch_size(1);
  request.mutable_layout()->set_recompute(v1::RECOMPUTE_NONE);
  const auto shipped = Create(request);
  ASSERT_EQ(shipped.response.state(), v1::Plan::STATE_FEASIBLE) << shipped.status.error_message();
  request.set_calibration("mine");
  const auto calibrated = Create(request);
  EXPECT_EQ(calibrated.response.layout().SerializeAsString(),
            shipped.response.layout().SerializeAsString());
  EXPECT_NEAR(calibrated.response.time().step_seconds() / shipped.response.time().step_seconds(),
              1.25, 0.03);
}

TEST_F(CalibrationTest, IntervalOfWallTimeIsTheCalibrationsOwn) {
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  const v1::TimePlan time = Check("mine").response.time();
  EXPECT_NEAR(time.wall_low_seconds() / time.wall_seconds(), std::exp(-0.05), 1e-9);
  EXPECT_NEAR(time.wall_high_seconds() / time.wall_seconds(), std::exp(0.06), 1e-9);
}

TEST_F(CalibrationTest, PlanIsSlowerAndSaysWhatItWasMadeWith) {
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  const auto shipped = Create(EightOf("H100-SXM5-80GB", ""));
  const auto plan = Create(EightOf("H100-SXM5-80GB", "mine"));
  ASSERT_TRUE(plan.status.ok()) << plan.status.error_message();
  EXPECT_GT(plan.response.loss().mean_nats(), shipped.response.loss().mean_nats());
  EXPECT_LT(plan.response.time().mfu(), 0.85 * shipped.response.time().mfu());
  const v1::Plan::Calibration& used = plan.response.calibration();
  EXPECT_EQ(used.name(), "calibrations/mine");
  EXPECT_EQ(used.version(), 1);
  EXPECT_EQ(used.run_count(), 40);
  EXPECT_EQ(used.gpu_family(), "hopper");
  EXPECT_EQ(used.left_out_error_fraction(), 0.03);
  for (const auto& warning : plan.response.warnings()) EXPECT_NE(warning.code(), "UNCALIBRATED");
  EXPECT_EQ(shipped.response.calibration().ByteSizeLong(), 0u);
}

TEST_F(CalibrationTest, PlansWithoutACalibrationDoNotKnowThatThereIsOne) {
  const v1::Plan before = Create(EightOf("H100-SXM5-80GB", "")).response;
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  EXPECT_EQ(Create(EightOf("H100-SXM5-80GB", "")).response.name(), before.name());
}

TEST_F(CalibrationTest, OtherFamiliesAreTimedAsShippedAndSaySo) {
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  EXPECT_EQ(Check("mine", "A100-SXM4-80GB").response.time().step_seconds(),
            Check("", "A100-SXM4-80GB").response.time().step_seconds());
  const auto plan = Create(EightOf("A100-SXM4-80GB", "mine"));
  EXPECT_EQ(plan.response.calibration().run_count(), 0);
  bool said = false, warned = false;
  for (const auto& assumption : plan.response.assumptions()) {
    said = said ||
           (assumption.field() == "calibration" && assumption.value() == "as shipped for ampere");
  }
  for (const auto& warning : plan.response.warnings()) {
    warned = warned || warning.code() == "UNCALIBRATED";
  }
  EXPECT_TRUE(said);
  EXPECT_TRUE(warned);
}

TEST_F(CalibrationTest, SameQuestionIsTheSamePlanAndNoSecondRow) {
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  const v1::Plan plan = Create(EightOf("H100-SXM5-80GB", "mine")).response;
  for (const char* spelling : {"mine", "calibrations/mine", "mine@1", "mine"}) {
    EXPECT_EQ(Create(EightOf("H100-SXM5-80GB", spelling)).response.SerializeAsString(),
              plan.SerializeAsString())
        << spelling;
  }
  EXPECT_EQ(StoredPlanCount(), 1);
}

// The shortcut for repeated questions must not outlive the version.
TEST_F(CalibrationTest, RepeatedQuestionSeesTheNextVersion) {
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  Create(EightOf("H100-SXM5-80GB", "mine"));
  const std::string first = Create(EightOf("H100-SXM5-80GB", "mine")).response.name();
  ASSERT_TRUE(Store(Scaled("mine", 0.9)).status.ok());
  const v1::Plan second = Create(EightOf("H100-SXM5-80GB", "mine")).response;
  EXPECT_NE(second.name(), first);
  EXPECT_EQ(second.calibration().version(), 2);
  EXPECT_EQ(Create(EightOf("H100-SXM5-80GB", "mine@1")).response.name(), first);
}

TEST_F(CalibrationTest, DeletedCalibrationLeavesItsPlansAndAnswersNoNewQuestion) {
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  Create(EightOf("H100-SXM5-80GB", "mine"));
  const v1::Plan plan = Create(EightOf("H100-SXM5-80GB", "mine")).response;
  ASSERT_TRUE(Delete("mine").ok());
  v1::GetPlanRequest get;
  get.set_name(plan.name());
  const auto stored = Ask(*plans_, &v1::PlanService::Stub::GetPlan, get);
  EXPECT_EQ(stored.response.calibration().version(), 1);
  const auto asked = Create(EightOf("H100-SXM5-80GB", "mine"));
  EXPECT_EQ(asked.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  // The number is not given again: the plan's calibration stays what it was.
  EXPECT_EQ(Store(Scaled("mine", 0.8)).response.version(), 2);
  EXPECT_NE(Create(EightOf("H100-SXM5-80GB", "mine")).response.name(), plan.name());
}

TEST_F(CalibrationTest, DeletingWhatIsNotThereIsNotFound) {
  EXPECT_EQ(Delete("mine").error_code(), grpc::StatusCode::NOT_FOUND);
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  EXPECT_EQ(Delete("mine@1").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(CalibrationWriterTest, OnlyTheOwnerAndTheOperatorMayChangeAName) {
  const auto may = [](int64_t uid, bool known) {
    return CheckCalibrationWriter({uid, known}, "calibrations/mine", 1000).ok();
  };
  EXPECT_TRUE(may(1000, true));
  EXPECT_TRUE(may(0, true));
  EXPECT_FALSE(may(2000, true));
  EXPECT_FALSE(may(1000, false));
  EXPECT_EQ(CheckCalibrationWriter({2000, true}, "calibrations/mine", 1000).code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(CalibrationTest, UnknownNameIsAViolationWithTheNearest) {
  for (const char* name : {"alpha", "beta", "gamma", "delta"}) Store(Scaled(name, 0.8));
  for (const char* asked : {"alfa", "calibrations/alfa", "alpha@9", "Not An Id"}) {
    const auto violations = ViolationsOf(Create(EightOf("H100-SXM5-80GB", asked)).status);
    ASSERT_EQ(violations.count("calibration"), 1u) << asked;
    EXPECT_EQ(violations.size(), 1u);
    EXPECT_EQ(ViolationsOf(Check(asked).status), violations);
  }
  const auto nearest = ViolationsOf(Create(EightOf("H100-SXM5-80GB", "alfa")).status);
  EXPECT_EQ(nearest.at("calibration"), "unknown calibration \"alfa\"; nearest: alpha, beta, delta");
  EXPECT_EQ(ViolationsOf(Create(EightOf("H100-SXM5-80GB", "alpha@9")).status).at("calibration"),
            "alpha has no version 9; the newest is 1");
}

TEST_F(CalibrationTest, QuestionsThatTimeNoStepRefuseOne) {
  ASSERT_TRUE(Store(Scaled("mine", 0.8)).status.ok());
  v1::CreatePlanRequest law_only = ComputeQuestion(1e21);
  law_only.set_calibration("mine");
  EXPECT_EQ(ViolationsOf(Create(law_only).status).count("calibration"), 1u);
  v1::CreatePlanRequest with_mfu = EightOf("H100-SXM5-80GB", "mine");
  with_mfu.set_mfu(0.4);
  EXPECT_EQ(ViolationsOf(Create(with_mfu).status).count("calibration"), 1u);
}

}  // namespace
}  // namespace rhumb::daemon

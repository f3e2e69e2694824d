// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/calibration_message.h"

#include <string>

#include "gtest/gtest.h"
#include "planner/calibrate/constant_space.h"

namespace rhumb::convert {
namespace {

TEST(CalibrationMessageTest, EveryAxisOfAFitIsAConstantWithItsBoundsAndAUnit) {
  for (const TimeConstants* shipped : AllTimeConstants()) {
    const std::vector<NamedConstant> named = NamedConstantsOf(shipped->family);
    const std::vector<ConstantAxis> axes = AxesOf(*shipped);
    ASSERT_GE(named.size(), axes.size());
    for (size_t i = 0; i < axes.size(); ++i) {
      EXPECT_EQ(named[i].name, std::string(axes[i].name));
      EXPECT_EQ(named[i].least, axes[i].least);
    }
    for (const NamedConstant& constant : named) {
      EXPECT_FALSE(std::string(constant.unit).empty()) << constant.name;
      EXPECT_GE(shipped->*constant.member, constant.least) << shipped->family << constant.name;
      EXPECT_LE(shipped->*constant.member, constant.most) << shipped->family << constant.name;
    }
  }
}

TEST(CalibrationMessageTest, FitComesBackAsTheConstantsItHas) {
  FamilyCalibration fit;
  fit.constants = TimeConstantsOf("blackwell");
  fit.constants.gemm_4bit_fraction *= 0.9;
  fit.constants.power_exponent *= 0.9;
  fit.run_count = 7;
  fit.table_count = 2;
  v1::Calibration message;
  message.set_name("calibrations/mine");
  message.set_version(3);
  *message.add_families() = ToProto(fit);
  message.mutable_families(0)->set_left_out_error_fraction(0.05);
  const TimeCalibration back = FromProto(message);
  ASSERT_EQ(back.families.size(), 1u);
  EXPECT_EQ(back.version, 3);
  EXPECT_EQ(back.families[0].run_count, 7);
  EXPECT_EQ(back.families[0].left_out_error, 0.05);
  const TimeConstants& constants = back.families[0].constants;
  EXPECT_EQ(constants.source, "calibrations/mine@3");
  for (const NamedConstant& constant : NamedConstantsOf("blackwell")) {
    EXPECT_EQ(constants.*constant.member, fit.constants.*constant.member) << constant.name;
  }
}

TEST(CalibrationMessageTest, ErrorComesBackAndWithoutOneTheShippedHolds) {
  v1::Calibration message;
  message.add_families()->set_family("hopper");
  EXPECT_EQ(FromProto(message).families[0].error.log_quantile_05,
            TimeErrorOf("hopper").log_quantile_05);
  const TimeError error = {.log_bias = 0.01,
                           .log_sigma = 0.02,
                           .log_quantile_05 = -0.03,
                           .log_quantile_95 = 0.04,
                           .row_count = 9,
                           .table_count = 2,
                           .source = "ours"};
  *message.mutable_families(0)->mutable_error() = ToProto(error);
  message.mutable_families(0)->set_table_count(2);
  const TimeError back = FromProto(message).families[0].error;
  EXPECT_EQ(back.log_bias, error.log_bias);
  EXPECT_EQ(back.log_sigma, error.log_sigma);
  EXPECT_EQ(back.log_quantile_05, error.log_quantile_05);
  EXPECT_EQ(back.log_quantile_95, error.log_quantile_95);
  EXPECT_EQ(back.row_count, error.row_count);
  EXPECT_EQ(back.table_count, error.table_count);
  EXPECT_EQ(back.source, error.source);
}

TEST(CalibrationMessageTest, MissingConstantsAreAsShippedAndUnknownOnesDropped) {
  v1::CalibratedFamily family;
  family.set_family("hopper");
  family.add_constants()->set_name("memory_fraction");
  family.mutable_constants(0)->set_value(0.5);
  family.add_constants()->set_name("warp_fraction");
  CompleteConstants(family);
  EXPECT_EQ(static_cast<size_t>(family.constants_size()), NamedConstantsOf("hopper").size());
  for (const v1::StepTimeConstant& constant : family.constants()) {
    EXPECT_EQ(constant.value(),
              constant.name() == "memory_fraction" ? 0.5 : constant.default_value());
  }
}

}  // namespace
}  // namespace rhumb::convert

// SPDX-License-Identifier: Apache-2.0
#include "client/config/written_numbers.h"

#include <cmath>

#include "absl/status/statusor.h"
#include "client/config/human_numbers.h"
#include "gtest/gtest.h"

namespace rhumb {
namespace {

TEST(WrittenNumbersTest, DurationsHaveTwoUnitsRoundedToTheSide) {
  EXPECT_EQ(WriteDuration(615.7, Side::kUp), "10m16s");
  EXPECT_EQ(WriteDuration(615.7, Side::kDown), "10m15s");
  EXPECT_EQ(WriteDuration(1.03e8, Side::kUp), "1192d4h");
  EXPECT_EQ(WriteDuration(3600, Side::kUp), "1h");
  EXPECT_EQ(WriteDuration(12.345, Side::kUp), "12.35s");
}

TEST(WrittenNumbersTest, ADurationThatRoundsToTheNextUnitIsWrittenInIt) {
  EXPECT_EQ(WriteDuration(3599.5, Side::kUp), "1h");
  EXPECT_EQ(WriteDuration(86399, Side::kUp), "1d");
}

TEST(WrittenNumbersTest, CountsHaveFourDigitsAndASuffix) {
  EXPECT_EQ(WriteCount(1588000, Side::kUp), "1.588M");
  EXPECT_EQ(WriteCount(123456789012, Side::kUp), "123.5B");
  EXPECT_EQ(WriteCount(123456789012, Side::kDown), "123.4B");
  EXPECT_EQ(WriteCount(9999.5, Side::kUp), "10K");
  EXPECT_EQ(WriteCount(9600, Side::kUp), "9600");
  EXPECT_EQ(WriteCount(1.0301e21, Side::kUp), "1.031e21");
  EXPECT_EQ(WriteCount(0, Side::kUp), "0");
}

TEST(WrittenNumbersTest, ADecimalNumberOfFourDigitsIsNotRoundedFurther) {
  for (const double value : {1.157, 2.083, 0.0007, 1588000.0, 1.588e12, 3.003e22}) {
    double back = 0;
    ASSERT_TRUE(ParseCount(WriteCount(value, Side::kUp)).ok());
    back = *ParseCount(WriteCount(value, Side::kUp));
    EXPECT_EQ(back, value);
    EXPECT_EQ(*ParseNumber(WriteNumber(value, Side::kDown)), value);
  }
}

TEST(WrittenNumbersTest, WhatIsWrittenIsReadBackOnTheSideAskedFor) {
  const double tolerance = 1e-11;
  for (double value = 1e-3; value < 1e24; value *= 1.7) {
    const double up = value * (1 - tolerance);
    const double down = value * (1 + tolerance);
    const struct {
      absl::StatusOr<double> above, below;
      double coarse;
    } kCases[] = {
        {ParseCount(WriteCount(value, Side::kUp)), ParseCount(WriteCount(value, Side::kDown)), 0},
        {ParseUsd(WriteUsd(value, Side::kUp)), ParseUsd(WriteUsd(value, Side::kDown)), 0},
        {ParseBytes(WriteBytes(value, Side::kUp)), ParseBytes(WriteBytes(value, Side::kDown)), 0},
        {ParseNumber(WriteNumber(value, Side::kUp)), ParseNumber(WriteNumber(value, Side::kDown)),
         0},
        {ParseDuration(WriteDuration(value, Side::kUp), {}),
         ParseDuration(WriteDuration(value, Side::kDown), {}), 0.05}};
    for (const auto& tested : kCases) {
      ASSERT_TRUE(tested.above.ok()) << value << ": " << tested.above.status();
      ASSERT_TRUE(tested.below.ok()) << value << ": " << tested.below.status();
      EXPECT_GE(*tested.above, up) << value;
      EXPECT_LE(*tested.below, down) << value;
      EXPECT_LE(*tested.above, value * (1.001 + tested.coarse)) << value;
      EXPECT_GE(*tested.below, value * (0.999 - tested.coarse)) << value;
    }
  }
}

}  // namespace
}  // namespace rhumb

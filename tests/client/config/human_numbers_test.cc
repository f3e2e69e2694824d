// SPDX-License-Identifier: Apache-2.0
#include "client/config/human_numbers.h"

#include <cmath>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;
using ::testing::DoubleEq;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ParseCountTest, ReadsExponents) { EXPECT_THAT(ParseCount("7e9"), IsOkAndHolds(7e9)); }
TEST(ParseCountTest, ReadsBillions) { EXPECT_THAT(ParseCount("7B"), IsOkAndHolds(7e9)); }
TEST(ParseCountTest, ReadsLowerCase) { EXPECT_THAT(ParseCount("7b"), IsOkAndHolds(7e9)); }
TEST(ParseCountTest, ReadsTrillions) { EXPECT_THAT(ParseCount("1.4T"), IsOkAndHolds(1.4e12)); }
TEST(ParseCountTest, ReadsMillions) { EXPECT_THAT(ParseCount("350M"), IsOkAndHolds(350e6)); }
TEST(ParseCountTest, ReadsThousands) { EXPECT_THAT(ParseCount("128K"), IsOkAndHolds(128e3)); }
TEST(ParseCountTest, ReadsFlops) { EXPECT_THAT(ParseCount("5.76e23"), IsOkAndHolds(5.76e23)); }
TEST(ParseCountTest, ReadsSignedExponents) { EXPECT_THAT(ParseCount("1e+21"), IsOkAndHolds(1e21)); }
TEST(ParseCountTest, ReadsZero) { EXPECT_THAT(ParseCount("0"), IsOkAndHolds(0.0)); }

// A text no parser may take for a number of any kind.
class JunkTest : public ::testing::TestWithParam<const char*> {};
TEST_P(JunkTest, IsNoCount) {
  EXPECT_THAT(ParseCount(GetParam()), StatusIs(kInvalid, "expected a count"));
}
TEST_P(JunkTest, IsNoInteger) {
  EXPECT_THAT(ParseIntegerCount(GetParam()), StatusIs(kInvalid, "expected a count"));
}
TEST_P(JunkTest, IsNoDuration) {
  EXPECT_THAT(ParseDuration(GetParam(), 0.0), StatusIs(kInvalid, "expected a duration"));
}
TEST_P(JunkTest, IsNoByteCount) {
  EXPECT_THAT(ParseBytes(GetParam()), StatusIs(kInvalid, "expected bytes"));
}
TEST_P(JunkTest, IsNoMoney) {
  EXPECT_THAT(ParseUsd(GetParam()), StatusIs(kInvalid, "expected US dollars"));
}
TEST_P(JunkTest, IsNoGpuQuantity) {
  EXPECT_THAT(ParseGpuQuantity(GetParam()), StatusIs(kInvalid, "expected a count and a GPU type"));
}
INSTANTIATE_TEST_SUITE_P(Texts, JunkTest,
                         ::testing::Values("", " ", "-1", "+1", "nan", "NaN", "inf", "-inf",
                                           "Infinity", "1e999", "1e99999999999999999999", "0x10",
                                           "1..2", ".", "e9", "1,000", "7 B", "7Bx", "7BB", "B",
                                           "7E", "1_000", "\xff\x01", "--help"));

TEST(ParseCountTest, ExponentAndSuffixTogetherAreRefused) {
  EXPECT_THAT(ParseCount("1e9B"), StatusIs(kInvalid, "not both"));
}
TEST(ParseCountTest, ErrorSaysWhatIsWrongAndWhatIsAllowed) {
  EXPECT_THAT(ParseCount("-7B"),
              StatusIs(kInvalid,
                       "expected a count such as 7e9, 350M, 7B or 1.4T, got \"-7B\": "
                       "it must not be negative"));
}

TEST(ParseIntegerCountTest, IsExactBeyondDoubles) {
  EXPECT_THAT(ParseIntegerCount("9007199254740993"), IsOkAndHolds(9007199254740993));
}
TEST(ParseIntegerCountTest, DecimalSuffixIsExact) {
  EXPECT_THAT(ParseIntegerCount("1.3B"), IsOkAndHolds(1300000000));
}
TEST(ParseIntegerCountTest, FractionIsRefused) {
  EXPECT_THAT(ParseIntegerCount("1.5"), StatusIs(kInvalid, "whole number"));
}
TEST(ParseIntegerCountTest, BeyondInt64IsRefused) {
  EXPECT_THAT(ParseIntegerCount("1e19"), StatusIs(kInvalid, "out of range"));
}
TEST(ParseIntegerCountTest, DigitsBeyondInt64AreRefused) {
  EXPECT_THAT(ParseIntegerCount("9223372036854775808"), StatusIs(kInvalid, "out of range"));
}

TEST(ParseNumberTest, ReadsNegatives) { EXPECT_THAT(ParseNumber("-2.5e-1"), IsOkAndHolds(-0.25)); }
TEST(ParseNumberTest, SuffixIsRefused) {
  EXPECT_THAT(ParseNumber("1k"), StatusIs(kInvalid, "nothing may follow"));
}
TEST(ParseNumberTest, NotANumberIsRefused) {
  EXPECT_THAT(ParseNumber("-nan"), StatusIs(kInvalid, "a number"));
}

TEST(ParseDurationTest, ReadsDays) {
  EXPECT_THAT(ParseDuration("21d", {}), IsOkAndHolds(21 * 86400.0));
}
TEST(ParseDurationTest, ReadsHours) {
  EXPECT_THAT(ParseDuration("36h", {}), IsOkAndHolds(129600.0));
}
TEST(ParseDurationTest, ReadsMinutes) {
  EXPECT_THAT(ParseDuration("90m", {}), IsOkAndHolds(5400.0));
}
TEST(ParseDurationTest, ReadsWeeks) {
  EXPECT_THAT(ParseDuration("2w", {}), IsOkAndHolds(1209600.0));
}
TEST(ParseDurationTest, ReadsCompounds) {
  EXPECT_THAT(ParseDuration("1h30m", {}), IsOkAndHolds(5400.0));
}
TEST(ParseDurationTest, ReadsFractions) {
  EXPECT_THAT(ParseDuration("1.5d", {}), IsOkAndHolds(129600.0));
}
TEST(ParseDurationTest, BareNumberIsSeconds) {
  EXPECT_THAT(ParseDuration("86400", {}), IsOkAndHolds(86400.0));
}
TEST(ParseDurationTest, UnitsOutOfOrderAreRefused) {
  EXPECT_THAT(ParseDuration("30m1h", {}), StatusIs(kInvalid, "in this order"));
}
TEST(ParseDurationTest, UnitTwiceIsRefused) {
  EXPECT_THAT(ParseDuration("1h1h", {}), StatusIs(kInvalid, "each once"));
}
TEST(ParseDurationTest, NumberWithoutUnitAfterAUnitIsRefused) {
  EXPECT_THAT(ParseDuration("1h30", {}), StatusIs(kInvalid, "no unit"));
}
TEST(ParseDurationTest, NothingIsRefused) {
  EXPECT_THAT(ParseDuration("0d", {}), StatusIs(kInvalid, "longer than"));
}
TEST(ParseDurationTest, YearsAreNoUnit) {
  EXPECT_THAT(ParseDuration("1y", {}), StatusIs(kInvalid, "units are"));
}

// 2027-02-28T00:00:00Z, by `date -ud 2027-02-28 +%s`.
constexpr double kLastOfFebruary2027 = 1803772800;

TEST(ParseDurationTest, DateIsTheTimeLeft) {
  EXPECT_THAT(ParseDuration("2027-03-01", kLastOfFebruary2027 + 3600), IsOkAndHolds(82800.0));
}
TEST(ParseDurationTest, DateMayHaveATime) {
  EXPECT_THAT(ParseDuration("2027-02-28T18:30", kLastOfFebruary2027), IsOkAndHolds(66600.0));
}
// 951782400 by `date -ud 2000-02-29 +%s`.
TEST(ParseDurationTest, LeapDayOfACenturyExists) {
  EXPECT_THAT(ParseDuration("2000-02-29", 951782400.0 - 60), IsOkAndHolds(60.0));
}
TEST(ParseDurationTest, DayThatDoesNotExistIsRefused) {
  EXPECT_THAT(ParseDuration("2027-02-29", 0.0), StatusIs(kInvalid, "no such day"));
}
TEST(ParseDurationTest, MonthThatDoesNotExistIsRefused) {
  EXPECT_THAT(ParseDuration("2027-13-01", 0.0), StatusIs(kInvalid, "no such day"));
}
TEST(ParseDurationTest, PastDateIsRefused) {
  EXPECT_THAT(ParseDuration("2027-02-28", kLastOfFebruary2027), StatusIs(kInvalid, "is past"));
}
TEST(ParseDurationTest, TimeThatDoesNotExistIsRefused) {
  EXPECT_THAT(ParseDuration("2027-02-28T24:00", 0.0), StatusIs(kInvalid, "time of day"));
}
TEST(ParseDurationTest, DateWithoutANowIsRefused) {
  EXPECT_THAT(ParseDuration("2027-03-01", std::nullopt),
              StatusIs(kInvalid, "not a length of time"));
}

TEST(ParseBytesTest, ReadsBinaryUnits) {
  EXPECT_THAT(ParseBytes("80GiB"), IsOkAndHolds(85899345920.0));
}
TEST(ParseBytesTest, ReadsDecimalUnits) { EXPECT_THAT(ParseBytes("80GB"), IsOkAndHolds(80e9)); }
TEST(ParseBytesTest, BareNumberIsBytes) { EXPECT_THAT(ParseBytes("512"), IsOkAndHolds(512.0)); }
TEST(ParseBytesTest, AmbiguousUnitIsRefused) {
  EXPECT_THAT(ParseBytes("80G"), StatusIs(kInvalid, "powers of 1024"));
}
TEST(ParseBytesTest, BitsAreRefused) {
  EXPECT_THAT(ParseBytes("80Gb"), StatusIs(kInvalid, "powers of 1024"));
}

TEST(ParseUsdTest, ReadsThousands) { EXPECT_THAT(ParseUsd("$25k"), IsOkAndHolds(25000.0)); }
TEST(ParseUsdTest, ReadsMillions) { EXPECT_THAT(ParseUsd("$1.5M"), IsOkAndHolds(1.5e6)); }
TEST(ParseUsdTest, ReadsPlainNumbers) { EXPECT_THAT(ParseUsd("25000"), IsOkAndHolds(25000.0)); }
TEST(ParseUsdTest, OtherCurrencyIsRefused) {
  EXPECT_THAT(ParseUsd("25EUR"), StatusIs(kInvalid, "US dollars"));
}
TEST(ParseUsdTest, NegativeIsRefused) {
  EXPECT_THAT(ParseUsd("$-5"), StatusIs(kInvalid, "must not be negative"));
}

TEST(ParseGpuQuantityTest, ReadsCountAndType) {
  const absl::StatusOr<GpuQuantity> quantity = ParseGpuQuantity("256xH100-SXM5-80GB");
  ASSERT_THAT(quantity, IsOk());
  EXPECT_EQ(quantity->gpu_count, 256);
  EXPECT_EQ(quantity->gpu_type, "H100-SXM5-80GB");
  EXPECT_FALSE(quantity->price_usd_per_gpu_hour.has_value());
}
TEST(ParseGpuQuantityTest, TypeMayHoldAnX) {
  const absl::StatusOr<GpuQuantity> quantity = ParseGpuQuantity("2xRTX-4090-24GB");
  ASSERT_THAT(quantity, IsOk());
  EXPECT_EQ(quantity->gpu_type, "RTX-4090-24GB");
}
TEST(ParseGpuQuantityTest, ReadsThePrice) {
  const absl::StatusOr<GpuQuantity> quantity = ParseGpuQuantity("8xh100@2.5");
  ASSERT_THAT(quantity, IsOk());
  EXPECT_EQ(quantity->gpu_type, "h100");
  EXPECT_THAT(quantity->price_usd_per_gpu_hour, ::testing::Optional(DoubleEq(2.5)));
}
TEST(ParseGpuQuantityTest, BadPriceIsRefused) {
  EXPECT_THAT(ParseGpuQuantity("8xH100@free"), StatusIs(kInvalid, "the price a GPU-hour"));
}
TEST(ParseGpuQuantityTest, NoneIsRefused) {
  EXPECT_THAT(ParseGpuQuantity("0xH100"), StatusIs(kInvalid, "from 1"));
}
TEST(ParseGpuQuantityTest, MissingTypeIsRefused) {
  EXPECT_THAT(ParseGpuQuantity("8x"), StatusIs(kInvalid, "letters, digits and dashes"));
}
TEST(ParseGpuQuantityTest, OddTypeIsRefused) {
  EXPECT_THAT(ParseGpuQuantity("8xH100 SXM"), StatusIs(kInvalid, "letters, digits and dashes"));
}

TEST(FormatCountTest, HasThreeDigits) { EXPECT_EQ(FormatCount(7.0334e9), "7.03B"); }
TEST(FormatCountTest, SmallWholeNumbersAreExact) { EXPECT_EQ(FormatCount(512), "512"); }
TEST(FormatCountTest, RoundingUpChangesTheSuffix) { EXPECT_EQ(FormatCount(999999), "1.00M"); }
TEST(FormatCountTest, HundredsHaveNoDecimals) { EXPECT_EQ(FormatCount(405.85e9), "406B"); }
TEST(FormatCountTest, FractionsStayReadable) { EXPECT_EQ(FormatCount(20.23), "20.2"); }
TEST(FormatCountTest, BeyondSuffixesIsScientific) { EXPECT_EQ(FormatCount(5.76e23), "5.76e23"); }
TEST(FormatFlopsTest, IsScientific) { EXPECT_EQ(FormatFlops(1e21), "1.00e21 FLOP"); }
TEST(FormatBytesTest, IsBinary) { EXPECT_EQ(FormatBytes(71.2 * 1024 * 1024 * 1024), "71.2 GiB"); }
TEST(FormatBytesTest, SmallIsPlain) { EXPECT_EQ(FormatBytes(512), "512 B"); }
TEST(FormatDurationTest, DaysAndHours) {
  EXPECT_EQ(FormatDuration(21 * 86400 + 3 * 3600 + 60), "21 d 3 h");
}
TEST(FormatDurationTest, HoursAndMinutes) { EXPECT_EQ(FormatDuration(5400), "1 h 30 min"); }
TEST(FormatDurationTest, RoundingNeverLeavesSixtySeconds) {
  EXPECT_EQ(FormatDuration(3599.7), "1 h");
}
TEST(FormatDurationTest, RoundingNeverLeavesTwentyFourHours) {
  EXPECT_EQ(FormatDuration(86400 - 1), "1 d");
}
TEST(FormatDurationTest, Seconds) { EXPECT_EQ(FormatDuration(12.5), "12.5 s"); }
TEST(FormatDurationTest, Milliseconds) { EXPECT_EQ(FormatDuration(0.35), "350 ms"); }
TEST(FormatUsdTest, Millions) { EXPECT_EQ(FormatUsd(1.25e6), "$1.25M"); }
TEST(FormatUsdTest, SmallHasCents) { EXPECT_EQ(FormatUsd(2.5), "$2.50"); }
TEST(FormatUsdTest, NegativeHasTheSignInFront) { EXPECT_EQ(FormatUsd(-25000), "-$25.0k"); }
TEST(FormatTokensPerSecondTest, HasItsUnit) {
  EXPECT_EQ(FormatTokensPerSecond(1.25e6), "1.25M tokens/s");
}

}  // namespace
}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "client/launch/shell_arithmetic.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::launch {
namespace {

using ::testing::Eq;
using ::testing::Optional;

std::optional<int64_t> Value(absl::string_view text) {
  return EvaluateArithmetic(text, [](const std::string& name) -> std::optional<int64_t> {
    if (name == "NODES") return 4;
    return std::nullopt;
  });
}

TEST(ShellArithmeticTest, ProductsComeBeforeSums) { EXPECT_THAT(Value("1 + 2 * 3"), Optional(7)); }

TEST(ShellArithmeticTest, ParenthesesGroup) { EXPECT_THAT(Value("(1+2)*3 % 5"), Optional(4)); }

TEST(ShellArithmeticTest, NamesAreLookedUp) { EXPECT_THAT(Value("NODES * 8"), Optional(32)); }

TEST(ShellArithmeticTest, UnknownNamesHaveNoValue) {
  EXPECT_THAT(Value("GPUS * 8"), Eq(std::nullopt));
}

TEST(ShellArithmeticTest, DivisionByZeroHasNoValue) {
  EXPECT_THAT(Value("1 / 0"), Eq(std::nullopt));
}

TEST(ShellArithmeticTest, OverflowHasNoValue) {
  EXPECT_THAT(Value("9223372036854775807 + 1"), Eq(std::nullopt));
}

TEST(ShellArithmeticTest, OctalIsNotTakenForDecimal) {
  EXPECT_THAT(Value("010"), Eq(std::nullopt));
}

TEST(ShellArithmeticTest, DeepNestingEnds) {
  EXPECT_THAT(Value(std::string(100000, '(')), Eq(std::nullopt));
}

}  // namespace
}  // namespace rhumb::launch

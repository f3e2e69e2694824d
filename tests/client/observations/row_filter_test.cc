// SPDX-License-Identifier: Apache-2.0
#include "client/observations/row_filter.h"

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::StatusIs;
using ::testing::SizeIs;

// Whether `cell` meets the only condition of `filter`.
bool Meets(absl::string_view filter, absl::string_view cell) {
  const absl::StatusOr<std::vector<RowCondition>> conditions = ParseRowFilter(filter);
  EXPECT_TRUE(conditions.ok()) << conditions.status();
  if (!conditions.ok() || conditions->size() != 1) return false;
  return Holds(conditions->front(), cell);
}

TEST(RowFilterTest, NumbersCompareAsNumbers) {
  EXPECT_TRUE(Meets("in_fit==1", "1.0"));
  EXPECT_TRUE(Meets("flops>=1e21", "1E+21"));
  EXPECT_FALSE(Meets("flops>1e21", "1e21"));
  EXPECT_TRUE(Meets("params<7B", "410M"));
  EXPECT_TRUE(Meets("x > -1", "-0.5"));
}

TEST(RowFilterTest, TextsCompareAsTheyAreWritten) {
  EXPECT_TRUE(Meets("sweep==base", "base"));
  EXPECT_FALSE(Meets("sweep==base", "Base"));
  EXPECT_TRUE(Meets("sweep!='base run'", "tuned run"));
  EXPECT_TRUE(Meets("day>=2024-11-02", "2024-11-10"));
}

TEST(RowFilterTest, AQuotedNumberIsAText) {
  EXPECT_FALSE(Meets("size=='1'", "1.0"));
  EXPECT_TRUE(Meets("size==1", "1.0"));
}

TEST(RowFilterTest, TextsContainOrLackOthers) {
  EXPECT_TRUE(Meets("name ~ rerun", "190M-1xC-rerun"));
  EXPECT_FALSE(Meets("name !~ 'validation-optimal'", "a-validation-optimal-b"));
}

TEST(RowFilterTest, AnEmptyCellIsOnlyUnequal) {
  EXPECT_FALSE(Meets("x<5", ""));
  EXPECT_FALSE(Meets("x>=5", " "));
  EXPECT_FALSE(Meets("x==5", ""));
  EXPECT_TRUE(Meets("x!=5", ""));
  EXPECT_FALSE(Meets("x!=''", ""));
  EXPECT_TRUE(Meets("x==''", ""));
}

TEST(RowFilterTest, ATextBesideANumberIsOnlyUnequal) {
  EXPECT_FALSE(Meets("x<5", "nan"));
  EXPECT_TRUE(Meets("x!=5", "nan"));
}

TEST(RowFilterTest, ConditionsAreJoinedByAnd) {
  const auto conditions = ParseRowFilter("a==1 and `b c` < 2 AND d!~'x and y' && e>0");
  ASSERT_TRUE(conditions.ok()) << conditions.status();
  ASSERT_THAT(*conditions, SizeIs(4));
  EXPECT_EQ((*conditions)[1].column, "b c");
  EXPECT_EQ((*conditions)[2].text, "x and y");
}

TEST(RowFilterTest, SaysWhereAConditionIsWrong) {
  const auto refused = [](absl::string_view filter, absl::string_view why) {
    EXPECT_THAT(ParseRowFilter(filter),
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(why)))
        << filter;
  };
  refused("", "expected a column at character 1");
  refused("in_fit", "expected a column and one of ==");
  refused("==1", "expected a column at character 1");
  refused("a==", "expected a value");
  refused("a==1 and", "expected a condition behind \"and\"");
  refused("a==1 or b==2", "expected \"and\" or the end at character 6");
  refused("a=='x", "a quote is never closed");
  refused("a=>1", "expected a value");
}

}  // namespace
}  // namespace rhumb

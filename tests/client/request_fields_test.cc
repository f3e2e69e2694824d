// SPDX-License-Identifier: Apache-2.0
#include "client/cli/request_fields.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "client/cli/question_flags.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "rhumb/v1/plan_service.pb.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr double kNow = 1'800'000'000;  // 2027-01-15T08:00:00Z

absl::Status Set(v1::CreatePlanRequest& request, const std::string& flag, const std::string& text) {
  Invocation invocation;
  invocation.flags[flag] = {text};
  return SetFieldsFromFlags(PlanFieldFlags(), invocation, kNow, request);
}

TEST(RequestFieldsTest, ACountWithASuffixIsExact) {
  v1::CreatePlanRequest request;
  ASSERT_THAT(Set(request, "unique-tokens", "1.4T"), IsOk());
  EXPECT_EQ(request.unique_token_count(), 1'400'000'000'000);
}

TEST(RequestFieldsTest, ADurationIsInSeconds) {
  v1::CreatePlanRequest request;
  ASSERT_THAT(Set(request, "deadline", "21d"), IsOk());
  EXPECT_EQ(request.deadline_seconds(), 21 * 86400.0);
}

TEST(RequestFieldsTest, ADateIsTheTimeUntilIt) {
  v1::CreatePlanRequest request;
  ASSERT_THAT(Set(request, "deadline", "2027-01-16"), IsOk());
  EXPECT_EQ(request.deadline_seconds(), 16 * 3600.0);
}

TEST(RequestFieldsTest, ANestedFieldIsReached) {
  v1::CreatePlanRequest request;
  ASSERT_THAT(Set(request, "zero-stage", "0"), IsOk());
  EXPECT_TRUE(request.layout().has_zero_stage());
  EXPECT_EQ(request.layout().zero_stage(), 0);
}

TEST(RequestFieldsTest, AnEnumTakesDashesAndLowerCase) {
  v1::CreatePlanRequest request;
  ASSERT_THAT(Set(request, "objective", "lifetime-cost"), IsOk());
  EXPECT_EQ(request.objective(), v1::OBJECTIVE_LIFETIME_COST);
}

TEST(RequestFieldsTest, AnEnumTakesTheLongForm) {
  v1::CreatePlanRequest request;
  ASSERT_THAT(Set(request, "objective", "OBJECTIVE_SIZE"), IsOk());
  EXPECT_EQ(request.objective(), v1::OBJECTIVE_SIZE);
}

TEST(RequestFieldsTest, AnUnknownEnumValueIsRefusedWithTheChoices) {
  v1::CreatePlanRequest request;
  EXPECT_THAT(
      Set(request, "objective", "speed"),
      StatusIs(kInvalid,
               "--objective (objective): \"speed\" is not one of loss, cost, time, lifetime-cost"));
}

TEST(RequestFieldsTest, TheUnspecifiedEnumValueCannotBeAskedFor) {
  v1::CreatePlanRequest request;
  EXPECT_THAT(Set(request, "objective", "unspecified"), StatusIs(kInvalid, "--objective"));
}

TEST(RequestFieldsTest, APoolCarriesItsPrice) {
  v1::CreatePlanRequest request;
  ASSERT_THAT(Set(request, "gpus", "256xH100-SXM5-80GB@2.5"), IsOk());
  ASSERT_EQ(request.gpu_pools_size(), 1);
  EXPECT_EQ(request.gpu_pools(0).count(), 256);
  EXPECT_EQ(request.gpu_pools(0).gpu_type(), "H100-SXM5-80GB");
  EXPECT_EQ(request.gpu_pools(0).price_usd_per_gpu_hour(), 2.5);
}

TEST(RequestFieldsTest, AnIntegerBeyondItsTypeIsRefused) {
  v1::CreatePlanRequest request;
  EXPECT_THAT(Set(request, "tokens", "1e30"), StatusIs(kInvalid, "--tokens (token_count)"));
}

TEST(RequestFieldsTest, AFractionOfAWholeThingIsRefused) {
  v1::CreatePlanRequest request;
  EXPECT_THAT(Set(request, "params", "1.5"), StatusIs(kInvalid, "--params (param_count)"));
}

TEST(RequestFieldsTest, AllWrongFlagsAreReportedAtOnce) {
  Invocation invocation;
  invocation.flags["compute"] = {"lots"};
  invocation.flags["budget"] = {"-3"};
  v1::CreatePlanRequest request;
  const absl::Status status = SetFieldsFromFlags(PlanFieldFlags(), invocation, kNow, request);
  EXPECT_THAT(status, StatusIs(kInvalid, "--compute (compute_flops)"));
  EXPECT_THAT(status, StatusIs(kInvalid, "--budget (budget_usd)"));
}

// A flag whose field does not exist, or a field that no flag sets, would be noticed by a user
// first.
TEST(RequestFieldsTest, FlagsAndFieldsOfAPlanMatch) {
  const google::protobuf::Descriptor& type = *v1::CreatePlanRequest::descriptor();
  std::set<std::string> set_by_flags = {"architecture", "layout", "price_usd_per_gpu_hour"};
  for (const Flag& flag : PlanFieldFlags()) {
    const std::string first = std::vector<std::string>(absl::StrSplit(flag.field, '.'))[0];
    EXPECT_NE(type.FindFieldByName(first), nullptr) << flag.name;
    set_by_flags.insert(first);
  }
  for (int i = 0; i < type.field_count(); ++i) {
    EXPECT_EQ(set_by_flags.count(type.field(i)->name()), 1u) << type.field(i)->name();
  }
}

}  // namespace
}  // namespace rhumb::cli

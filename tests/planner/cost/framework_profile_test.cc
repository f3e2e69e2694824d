// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/framework_profile.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;
using ::testing::Field;
using ::testing::HasSubstr;

TEST(FrameworkProfileTest, NameIgnoresLetterCase) {
  EXPECT_THAT(FindFrameworkProfile("TorchTitan"),
              IsOkAndHolds(Field(&FrameworkProfile::name, "torchtitan")));
}

TEST(FrameworkProfileTest, UnknownNameListsTheKnownOnes) {
  const absl::StatusOr<FrameworkProfile> found = FindFrameworkProfile("megatrn");
  EXPECT_THAT(found, StatusIs(absl::StatusCode::kInvalidArgument, "unknown framework \"megatrn\""));
  for (const FrameworkProfile& profile : FrameworkProfiles()) {
    EXPECT_THAT(std::string(found.status().message()), HasSubstr(profile.name));
  }
}

TEST(FrameworkProfileTest, DefaultForPlanningCountsAllThatTheDeviceShows) {
  EXPECT_THAT(FindFrameworkProfile("megatron"),
              IsOkAndHolds(Field(&FrameworkProfile::counter, MemoryCounter::kNvidiaSmi)));
}

TEST(FrameworkProfileTest, EveryProfileStatesItsReleases) {
  for (const FrameworkProfile& profile : FrameworkProfiles())
    EXPECT_FALSE(profile.version.empty()) << profile.name;
}

TEST(CounterBytesTest, DeviceShowsMoreThanTheAllocatorAndTheAllocatorMoreThanTensors) {
  FrameworkProfile profile;
  profile.reserved_factor = 1.25;
  profile.context_bytes = 2e9;
  profile.counter = MemoryCounter::kAllocated;
  EXPECT_DOUBLE_EQ(CounterBytes(profile, 8e9), 8e9);
  profile.counter = MemoryCounter::kReserved;
  EXPECT_DOUBLE_EQ(CounterBytes(profile, 8e9), 10e9);
  profile.counter = MemoryCounter::kNvidiaSmi;
  EXPECT_DOUBLE_EQ(CounterBytes(profile, 8e9), 12e9);
}

}  // namespace
}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "client/launch/slurm_directives.h"
#include "client/launch/slurm_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::launch {
namespace {

using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::SizeIs;

// The forms of sbatch(1), --time.
TEST(SlurmTimeTest, MinutesAlone) {
  EXPECT_THAT(ParseSlurmTime("90"), IsOkAndHolds(Optional(5400.0)));
}
TEST(SlurmTimeTest, MinutesAndSeconds) {
  EXPECT_THAT(ParseSlurmTime("2:30"), IsOkAndHolds(Optional(150.0)));
}
TEST(SlurmTimeTest, HoursMinutesAndSeconds) {
  EXPECT_THAT(ParseSlurmTime("10:00:01"), IsOkAndHolds(Optional(36001.0)));
}
TEST(SlurmTimeTest, DaysAndHours) {
  EXPECT_THAT(ParseSlurmTime("2-12"), IsOkAndHolds(Optional(216000.0)));
}
TEST(SlurmTimeTest, DaysHoursAndMinutes) {
  EXPECT_THAT(ParseSlurmTime("1-00:30"), IsOkAndHolds(Optional(88200.0)));
}
TEST(SlurmTimeTest, DaysHoursMinutesAndSeconds) {
  EXPECT_THAT(ParseSlurmTime("2-12:00:00"), IsOkAndHolds(Optional(216000.0)));
}
TEST(SlurmTimeTest, ZeroAndUnlimitedAreNoLimit) {
  EXPECT_THAT(ParseSlurmTime("0"), IsOkAndHolds(Eq(std::nullopt)));
  EXPECT_THAT(ParseSlurmTime("UNLIMITED"), IsOkAndHolds(Eq(std::nullopt)));
}
TEST(SlurmTimeTest, OtherTextsAreRefused) {
  for (const char* text :
       {"", "-", "1-", "1:2:3:4", "1-2:3:4:5", "21d", "-5", "1e3", "999999999999"}) {
    EXPECT_THAT(ParseSlurmTime(text), StatusIs(absl::StatusCode::kInvalidArgument, "days-hours"))
        << text;
  }
}
TEST(SlurmTimeTest, IsWrittenRoundedUpToMinutes) {
  EXPECT_EQ(FormatSlurmTime(86400 + 3600 + 1), "1-01:01:00");
}

class DirectivesTest : public ::testing::Test {
 protected:
  SlurmRequest Read(const std::string& lines) {
    not_read_.clear();
    return ReadSlurmDirectives(absl::StrCat("#!/bin/bash\n", lines), not_read_);
  }
  std::vector<NotRead> not_read_;
};

TEST_F(DirectivesTest, ShortAndLongOptionsMayShareALine) {
  const SlurmRequest slurm = Read("#SBATCH -N 4 --time=2-12:00:00 # four\n");
  EXPECT_EQ(slurm.nodes->value, 4);
  EXPECT_EQ(slurm.nodes->line, 2);
  EXPECT_EQ(slurm.time_seconds->value, 216000);
}

TEST_F(DirectivesTest, AttachedShortOptionsAreRead) {
  EXPECT_EQ(Read("#SBATCH -N4\n").nodes->value, 4);
}

TEST_F(DirectivesTest, GresHasTypeAndNumber) {
  const SlurmRequest slurm = Read("#SBATCH --gres=gpu:h100:8,nvme:1\n");
  EXPECT_EQ(slurm.gpus_per_node->value, 8);
  EXPECT_EQ(slurm.gpu_type->value, "h100");
}

TEST_F(DirectivesTest, GresMayLeaveOutTypeOrNumber) {
  EXPECT_EQ(Read("#SBATCH --gres=gpu:4\n").gpus_per_node->value, 4);
  EXPECT_EQ(Read("#SBATCH --gres=gpu\n").gpus_per_node->value, 1);
  EXPECT_EQ(Read("#SBATCH --gres=gpu:a100\n").gpu_type->value, "a100");
}

TEST_F(DirectivesTest, GpusPerNodeHasTypeAndNumber) {
  const SlurmRequest slurm = Read("#SBATCH --gpus-per-node=h100:8\n");
  EXPECT_EQ(slurm.gpus_per_node->value, 8);
  EXPECT_EQ(slurm.gpu_type->value, "h100");
}

TEST_F(DirectivesTest, GpusAreThoseOfTheJob) {
  EXPECT_EQ(Read("#SBATCH --gpus=16\n").gpus->value, 16);
}

TEST_F(DirectivesTest, ConstraintsFallApart) {
  EXPECT_THAT(Read("#SBATCH -C \"a100&ib|h100\"\n").constraints, SizeIs(3));
}

TEST_F(DirectivesTest, ARangeOfNodesIsNoNumber) {
  EXPECT_FALSE(Read("#SBATCH --nodes=2-4\n").nodes.has_value());
  ASSERT_THAT(not_read_, SizeIs(1));
  EXPECT_EQ(not_read_[0].line, 2);
  EXPECT_EQ(not_read_[0].Flags(), "--gpus NxTYPE");
}

TEST_F(DirectivesTest, LinesBehindACommandAreIgnoredAsSlurmDoes) {
  EXPECT_FALSE(Read("echo hello\n#SBATCH --nodes=4\n").nodes.has_value());
  ASSERT_THAT(not_read_, SizeIs(1));
  EXPECT_THAT(not_read_[0].reason, HasSubstr("first command"));
}

TEST_F(DirectivesTest, CommentedOutLinesAreNoDirectives) {
  EXPECT_FALSE(Read("##SBATCH --nodes=4\n# SBATCH --nodes=4\n").nodes.has_value());
  EXPECT_TRUE(not_read_.empty());
}

TEST_F(DirectivesTest, NumbersOutOfRangeAreNotRead) {
  for (const char* value : {"0", "-1", "99999999999999999999", "x", "1.5"}) {
    EXPECT_FALSE(Read(absl::StrCat("#SBATCH --nodes=", value, "\n")).nodes.has_value()) << value;
    EXPECT_THAT(not_read_, SizeIs(1)) << value;
  }
}

}  // namespace
}  // namespace rhumb::launch

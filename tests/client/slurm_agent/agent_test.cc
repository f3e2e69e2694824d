// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/agent.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/slurm_agent/fakes.h"
#include "tests/matchers.h"

namespace rhumb::slurm_agent {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    source_.news.nodes = {
        {.name = "gh1", .states = {"IDLE"}, .gres = "gpu:h100:8", .gres_used = ""}};
    source_.news.partitions = {{.name = "all", .is_up = true, .nodes = {"gh1"}}};
    source_.news.reservations.emplace();
    source_.news.jobs.emplace();
  }

  // What the process does: rounds, and waiting in between.
  void RunFor(absl::Duration duration) {
    const absl::Time end = now_ + duration;
    while (now_ <= end) {
      last_ = agent_.Round();
      ++rounds_;
      now_ += std::max(agent_.TimeToNextRound(), absl::Milliseconds(1));
    }
    now_ = end;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'795'892'000);
  FakeSource source_;
  FakeDaemon daemon_;
  FakeAccounting accounting_;
  absl::Status last_;
  int rounds_ = 0;
  Agent agent_{{},      {},          source_,
               daemon_, accounting_, {[this] { return now_; }, [this] { return now_; }}};
};

TEST_F(AgentTest, TellsWhatItSees) {
  EXPECT_THAT(agent_.Round(), IsOk());
  ASSERT_THAT(daemon_.nodes, SizeIs(1));
  EXPECT_EQ(daemon_.nodes[0].name(), "clusters/lab");
  EXPECT_EQ(daemon_.nodes[0].nodes(0).free_gpu_count(), 8);
  EXPECT_EQ(daemon_.nodes[0].observe_time().seconds(), 1'795'892'000);
  EXPECT_THAT(daemon_.jobs, SizeIs(1));
}

TEST_F(AgentTest, TellsOnlyHeartbeatsWhileNothingChanges) {
  RunFor(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_EQ(source_.looks, 20);
  EXPECT_THAT(daemon_.nodes, SizeIs(5));
  EXPECT_THAT(daemon_.jobs, SizeIs(5));
}

TEST_F(AgentTest, TellsAChangeAtTheNextLook) {
  RunFor(absl::Seconds(10));
  source_.news.nodes = {
      {.name = "gh1", .states = {"MIXED"}, .gres = "gpu:h100:8", .gres_used = "gpu:h100:3"}};
  RunFor(absl::Seconds(25));
  ASSERT_THAT(daemon_.nodes, SizeIs(2));
  EXPECT_EQ(daemon_.nodes[1].nodes(0).free_gpu_count(), 5);
  EXPECT_EQ(daemon_.nodes[1].observe_time().seconds(), 1'795'892'030);
}

TEST_F(AgentTest, ReservationThatBeginsIsAChangeOfItsOwn) {
  source_.news.reservations = {{.name = "course",
                                .nodes = {"gh1"},
                                .start_seconds = 1'795'892'040,
                                .end_seconds = 1'795'899'999}};
  RunFor(absl::Seconds(65));
  ASSERT_THAT(daemon_.nodes, SizeIs(2));
  EXPECT_EQ(daemon_.nodes[1].nodes(0).state(), v1::NODE_STATE_RESERVED);
}

TEST_F(AgentTest, IsSilentWhileSlurmDoesNotAnswer) {
  RunFor(absl::Seconds(10));
  source_.status = absl::UnavailableError("Unable to contact slurm controller");
  RunFor(absl::Minutes(30));
  EXPECT_THAT(daemon_.nodes, SizeIs(1)) << "what is old must age";
  EXPECT_THAT(last_, StatusIs(absl::StatusCode::kUnavailable, "controller"));
  EXPECT_LE(source_.looks, 20) << "pauses grow";
  source_.status = absl::OkStatus();
  RunFor(absl::Minutes(2));
  EXPECT_THAT(daemon_.nodes, SizeIs(::testing::Ge(2)));
}

TEST_F(AgentTest, DoesNotTellWhatWasSeenBeforeSlurmWentDown) {
  daemon_.status = absl::UnavailableError("no daemon");
  RunFor(absl::Seconds(20));
  source_.status = absl::UnavailableError("down");
  RunFor(absl::Seconds(20));
  daemon_.status = absl::OkStatus();
  RunFor(absl::Minutes(5));
  EXPECT_THAT(daemon_.nodes, IsEmpty());
}

TEST_F(AgentTest, TriesADaemonThatIsDownWithGrowingPauses) {
  daemon_.status = absl::UnavailableError("no daemon");
  RunFor(absl::Minutes(10));
  EXPECT_THAT(daemon_.calls, ::testing::AllOf(::testing::Ge(8), ::testing::Le(12)));
}

TEST_F(AgentTest, TellsADaemonThatIsBackWithinThePause) {
  daemon_.status = absl::UnavailableError("no daemon");
  RunFor(absl::Seconds(5));
  daemon_.status = absl::OkStatus();
  RunFor(absl::Seconds(4));
  EXPECT_THAT(daemon_.nodes, SizeIs(1));
}

TEST_F(AgentTest, AnotherTableIsToldAtOnce) {
  RunFor(absl::Seconds(10));
  agent_.SetGpuNames(*slurm::GpuNames::Read("h100 = H100-SXM5-80GB"));
  EXPECT_EQ(agent_.TimeToNextRound(), absl::ZeroDuration());
  EXPECT_THAT(agent_.Round(), IsOk());
  ASSERT_THAT(daemon_.nodes, SizeIs(2));
  EXPECT_EQ(daemon_.nodes[1].nodes(0).gpu_type(), "H100-SXM5-80GB");
}

TEST_F(AgentTest, DaemonWithoutJobsIsToldOfNodes) {
  daemon_.jobs_status = absl::UnimplementedError("no such method");
  RunFor(absl::Minutes(4) + absl::Seconds(1));
  EXPECT_THAT(last_, IsOk());
  EXPECT_THAT(daemon_.nodes, SizeIs(3));
}

}  // namespace
}  // namespace rhumb::slurm_agent

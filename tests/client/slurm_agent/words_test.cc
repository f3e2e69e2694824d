// SPDX-License-Identifier: Apache-2.0
// Slurm's words: comments of jobs, short forms of many, states.
#include <rapidcheck.h>

#include <optional>

#include "client/slurm_agent/job_comment.h"
#include "client/slurm_agent/number_ranges.h"
#include "client/slurm_agent/states.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::slurm_agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(JobCommentTest, PlanAlone) {
  EXPECT_EQ(ParseJobComment("rhumb:plans/p-0123"), (JobComment{"plans/p-0123", ""}));
}

TEST(JobCommentTest, PlanOfAChain) {
  EXPECT_EQ(ParseJobComment("rhumb:plans/p-0123#101"), (JobComment{"plans/p-0123", "101"}));
}

TEST(JobCommentTest, OwnCommentBehindABlank) {
  EXPECT_EQ(ParseJobComment("rhumb:plans/p-0123#101_4 for the paper #7"),
            (JobComment{"plans/p-0123", "101_4"}));
}

TEST(JobCommentTest, OthersAreOfNoPlan) {
  for (const char* comment :
       {"", "mine", "rhumb:", "rhumb:plans/", "rhumb:plans/P-1", "rhumb:plans/p-",
        " rhumb:plans/p-1", "rhumb:plans/p-1#", "rhumb:plans/p-1#x", "rhumb:plans/p-1#-S",
        "rhumb:plans/p/1", "rhumb:plans/p\xff"}) {
    EXPECT_EQ(ParseJobComment(comment), std::nullopt) << comment;
  }
  EXPECT_EQ(ParseJobComment("rhumb:plans/p" + std::string(63, '1')), std::nullopt);
}

TEST(JobCommentTest, AnyTextIsReadOrNot) {
  EXPECT_TRUE(rc::check("any comment", [](const std::string& text) {
    const auto comment = ParseJobComment("rhumb:plans/p" + text);
    RC_ASSERT(!comment.has_value() || comment->plan.size() <= 6 + 63);
  }));
}

TEST(NumberRangesTest, Hosts) {
  EXPECT_THAT(ExpandHostList("gh[1-2,05-07],ga1"),
              ElementsAre("gh1", "gh2", "gh05", "gh06", "gh07", "ga1"));
}

TEST(NumberRangesTest, HostsOfTwoNumbers) {
  EXPECT_THAT(ExpandHostList("r[1-2]n[8-9]x"), ElementsAre("r1n8x", "r1n9x", "r2n8x", "r2n9x"));
}

TEST(NumberRangesTest, WhatDoesNotReadIsNoHost) {
  EXPECT_THAT(ExpandHostList("(null)"), IsEmpty());
  EXPECT_THAT(ExpandHostList("gh[1-"), IsEmpty());
  EXPECT_THAT(ExpandHostList("gh[2-1]"), IsEmpty());
  EXPECT_THAT(ExpandHostList("gh[1-2"), IsEmpty());
}

TEST(NumberRangesTest, HostsAreBounded) {
  EXPECT_THAT(ExpandHostList("a[1-999999]b[1-999999]", 1000), SizeIs(1000));
}

TEST(NumberRangesTest, ArrayTasks) {
  EXPECT_THAT(ExpandArrayTasks("2-3,7%1", 10), ElementsAre(2, 3, 7));
  EXPECT_THAT(ExpandArrayTasks("0-10:5", 10), ElementsAre(0, 5, 10));
  EXPECT_THAT(ExpandArrayTasks("1-1000000", 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(ExpandArrayTasks("1-2,...", 10), ElementsAre(1, 2));
  EXPECT_THAT(ExpandArrayTasks("", 10), IsEmpty());
}

TEST(NumberRangesTest, AnyTextExpandsWithinItsBound) {
  EXPECT_TRUE(rc::check("any list", [] {
    const auto text =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("a[]-,0123456789:%")));
    RC_ASSERT(ExpandHostList(text, 50).size() <= 50);
    RC_ASSERT(ExpandArrayTasks(text, 50).size() <= 50);
  }));
}

struct NodeCase {
  std::vector<std::string> words;
  v1::NodeState state;
};

TEST(NodeStateTest, WhatKeepsJobsAwayCountsMoreThanTheBase) {
  const NodeCase cases[] = {
      {{"IDLE"}, v1::NODE_STATE_IDLE},
      {{"MIXED"}, v1::NODE_STATE_MIXED},
      {{"ALLOCATED"}, v1::NODE_STATE_ALLOCATED},
      {{"IDLE", "PLANNED"}, v1::NODE_STATE_IDLE},
      {{"IDLE", "CLOUD", "POWERED_DOWN"}, v1::NODE_STATE_IDLE},
      {{"IDLE", "POWERING_DOWN"}, v1::NODE_STATE_DRAINED},
      {{"IDLE", "DRAIN"}, v1::NODE_STATE_DRAINED},
      {{"MIXED", "DRAIN"}, v1::NODE_STATE_DRAINED},
      {{"ALLOCATED", "FAIL"}, v1::NODE_STATE_DRAINED},
      {{"IDLE", "MAINTENANCE"}, v1::NODE_STATE_DRAINED},
      {{"IDLE", "RESERVED"}, v1::NODE_STATE_RESERVED},
      {{"IDLE", "RESERVED", "DRAIN"}, v1::NODE_STATE_DRAINED},
      {{"IDLE", "NOT_RESPONDING"}, v1::NODE_STATE_DOWN},
      {{"DOWN", "DRAIN"}, v1::NODE_STATE_DOWN},
      {{"UNKNOWN"}, v1::NODE_STATE_DOWN},
      {{"SOMETHING_NEW"}, v1::NODE_STATE_DOWN},
      {{}, v1::NODE_STATE_DOWN},
      {{"FUTURE"}, v1::NODE_STATE_UNSPECIFIED},
  };
  for (const NodeCase& each : cases) {
    EXPECT_EQ(ReadNodeState(each.words).state, each.state) << testing::PrintToString(each.words);
  }
}

struct JobCase {
  std::vector<std::string> words;
  v1::RunState state;
  std::string word;
};

TEST(JobStateTest, EveryWordHasItsState) {
  const JobCase cases[] = {
      {{"PENDING"}, v1::RUN_STATE_PENDING, "PENDING"},
      {{"RUNNING"}, v1::RUN_STATE_RUNNING, "RUNNING"},
      {{"RUNNING", "CONFIGURING"}, v1::RUN_STATE_RUNNING, "RUNNING"},
      {{"SUSPENDED"}, v1::RUN_STATE_RUNNING, "SUSPENDED"},
      {{"COMPLETED", "COMPLETING"}, v1::RUN_STATE_RUNNING, "COMPLETING"},
      {{"COMPLETING"}, v1::RUN_STATE_RUNNING, "COMPLETING"},
      {{"COMPLETED"}, v1::RUN_STATE_SUCCEEDED, "COMPLETED"},
      {{"CANCELLED"}, v1::RUN_STATE_CANCELLED, "CANCELLED"},
      {{"FAILED"}, v1::RUN_STATE_FAILED, "FAILED"},
      {{"TIMEOUT"}, v1::RUN_STATE_TIMED_OUT, "TIMEOUT"},
      {{"DEADLINE"}, v1::RUN_STATE_TIMED_OUT, "DEADLINE"},
      {{"NODE_FAIL"}, v1::RUN_STATE_INTERRUPTED, "NODE_FAIL"},
      {{"BOOT_FAIL"}, v1::RUN_STATE_INTERRUPTED, "BOOT_FAIL"},
      {{"PREEMPTED"}, v1::RUN_STATE_INTERRUPTED, "PREEMPTED"},
      {{"OUT_OF_MEMORY"}, v1::RUN_STATE_OUT_OF_MEMORY, "OUT_OF_MEMORY"},
      {{"CANCELLED", "REVOKED"}, v1::RUN_STATE_CANCELLED, "REVOKED"},
      {{"PENDING", "SPECIAL_EXIT"}, v1::RUN_STATE_PENDING, "PENDING"},
      {{"REQUEUE_HOLD"}, v1::RUN_STATE_PENDING, "REQUEUE_HOLD"},
      {{"SOMETHING_NEW"}, v1::RUN_STATE_UNSPECIFIED, "SOMETHING_NEW"},
      {{}, v1::RUN_STATE_UNSPECIFIED, ""},
  };
  for (const JobCase& each : cases) {
    EXPECT_EQ(ReadJobState(each.words).state, each.state) << testing::PrintToString(each.words);
    EXPECT_EQ(ReadJobState(each.words).word, each.word) << testing::PrintToString(each.words);
  }
}

}  // namespace
}  // namespace rhumb::slurm_agent

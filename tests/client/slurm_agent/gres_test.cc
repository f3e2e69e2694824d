// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/gres.h"

#include <rapidcheck.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::slurm_agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

GresGpus Gpus(const std::string& type, int64_t count) { return {type, count}; }

TEST(GresTest, TypeAndCount) { EXPECT_THAT(ParseGres("gpu:h100:8"), ElementsAre(Gpus("h100", 8))); }

TEST(GresTest, WithoutType) { EXPECT_THAT(ParseGres("gpu:8"), ElementsAre(Gpus("", 8))); }

TEST(GresTest, SocketsBehindTheCount) {
  EXPECT_THAT(ParseGres("gpu:h100:8(S:0-1)"), ElementsAre(Gpus("h100", 8)));
}

TEST(GresTest, UsedWithIndices) {
  EXPECT_THAT(ParseGres("gpu:h100:4(IDX:0-3)"), ElementsAre(Gpus("h100", 4)));
}

TEST(GresTest, NoneUsed) {
  EXPECT_THAT(ParseGres("gpu:h100:0(IDX:N/A)"), ElementsAre(Gpus("h100", 0)));
}

TEST(GresTest, CommasWithinIndicesAreNoBorders) {
  EXPECT_THAT(ParseGres("gpu:h100:3(IDX:0,2,7),gpu:a100:1(IDX:5)"),
              ElementsAre(Gpus("h100", 3), Gpus("a100", 1)));
}

TEST(GresTest, RequestsOfOldVersions) {
  EXPECT_THAT(ParseGres("gres:gpu:h100:8"), ElementsAre(Gpus("h100", 8)));
}

TEST(GresTest, RequestsOfNewVersions) {
  EXPECT_THAT(ParseGres("gres/gpu:h100:8"), ElementsAre(Gpus("h100", 8)));
}

TEST(GresTest, AllocatedTres) {
  EXPECT_THAT(ParseGres("billing=64,cpu=64,gres/gpu:h100=16,mem=1T,node=2"),
              ElementsAre(Gpus("h100", 16)));
}

TEST(GresTest, SumBesideItsTypesCountsOnce) {
  EXPECT_THAT(ParseGres("gres/gpu:h100=16,gres/gpu=16"), ElementsAre(Gpus("h100", 16)));
}

TEST(GresTest, SumAlone) { EXPECT_THAT(ParseGres("cpu=1,gres/gpu=4"), ElementsAre(Gpus("", 4))); }

TEST(GresTest, SeveralTypes) {
  EXPECT_THAT(ParseGres("gpu:a100:2,gpu:h100:6"), ElementsAre(Gpus("a100", 2), Gpus("h100", 6)));
}

TEST(GresTest, SameTypeInSeveralEntriesAddsUp) {
  EXPECT_THAT(ParseGres("gpu:h100:4(S:0),gpu:h100:4(S:1)"), ElementsAre(Gpus("h100", 8)));
}

TEST(GresTest, SlicesAreATypeOfTheirOwn) {
  EXPECT_THAT(ParseGres("gpu:1g.10gb:7"), ElementsAre(Gpus("1g.10gb", 7)));
}

TEST(GresTest, RequestWithoutCountIsForOne) {
  EXPECT_THAT(ParseGres("gres:gpu:h100"), ElementsAre(Gpus("h100", 1)));
}

TEST(GresTest, OtherResourcesArePassedOver) {
  EXPECT_THAT(ParseGres("mps:800,shard:h100:32,gpu:h100:8,gpumem:40,nic:2"),
              ElementsAre(Gpus("h100", 8)));
}

TEST(GresTest, NothingIsNothing) {
  EXPECT_THAT(ParseGres("(null)"), IsEmpty());
  EXPECT_THAT(ParseGres("N/A"), IsEmpty());
  EXPECT_THAT(ParseGres(""), IsEmpty());
}

TEST(GresTest, CountsBeyondSenseAreNone) {
  EXPECT_THAT(ParseGres("gpu:h100:99999999999999999999"), IsEmpty());
  EXPECT_THAT(ParseGres("gpu:h100:-8"), IsEmpty());
}

TEST(GresTest, AnyTextGivesCountsThatAddUp) {
  EXPECT_TRUE(rc::check("any text", [](const std::string& text) {
    for (const GresGpus& each : ParseGres(text)) RC_ASSERT(each.count >= 0);
    RC_ASSERT(GpuCount(ParseGres(text)) >= 0);
  }));
}

TEST(GresTest, AnyTextOfItsLettersGivesCountsThatAddUp) {
  EXPECT_TRUE(rc::check("texts that look like it", [] {
    const auto text =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("gpu:gres/=,()h1009-IDX")));
    for (const GresGpus& each : ParseGres("gpu:" + text)) RC_ASSERT(each.count >= 0);
  }));
}

TEST(GresTest, WhatSlurmWritesReadsBack) {
  EXPECT_TRUE(rc::check("type and count", [] {
    const auto count = *rc::gen::inRange<int64_t>(0, 100000);
    const auto type = *rc::gen::nonEmpty(
        rc::gen::container<std::string>(rc::gen::inRange('a', static_cast<char>('z' + 1))));
    const std::string digits = std::to_string(count);
    RC_ASSERT(ParseGres("gpu:" + type + ":" + digits + "(S:0-1)") ==
              (std::vector<GresGpus>{{type, count}}));
    RC_ASSERT(ParseGres("cpu=4,gres/gpu:" + type + "=" + digits + ",gres/gpu=" + digits) ==
              (std::vector<GresGpus>{{type, count}}));
  }));
}

TEST(GresTest, LargestIsTheFirstOfEquals) {
  EXPECT_EQ(LargestGres(ParseGres("gpu:a:4,gpu:b:4,gpu:c:2")), Gpus("a", 4));
  EXPECT_EQ(LargestGres({}), Gpus("", 0));
}

}  // namespace
}  // namespace rhumb::slurm_agent

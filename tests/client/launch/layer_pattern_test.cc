// SPDX-License-Identifier: Apache-2.0
#include "client/launch/layer_pattern.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::launch {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::Optional;

TEST(LayerPatternTest, ANumberIsEveryNthLayerFromTheFirst) {
  EXPECT_THAT(ParseLayerPattern("2", 4), Optional(ElementsAre(true, false, true, false)));
}

// The example of Megatron-LM's help of --moe-layer-freq.
TEST(LayerPatternTest, ListsRepeatAndJoin) {
  EXPECT_THAT(ParseLayerPattern("([1]*3+[0]*1)*2", 8),
              Optional(ElementsAre(true, true, true, false, true, true, true, false)));
}

TEST(LayerPatternTest, AListOfAnotherLengthIsNone) {
  EXPECT_THAT(ParseLayerPattern("[0]*3", 4), Eq(std::nullopt));
}

TEST(LayerPatternTest, OtherExpressionsAreNone) {
  EXPECT_THAT(ParseLayerPattern("__import__('os')", 4), Eq(std::nullopt));
}

TEST(LayerPatternTest, HugeRepetitionsEnd) {
  EXPECT_THAT(ParseLayerPattern("[1]*99999*99999*99999", 4), Eq(std::nullopt));
}

TEST(LayerPatternTest, StagesAreCountedBetweenBars) {
  EXPECT_THAT(ParsePipelineLayout("Et*3|t,t|tt*2L"), Optional(ElementsAre(3, 2, 3)));
}

TEST(LayerPatternTest, StagesWithPredictionLayersAreNotRead) {
  EXPECT_THAT(ParsePipelineLayout("Et*3|(tt|)*29m|L"), Eq(std::nullopt));
}

}  // namespace
}  // namespace rhumb::launch

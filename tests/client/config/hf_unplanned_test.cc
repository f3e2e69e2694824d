// SPDX-License-Identifier: Apache-2.0
#include "client/config/hf_unplanned.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

TEST(HfUnplannedTest, RotaryBaseScalingAndPredictedTokensComeWithMegatronsFlags) {
  EXPECT_THAT(UnplannedOfHuggingFaceConfig(
                  R"({"model_type": "llama", "rope_theta": 500000.0, "num_nextn_predict_layers": 1,
              "rope_scaling": {"rope_type": "llama3", "factor": 8.0}})"),
              ElementsAre(AllOf(Field(&UnplannedKey::key, "rope_theta"),
                                Field(&UnplannedKey::megatron, "--rotary-base 500000")),
                          Field(&UnplannedKey::megatron, "--mtp-num-layers 1"),
                          AllOf(Field(&UnplannedKey::value, "rope_type llama3, factor 8"),
                                Field(&UnplannedKey::megatron,
                                      "--use-rope-scaling --rope-scaling-factor 8"))));
}

TEST(HfUnplannedTest, WhatIsMegatronsDefaultNeedsNoWord) {
  EXPECT_THAT(UnplannedOfHuggingFaceConfig(
                  R"({"model_type": "llama", "rope_theta": 10000, "rope_scaling": null})"),
              IsEmpty());
}

TEST(HfUnplannedTest, OtherFilesSayNothing) {
  EXPECT_THAT(UnplannedOfHuggingFaceConfig("num_layers = 2"), IsEmpty());
  EXPECT_THAT(UnplannedOfHuggingFaceConfig(R"({"rope_theta": 5})"), IsEmpty());
}

}  // namespace
}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/conversions.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::RelativelyNear;

// One PF-day is 8.64e19 FLOPs (Kaplan et al. 2020, 1.3).
TEST(ConversionsTest, PfDaysAreFlopsAndBack) {
  EXPECT_EQ(PfDaysToFlops(1), 8.64e19);
  EXPECT_EQ(FlopsToPfDays(8.64e21), 100);
}

// 2 nats a token at one token a 4 bytes: 2 / ln 2 / 4 = 0.7213475 bits a byte.
TEST(ConversionsTest, NatsATokenAreBitsAByteAndBack) {
  EXPECT_THAT(NatsPerTokenToBitsPerByte(2, 0.25), RelativelyNear(0.7213475204444817, 1e-14));
  EXPECT_THAT(BitsPerByteToNatsPerToken(0.7213475204444817, 0.25), RelativelyNear(2, 1e-14));
}

// Pearce & Song 2024, N_T = N + 47491 N^(1/3) at 1e8: 1.22043e8.
TEST(ConversionsTest, PearcesConversionAddsTheEmbedding) {
  EXPECT_THAT(TotalFromNonEmbeddingParams(1e8), RelativelyNear(122043369.52971044, 1e-14));
}

TEST(ConversionsTest, TheInverseGivesTheCountBackAtEveryScale) {
  for (const double n : {1.0, 768.0, 1e6, 1e8, 1e10, 1e13, 1e18}) {
    EXPECT_THAT(NonEmbeddingFromTotalParams(TotalFromNonEmbeddingParams(n)),
                RelativelyNear(n, 1e-14));
  }
}

TEST(ConversionsTest, TheSameConventionChangesNothing) {
  EXPECT_EQ(ConvertParamCount(1e9, ParamCountConvention::kTotal, ParamCountConvention::kTotal),
            1e9);
  EXPECT_EQ(
      ConvertParamCount(1e8, ParamCountConvention::kNonEmbedding, ParamCountConvention::kTotal),
      TotalFromNonEmbeddingParams(1e8));
}

// The law seen without embeddings, by brute force: least loss over N_ne at fixed 6 N_ne D.
double BestNonEmbedding(const ChinchillaLaw& law, double flops) {
  double low = std::log(1e3), high = std::log(1e12);
  const auto loss = [&](double log_n) {
    const double n = std::exp(log_n);
    return ExpectedLoss(law, TotalFromNonEmbeddingParams(n), flops / 6 / n);
  };
  for (int i = 0; i < 200; ++i) {
    const double third = (high - low) / 3;
    (loss(low + third) < loss(high - third) ? high : low) =
        loss(low + third) < loss(high - third) ? high - third : low + third;
  }
  return std::exp((low + high) / 2);
}

TEST(ConversionsTest, TheApparentExponentIsThatOfTheBruteForceOptimum) {
  const ChinchillaLaw& law = FindLaw("hoffmann2022")->constants;
  const double n = BestNonEmbedding(law, 1e19);
  const double numeric =
      std::log(BestNonEmbedding(law, 1.1e19) / BestNonEmbedding(law, 0.9e19)) / std::log(1.1 / 0.9);
  EXPECT_NEAR(ApparentParamsExponent(law, n), numeric, 1e-3);
}

// Far above the embedding the law is itself again: a = .4565 for Hoffmann.
TEST(ConversionsTest, TheApparentExponentEndsAtTheTrueOne) {
  const ChinchillaLaw& law = FindLaw("hoffmann2022")->constants;
  EXPECT_NEAR(ApparentParamsExponent(law, 1e15), DeriveFrontier(law).params_exponent, 1e-4);
  EXPECT_GT(ApparentParamsExponent(law, 1e7), 0.7);
}

// 12 n_layer d^2 parameters: attention adds n_ctx/(12 d) causal, n_ctx/(6 d) in full.
TEST(ConversionsTest, AttentionAddsTheRatioOfContextToWidth) {
  const double params = 12.0 * 32 * 4096 * 4096;
  const AttentionShape shape{.num_layers = 32, .attention_size = 4096, .sequence_length = 2048};
  EXPECT_THAT(FlopsRatioToSixNd(params, shape, FlopsConvention::kExactCausal),
              RelativelyNear(1 + 2048.0 / (12 * 4096), 1e-14));
  EXPECT_THAT(FlopsRatioToSixNd(params, shape, FlopsConvention::kExactFull),
              RelativelyNear(1 + 2048.0 / (6 * 4096), 1e-14));
  EXPECT_EQ(FlopsRatioToSixNd(params, shape, FlopsConvention::kSixNd), 1);
}

// DeepSeek's M = 72 n d^2 + 12 n d l is the full convention: 6N/M = 0.4286 for 8 x 512 at 4096
// (arXiv:2401.02954, Table 3).
TEST(ConversionsTest, TheFullConventionIsDeepSeeks) {
  const double params = 12.0 * 8 * 512 * 512;
  EXPECT_NEAR(1 / FlopsRatioToSixNd(
                      params, {.num_layers = 8, .attention_size = 512, .sequence_length = 4096},
                      FlopsConvention::kExactFull),
              0.4286, 5e-5);
}

// Llama 2 70B: 80 layers, d 8192, 64 heads of 128, 8 key-value heads, d_ff 28672, vocabulary 32000
// untied: 68.98e9 with norms (published), 68.975e9 without.
TEST(ConversionsTest, GatedBlocksAndGroupedQueriesAreCounted) {
  const double blocks = GatedParamCount({.num_layers = 80,
                                         .hidden_size = 8192,
                                         .query_size = 8192,
                                         .key_value_size = 1024,
                                         .ffn_size = 28672});
  EXPECT_EQ(blocks, 80.0 * (2.0 * 8192 * 8192 + 2.0 * 8192 * 1024 + 3.0 * 8192 * 28672));
  EXPECT_NEAR(blocks + EmbeddingParamCount(32000, 8192, /*tied=*/false), 68.98e9, 0.01e9);
}

TEST(ConversionsTest, AGeneratedTokenReadsItsContext) {
  EXPECT_EQ(GenerationFlopsPerToken(
                1e9, {.num_layers = 16, .attention_size = 2048, .sequence_length = 0}, 1000),
            2e9 + 4.0 * 16 * 1000 * 2048);
  EXPECT_EQ(LogitFlopsPerToken(32000, 4096), 6.0 * 32000 * 4096);
}

}  // namespace
}  // namespace rhumb

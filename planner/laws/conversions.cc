// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/conversions.h"

#include <cmath>
#include <numbers>

#include "planner/laws/chinchilla.h"
#include "planner/laws/monotone_root.h"

namespace rhumb {
namespace {

constexpr double kPearceEmbeddingFactor = 47491;

}  // namespace

double NatsPerTokenToBitsPerByte(double loss_nats, double tokens_per_byte) {
  return loss_nats / std::numbers::ln2 * tokens_per_byte;
}

double BitsPerByteToNatsPerToken(double bits_per_byte, double tokens_per_byte) {
  return bits_per_byte * std::numbers::ln2 / tokens_per_byte;
}

double TotalFromNonEmbeddingParams(double non_embedding_param_count) {
  return non_embedding_param_count + kPearceEmbeddingFactor * std::cbrt(non_embedding_param_count);
}

double NonEmbeddingFromTotalParams(double total_param_count) {
  // The total rises with N_ne and exceeds both of its terms, which brackets the root.
  const double cube = total_param_count / (2 * kPearceEmbeddingFactor);
  const double low = std::fmin(total_param_count / 2, cube * cube * cube) / 2;
  return LastTrue([&](double n) { return TotalFromNonEmbeddingParams(n) <= total_param_count; },
                  low, total_param_count);
}

double ConvertParamCount(double param_count, ParamCountConvention from, ParamCountConvention to) {
  if (from == to) return param_count;
  return to == ParamCountConvention::kTotal ? TotalFromNonEmbeddingParams(param_count)
                                            : NonEmbeddingFromTotalParams(param_count);
}

double ApparentParamsExponent(const ChinchillaLaw& law, double non_embedding_param_count) {
  // With w = embedding/N_ne and e = d ln N_total / d ln N_ne = (1 + w/3)/(1 + w), the optimum at
  // fixed 6 N_ne D has alpha A N_total^-alpha e = beta B D^-beta. Its logarithm, differentiated:
  // d ln D / d ln N_ne = (alpha e - d ln e / d ln N_ne) / beta.
  const double w =
      TotalFromNonEmbeddingParams(non_embedding_param_count) / non_embedding_param_count - 1;
  const double e = (1 + w / 3) / (1 + w);
  const double log_e_slope = 4.0 / 9 * w / ((1 + w) * (1 + w / 3));
  return law.beta / (law.beta + law.alpha * e - log_e_slope);
}

double GatedParamCount(const GatedShape& shape) {
  return shape.num_layers * shape.hidden_size *
         (2 * shape.query_size + 2 * shape.key_value_size + 3 * shape.ffn_size);
}

double EmbeddingParamCount(double vocab_size, double hidden_size, bool tied,
                           double learned_positions) {
  return ((tied ? 1 : 2) * vocab_size + learned_positions) * hidden_size;
}

double TrainingFlopsPerToken(double param_count, const AttentionShape& shape,
                             FlopsConvention convention) {
  const double causal = 6 * shape.num_layers * shape.sequence_length * shape.attention_size;
  const double projections = kTrainingFlopsPerParamToken * param_count;
  switch (convention) {
    case FlopsConvention::kExactCausal:
      return projections + causal;
    case FlopsConvention::kExactFull:
      return projections + 2 * causal;
    case FlopsConvention::kSixNd:
      break;
  }
  return projections;
}

double LogitFlopsPerToken(double vocab_size, double hidden_size) {
  return kTrainingFlopsPerParamToken * vocab_size * hidden_size;
}

double FlopsRatioToSixNd(double param_count, const AttentionShape& shape,
                         FlopsConvention convention) {
  return TrainingFlopsPerToken(param_count, shape, convention) /
         (kTrainingFlopsPerParamToken * param_count);
}

double GenerationFlopsPerToken(double param_count, const AttentionShape& shape,
                               double cached_token_count) {
  return kInferenceFlopsPerParamToken * param_count +
         4 * shape.num_layers * cached_token_count * shape.attention_size;
}

}  // namespace rhumb

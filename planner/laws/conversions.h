// SPDX-License-Identifier: Apache-2.0
// Between the ways of counting: PF-days and FLOPs, nats a token and bits a byte, total and
// non-embedding parameters, 6ND and exact FLOPs. A law is only comparable after these.
//
// Arguments must be positive and finite.
#ifndef RHUMB_PLANNER_LAWS_CONVERSIONS_H_
#define RHUMB_PLANNER_LAWS_CONVERSIONS_H_

#include "planner/laws/kaplan.h"  // IWYU pragma: export: FlopsToPfDays, PfDaysToFlops
#include "planner/laws/law.h"

namespace rhumb {

// bits/byte = L / ln 2 x tokens/bytes. The only unit in which losses under different tokenizers
// compare. tokens_per_byte: of the evaluation text under the law's tokenizer.
double NatsPerTokenToBitsPerByte(double loss_nats, double tokens_per_byte);
double BitsPerByteToNatsPerToken(double bits_per_byte, double tokens_per_byte);

// N_total = N_ne + 47491 N_ne^(1/3), for models of Chinchilla's shapes (vocabulary 32k); and its
// inverse, the one positive root. Source: Pearce & Song 2024, arXiv:2406.12907, constants of the
// authors' code.
double TotalFromNonEmbeddingParams(double non_embedding_param_count);
double NonEmbeddingFromTotalParams(double total_param_count);
// The same count under another convention.
double ConvertParamCount(double param_count, ParamCountConvention from, ParamCountConvention to);
// What a study that leaves embeddings out of N and C sees of a law in total parameters: the local
// exponent d ln N_ne / d ln C_ne of its optimum at fixed C_ne = 6 N_ne D. Over Kaplan's sizes, 768
// to 1.5e9, it averages .70 to .75 for the constants of Hoffmann and Besiroglu, beside the .73 that
// Kaplan printed and .50 in total parameters: most of the gap between the two papers is counting.
// Source of the argument: as above.
double ApparentParamsExponent(const ChinchillaLaw& law, double non_embedding_param_count);

// A decoder block with gated MLP and grouped queries: n_layer (d d_q + 2 d d_kv + d_q d + 3 d
// d_ff), norms and biases left out.
struct GatedShape {
  double num_layers = 0;
  double hidden_size = 0;     // d
  double query_size = 0;      // d_q = heads x head_dim
  double key_value_size = 0;  // d_kv = key-value heads x head_dim
  double ffn_size = 0;        // d_ff
};
double GatedParamCount(const GatedShape& shape);
// V d, twice if untied, plus n_ctx d with learned positions (learned_positions 0: none). Source:
// Kaplan et al. 2020, Table 1.
double EmbeddingParamCount(double vocab_size, double hidden_size, bool tied,
                           double learned_positions = 0);

// Training FLOPs a token: 6N, plus 6 n_layer n_ctx d_attn (causal) or twice that (full square) by
// the exact conventions. Logits, where counted, are LogitFlopsPerToken on top.
struct AttentionShape {
  double num_layers = 0;
  double attention_size = 0;   // d_attn
  double sequence_length = 0;  // n_ctx
};
double TrainingFlopsPerToken(double param_count, const AttentionShape& shape,
                             FlopsConvention convention);
// 6 V d: Hoffmann and Porian count it, Kaplan does not.
double LogitFlopsPerToken(double vocab_size, double hidden_size);
// Exact over 6N: what to multiply 6ND by under the convention; 1 for kSixNd. With 12 n_layer d^2
// parameters it is 1 + n_ctx/(12 d) causal, 1 + n_ctx/(6 d) full.
double FlopsRatioToSixNd(double param_count, const AttentionShape& shape,
                         FlopsConvention convention);
// A generated token after `cached_token_count` others: 2N + 4 n_layer n_cached d_attn.
double GenerationFlopsPerToken(double param_count, const AttentionShape& shape,
                               double cached_token_count);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_CONVERSIONS_H_

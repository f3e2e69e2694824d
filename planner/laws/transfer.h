// SPDX-License-Identifier: Apache-2.0
// What pre-training and vocabulary are worth: effective data transferred (Hernandez 2021), the
// best vocabulary size (Tao 2024), code fill and quality filtering as multipliers on unique tokens.
// Not repetition (data_constrained.h).
//
// The formulas are templates over the number (double, or Dual for exact derivatives).
#ifndef RHUMB_PLANNER_LAWS_TRANSFER_H_
#define RHUMB_PLANNER_LAWS_TRANSFER_H_

#include <cmath>

#include "absl/status/statusor.h"

namespace rhumb {

// Data that pre-training saves a fine-tuned model: D_T = k D_F^alpha N^beta, in characters, with
// D_F characters of fine-tuning data and N non-embedding parameters. Constants read in two
// secondary sources that agree. Source: Hernandez et al. 2021, arXiv:2102.01293, eq. (1.1), Table
// 1.
struct HernandezConstants {
  double k, alpha, beta;
};
inline constexpr HernandezConstants kHernandezTextToPython = {1.9e4, 0.18, 0.38};
inline constexpr HernandezConstants kHernandezMixedToPython = {2.1e5, 0.096, 0.38};
template <typename T>
T HernandezTransferredData(const HernandezConstants& k, const T& finetuning_characters,
                           const T& param_count) {
  using std::pow;
  return k.k * pow(finetuning_characters, k.alpha) * pow(param_count, k.beta);
}
// (D_F + D_T) / D_F: how many times its fine-tuning data the model behaves to have had.
double HernandezDataMultiplier(const HernandezConstants& constants, double finetuning_characters,
                               double param_count);

// Best vocabulary parameters N_v for N_nv others, by IsoFLOPs (approach 1, through the FLOPs whose
// best N_nv this is) and by derivatives (approach 2). A check of a chosen vocabulary, not an input
// of sizing. Source: Tao et al. 2024, arXiv:2407.13623, constants of the authors' code.
template <typename T>
T TaoVocabParamsByIsoFlop(const T& non_vocab_param_count) {
  using std::exp;
  using std::log;
  const T log_flops = (log(non_vocab_param_count) + 2.4846510161625193) / 0.5;
  return exp(0.4163622634135234 * log_flops - 1.589031299255507);
}
template <typename T>
T TaoVocabParamsByDerivative(const T& non_vocab_param_count) {
  using std::pow;
  return 3145728.0 * pow(non_vocab_param_count / 33e6, 0.8353974035228025);
}
// Tokens of the vocabulary, N_v / hidden_size, by both approaches.
struct VocabBand {
  double low_size = 0;
  double high_size = 0;
};
VocabBand TaoVocabSizes(double non_vocab_param_count, double hidden_size);

// Unique tokens as the data-constrained law should count them, from what the user declares.
// Defaults leave the natural tokens as they are. Source of the factors' existence: Muennighoff et
// al. 2023, arXiv:2305.16264, section 7: code counts as further unique tokens, and up to about half
// of the mix does no harm to language tasks; perplexity filtering helped, deduplication did not.
// The factors are the user's judgement: no published law gives them.
struct UniqueTokenSources {
  double natural_token_count = 0;
  double filter_keep_fraction = 1;       // of the natural tokens that a quality filter keeps
  double filter_quality_multiplier = 1;  // what a kept token is worth in unfiltered ones
  double code_token_count = 0;           // distinct tokens of code used as filler
  double code_multiplier = 1;            // what a code token is worth in natural ones
};
struct UniqueTokenEstimate {
  double unique_token_count = 0;    // kept x quality + code x multiplier
  double code_fraction = 0;         // of the tokens in the mix
  bool code_fraction_high = false;  // above half: outside of what the paper tried without harm
};
// InvalidArgument names a field out of range: counts >= 0 with a positive sum, filter_keep_fraction
// in (0, 1], multipliers in (0, 10].
absl::StatusOr<UniqueTokenEstimate> EstimateUniqueTokens(const UniqueTokenSources& sources);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_TRANSFER_H_

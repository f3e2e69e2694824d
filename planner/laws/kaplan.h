// SPDX-License-Identifier: Apache-2.0
// The laws of Kaplan et al. 2020 for WebText2: losses, critical batch adjustments, efficient
// frontier. For B_crit, time/compute adjustments and teaching; not for sizing (its exponent 0.73 is
// an artefact).
//
// N excludes embeddings; data: 768..1.5e9 parameters, 2.2e7..2.3e10 tokens, context 1024.
// Arguments must be positive. Two systems of constants coexist in the paper: single-variable fits
// (Table 5) and joint fits (Tables 2 and 3); they do not agree in the limits and must not be mixed.
// Source of every equation number: Kaplan et al. 2020, arXiv:2001.08361.
#ifndef RHUMB_PLANNER_LAWS_KAPLAN_H_
#define RHUMB_PLANNER_LAWS_KAPLAN_H_

#include <optional>

#include "absl/status/statusor.h"

namespace rhumb {

// --- Counting (section 2.1, Table 1) ---

// Attention and MLP shape; attention_size 0 means hidden_size, ffn_size 0 means 4 hidden_size.
struct KaplanShape {
  double num_layers = 0;
  double hidden_size = 0;     // d_model
  double attention_size = 0;  // d_attn
  double ffn_size = 0;        // d_ff, two matrices (a gated MLP has three)
};
// 2 d_model n_layer (2 d_attn + d_ff), eq. (2.1).
double KaplanParamCount(const KaplanShape& shape);
// 2N + 2 n_layer n_ctx d_attn, eq. (2.2): causal average, half of full attention. Training is 3x.
double KaplanForwardFlopsPerToken(const KaplanShape& shape, double sequence_length);
double KaplanTrainingFlopsPerToken(const KaplanShape& shape, double sequence_length);

double FlopsToPfDays(double flops);
double PfDaysToFlops(double pf_days);

// --- Losses in nats per token ---

double KaplanLossOfParams(double param_count);           // eq. (1.1), converged on ample data
double KaplanLossOfTokens(double token_count);           // eq. (1.2), early stopped
double KaplanLossOfFlops(double training_flops);         // Table 5, naive C at B = 2^19
double KaplanLossOfMinFlops(double min_training_flops);  // eq. (1.3), C_min in FLOPs here

// eq. (1.5) with Table 2; an infinite token_count gives L(N, inf).
double KaplanLossOfParamsAndTokens(double param_count, double token_count);
// Relative loss increase by overfitting, eq. (4.3).
double KaplanOverfitFraction(double param_count, double token_count);
// Tokens that keep overfitting below about 0.02: 5e3 N^0.74, eq. (4.4).
double KaplanTokensAgainstOverfit(double param_count);
// eq. (1.6) with Table 3.
double KaplanLossOfParamsAndSteps(double param_count, double min_step_count);
// Lower bound on the step of early stopping, eq. (5.7).
double KaplanEarlyStopStepBound(double param_count, double token_count);

// --- Batch adjustments (eqs. 5.4, 5.5) at the loss reached ---

struct KaplanMinimum {
  double min_step_count = 0;      // S / (1 + B_crit/B)
  double training_flops = 0;      // 6 N B S
  double min_training_flops = 0;  // C / (1 + B/B_crit)
};
KaplanMinimum KaplanAdjustForBatch(double param_count, double step_count,
                                   double global_batch_tokens, double loss_nats);
// The factor by which the loss falls while B_crit doubles: 2^-alpha_B.
double KaplanLossRatioForDoubledBatch();

// --- Compute-efficient training ---

// Empirical trends of Table 6 at C_min.
struct KaplanTable6 {
  double param_count = 0;
  double batch_tokens = 0;
  double min_step_count = 0;
  double token_count = 0;
};
KaplanTable6 KaplanEfficientTrends(double min_training_flops);
// Table 6's N for a run at B = B_crit, which spends 2 C_min.
double KaplanParamsAtCriticalBatch(double training_flops);

// Appendix B in closed form from Table 3; the budget is C_min in FLOPs.
struct KaplanFrontierConstants {
  double loss_exponent = 0;          // alpha_C of L = (C_c/C)^alpha_C
  double critical_flops = 0;         // C_c
  double excess_over_converged = 0;  // alpha_N/alpha_S
};
KaplanFrontierConstants KaplanFrontier();
struct KaplanFrontierPoint {
  double loss_nats = 0;
  double param_count = 0;
  double min_step_count = 0;
  double batch_tokens = 0;  // B_crit at the loss
};
KaplanFrontierPoint KaplanOptimumForMinFlops(double min_training_flops);

// Stopping at excess f over the converged loss against stopping at f', at equal loss: eqs.
// (B.12)-(B.14).
struct KaplanStoppingRatios {
  double params = 0;
  double steps = 0;
  double flops = 0;
};
KaplanStoppingRatios KaplanCompareStopping(double excess, double other_excess);

// Cost of N = size_ratio x the efficient size at equal loss: eqs. (B.16), (B.17).
// nullopt if no number of steps reaches the loss (size_ratio too small).
struct KaplanSizePenalty {
  double flops_ratio = 0;
  double steps_ratio = 0;
};
std::optional<KaplanSizePenalty> KaplanWrongSize(double size_ratio);

// 0.003239 - 0.0001395 ln N, eq. (D.1). OutOfRange at or above 1e10 parameters, where the authors
// do not claim it (it turns negative at 1.2e10).
absl::StatusOr<double> KaplanLearningRate(double param_count);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_KAPLAN_H_

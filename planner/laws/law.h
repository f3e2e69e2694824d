// SPDX-License-Identifier: Apache-2.0
// What a scaling law is to the planner: constants, conventions, provenance, data box, covariance.
// Not how a law is evaluated: see chinchilla.h and data_constrained.h.
#ifndef RHUMB_PLANNER_LAWS_LAW_H_
#define RHUMB_PLANNER_LAWS_LAW_H_

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rhumb {

// How a law counts N. A number under one convention must never meet a law of the other.
enum class ParamCountConvention { kTotal, kNonEmbedding };

// How a law counts C. kSixNd: 6 N D; the exact conventions add attention (causal half or full
// square).
enum class FlopsConvention { kSixNd, kExactCausal, kExactFull };

enum class LawFamily { kChinchilla, kDataConstrained };

// L(N, D) = irreducible_loss_nats + (a N^-alpha + b D^-beta)^interaction_exponent, in nats per
// token. An interaction exponent of 1 is the additive form of Hoffmann et al. 2022,
// arXiv:2203.15556, eq. (2); another couples the two terms (the form inside of Busbridge et al.
// 2025's law).
struct ChinchillaLaw {
  double irreducible_loss_nats = 0;  // E
  double a = 0;                      // A, of the parameter term
  double b = 0;                      // B, of the data term
  double alpha = 0;
  double beta = 0;
  double interaction_exponent = 1;  // gamma
};

// Value of repeated tokens and excess parameters. Source: Muennighoff et al. 2023,
// arXiv:2305.16264, eqs. (5), (6).
struct RepetitionConstants {
  double data_decay_epochs = 15.387756;  // R_D*
  double param_decay = 5.309743;         // R_N*
};

// Range of the runs a law was fitted on; absent where the source does not say.
struct DataBox {
  std::optional<double> min_param_count, max_param_count;
  std::optional<double> min_training_flops, max_training_flops;
  std::optional<double> min_tokens_per_param, max_tokens_per_param;
  std::optional<double> max_epoch_count;
};

// Covariance of a law's fitted parameters. `parameters` is a subset, in this order, of "ln_A",
// "ln_B", "ln_E", "alpha", "beta", "ln_gamma", "ln_R_D", "ln_R_N"; a parameter not named is taken
// as known. `values` has shape (k, k) with k = parameters.size(), rows and columns in their order.
// `source` says how it was obtained. ValidateLawCovariance (law_covariance.h) checks all that.
struct LawCovariance {
  std::vector<std::string> parameters;
  Eigen::MatrixXd values;
  std::string source;
};

// How far a fitted law may be wrong beyond its data, learned by predicting the larger runs from the
// smaller ones: the fall of ln L beyond the largest compute may be wrong by this fraction (one
// standard deviation), known from so many Student degrees of freedom.
struct SlopeError {
  double fraction = 0;
  double degrees = 0;
};

struct Law {
  std::string name;  // catalogue id, e.g. "besiroglu2024"
  int64_t version = 1;
  LawFamily family = LawFamily::kChinchilla;
  ParamCountConvention param_count_convention = ParamCountConvention::kTotal;
  FlopsConvention flops_convention = FlopsConvention::kSixNd;
  std::string tokenizer;  // of the loss; losses under different tokenizers are not comparable
  std::string dataset;
  std::string source;
  ChinchillaLaw constants;
  // Set for kDataConstrained: both N and D are damped (laws of Muennighoff 2023). Absent otherwise.
  std::optional<RepetitionConstants> repetition;
  std::optional<LawCovariance> covariance;
  // Standard deviation of ln L of one run around the law (seed noise and misfit); set by the
  // fitter, absent where nobody published it.
  std::optional<double> residual_log_std;
  // Set by the fitter; absent where nobody published it.
  std::optional<SlopeError> slope_error;
  // Batch regime of the runs behind the law, in tokens; absent when unknown.
  std::optional<double> reference_batch_tokens;
  DataBox box;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_LAW_H_

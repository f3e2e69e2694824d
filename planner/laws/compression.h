// SPDX-License-Identifier: Apache-2.0
// Laws of smaller models made from large ones: low precision (Kumar 2024), weight sparsity (Frantar
// 2023), distillation (Busbridge 2025). Not mixtures of experts (moe.h).
//
// The formulas are templates over the number (double, or Dual for exact derivatives). Constants
// were read in secondary sources; the distillation law has none that could be verified.
#ifndef RHUMB_PLANNER_LAWS_COMPRESSION_H_
#define RHUMB_PLANNER_LAWS_COMPRESSION_H_

#include <cmath>

#include "absl/status/statusor.h"
#include "planner/laws/law.h"

namespace rhumb {

// Training in low precision: N_eff/N = prod over weights, activations, cache of 1 - e^(-bits/g).
// Post-training quantisation of weights to `bits`: loss rises by
// delta = C_T D^gamma_d N^-gamma_n e^(-bits/gamma_post) nats, so over-trained models lose more.
// Data: up to 1.7e9 parameters, 26e9 tokens. Source: Kumar et al. 2024, arXiv:2411.04330, eqs. (2),
// (4).
struct KumarConstants {
  double gamma_weights = 2.6745, gamma_activations = 2.2102, gamma_cache = 0.9578;
  double post_prefactor = 0.0598;  // C_T
  double gamma_d = 0.5068, gamma_n = 0.3439, gamma_post = 0.5907;
};
template <typename T>
T KumarEffectiveParamFraction(const KumarConstants& k, const T& weight_bits,
                              const T& activation_bits, const T& cache_bits) {
  using std::expm1;
  return -expm1(-weight_bits / k.gamma_weights) * -expm1(-activation_bits / k.gamma_activations) *
         -expm1(-cache_bits / k.gamma_cache);
}
template <typename T>
T KumarPostTrainingDelta(const KumarConstants& k, const T& param_count, const T& token_count,
                         const T& bits) {
  using std::exp;
  using std::pow;
  return k.post_prefactor * pow(token_count, k.gamma_d) * pow(param_count, -k.gamma_n) *
         exp(-bits / k.gamma_post);
}
// Tokens beyond which more training makes the quantised model worse: the least of L(N, D) + delta
// over D. With an additive law D^(gamma_d + beta) = beta B N^gamma_n e^(bits/gamma_post) / (C_T
// gamma_d); with a coupled one the same condition by monotone bisection.
double KumarBestTokenCount(const KumarConstants& constants, const ChinchillaLaw& law,
                           double param_count, double bits);

// Sparse weights: L = (a_S (1-S)^b_S + c_S) N^-b_N + (a_D/D)^b_D + c with N the non-zero
// parameters. Source: Frantar et al. 2023, arXiv:2309.08520, T5 on C4.
struct FrantarConstants {
  double a_s = 16.8, b_s = 0.722, c_s = 45.0, b_n = 0.245;
  double a_d = 6.90e8, b_d = 0.203, c = 0.651;
};
template <typename T>
T FrantarLoss(const FrantarConstants& k, const T& nonzero_param_count, const T& token_count,
              const T& sparsity_fraction) {
  using std::pow;
  return (k.a_s * pow(1.0 - sparsity_fraction, k.b_s) + k.c_s) * pow(nonzero_param_count, -k.b_n) +
         pow(k.a_d / token_count, k.b_d) + k.c;
}
// How many times larger a dense model of equal loss is than the non-zero parameters of a sparse
// one: ((a_S + c_S) / (a_S (1-S)^b_S + c_S))^(1/b_N).
double FrantarEquivalentDenseMultiplier(const FrantarConstants& constants,
                                        double sparsity_fraction);

// Student loss: L_S = L_T + L_T^-c0 (1 + (L_T/(L_sup d1))^(1/f1))^(-c1 f1) (A N^-alpha + B
// D^-beta)^gamma, with L_T the teacher's loss and L_sup that of the same student trained without a
// teacher. The paper's constants could not be verified: bring fitted ones.
// Source of the form: Busbridge et al. 2025, arXiv:2502.08606, eq. (8).
struct DistillationConstants {
  double c0, c1, d1, f1;
  double a, alpha, b, beta, gamma;
};
double DistilledStudentLoss(const DistillationConstants& constants, double student_param_count,
                            double distillation_token_count, double teacher_loss_nats,
                            double supervised_loss_nats);

// The paper's decision rule as a sum: distil only if the teacher exists or serves many students.
struct DistillationQuestion {
  double student_param_count = 0;
  double student_count = 1;
  double supervised_token_count = 0;    // per student, to reach the loss without a teacher
  double distillation_token_count = 0;  // per student, to reach it with one
  double teacher_param_count = 0;       // its forward pass labels every distillation token
  double teacher_training_flops = 0;    // not counted if the teacher exists
  bool teacher_exists = false;
};
struct DistillationVerdict {
  bool distil = false;  // distilling costs less in all
  double distillation_flops = 0;
  double supervised_flops = 0;
  // Number of students from which on distilling costs less, teacher included; infinite if a student
  // costs more with the teacher than without, zero if the teacher is there and it costs less.
  double break_even_student_count = 0;
};
// InvalidArgument names a count that is not positive and finite (teacher_training_flops may be 0).
absl::StatusOr<DistillationVerdict> DecideDistillation(const DistillationQuestion& question);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_COMPRESSION_H_

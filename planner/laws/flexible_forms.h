// SPDX-License-Identifier: Apache-2.0
// Forms without published constants that could be verified: Farseer, broken power laws, the
// annealing law. For fitted constants; the catalogue has none of them.
#ifndef RHUMB_PLANNER_LAWS_FLEXIBLE_FORMS_H_
#define RHUMB_PLANNER_LAWS_FLEXIBLE_FORMS_H_

#include <vector>

#include "absl/types/span.h"

namespace rhumb {

// L = e^(a3 N^gamma + b3) + e^(a2 N^beta + b2) D^(-e^(a1 N^alpha + b1)): the data exponent moves
// with N. Nine parameters want at least fifty runs. Source of the form: Li et al. 2025 (Farseer),
// arXiv:2506.10972, eq. (3).
struct FarseerConstants {
  double a1, alpha, b1;  // data exponent
  double a2, beta, b2;   // data prefactor
  double a3, gamma, b3;  // loss on endless data
};
double FarseerLoss(const FarseerConstants& constants, double param_count, double token_count);

// y = a + b x^-c0 prod_i (1 + (x/d_i)^(1/f_i))^(-c_i f_i). Without breaks it is the plain law. It
// explains breaks that were seen and foresees none. Source: Caballero et al. 2022,
// arXiv:2210.14891, eq. (1).
struct PowerLawBreak {
  double exponent_change;  // c_i
  double position;         // d_i
  double sharpness;        // f_i, smaller is sharper
};
struct BrokenPowerLaw {
  double floor = 0;      // a
  double prefactor = 0;  // b
  double exponent = 0;   // c0
  std::vector<PowerLawBreak> breaks;
};
double Evaluate(const BrokenPowerLaw& law, double x);

// Loss along a learning-rate schedule: L = L0 + A S1^-alpha - C S2, with S1 the sum of the rates
// and S2 the sum of the momenta m_i = decay m_(i-1) + (eta_(i-1) - eta_i), m_0 = 0. Constants are
// fitted a project; decay is about 0.99 to 0.999. Warm-up counts as negative annealing unless the
// caller leaves its steps out. Source of the form: Tissue et al. 2024, arXiv:2408.11029.
struct AnnealingConstants {
  double floor_loss_nats = 0;  // L0
  double prefactor = 0;        // A
  double exponent = 0;         // alpha
  double annealing_gain = 0;   // C
  double momentum_decay = 0.999;
};
struct AnnealedLoss {
  double loss_nats = 0;
  double forward_area = 0;    // S1
  double annealing_area = 0;  // S2
};
// `learning_rates`: one a step so far, not empty, the first positive.
AnnealedLoss PredictAnnealedLoss(const AnnealingConstants& constants,
                                 absl::Span<const double> learning_rates);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_FLEXIBLE_FORMS_H_

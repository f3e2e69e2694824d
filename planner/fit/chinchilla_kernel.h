// SPDX-License-Identifier: Apache-2.0
// The sums over rows that the objective of E + A N^-alpha + B D^-beta is made of: where fits and
// bootstraps spend their time. Plain arrays only: these functions are compiled more than once, for
// different processors, and types of a library would clash between the copies.
#ifndef RHUMB_PLANNER_FIT_CHINCHILLA_KERNEL_H_
#define RHUMB_PLANNER_FIT_CHINCHILLA_KERNEL_H_

namespace rhumb {

// Columns of `count` entries each.
struct ChinchillaColumns {
  const double* log_params = nullptr;  // ln N
  const double* log_tokens = nullptr;  // ln D
  const double* target = nullptr;      // ln L, or L in nats if `on_loss`
  const double* weight = nullptr;
  long count = 0;
  bool on_loss = false;
};

// Where the sums are taken: theta = (ln A, ln B, ln E, alpha, beta), and the Huber loss.
struct ChinchillaPoint {
  double theta[5] = {};
  double delta = 0;  // may be infinite
};

// See Expansion in objective.h. Triangles are the upper ones, row by row.
struct ChinchillaSums {
  double value = 0;
  double squared_residuals = 0;
  double gradient[5] = {};
  double hessian[15] = {};
  double gram[15] = {};
};

using ChinchillaKernel = void (*)(const ChinchillaColumns&, const ChinchillaPoint&,
                                  ChinchillaSums&);

// For any processor of the target. Rows are summed in four interleaved parts, as the wide one does,
// so that the two differ by the rounding of exp, log and fused products alone.
void SumChinchillaBaseline(const ChinchillaColumns& columns, const ChinchillaPoint& at,
                           ChinchillaSums& sums);

// For x86-64-v3 (AVX2, FMA); not to be called elsewhere. Absent on other architectures.
void SumChinchillaWide(const ChinchillaColumns& columns, const ChinchillaPoint& at,
                       ChinchillaSums& sums);

// The wide one, or nullptr where this processor cannot run it.
ChinchillaKernel WideChinchillaKernel();

// The fastest that this processor can run.
ChinchillaKernel BestChinchillaKernel();

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_CHINCHILLA_KERNEL_H_

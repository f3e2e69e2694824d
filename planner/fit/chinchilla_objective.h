// SPDX-License-Identifier: Apache-2.0
// The objective of E + A N^-alpha + B D^-beta over rows, by a kernel of chinchilla_kernel.h.
#ifndef RHUMB_PLANNER_FIT_CHINCHILLA_OBJECTIVE_H_
#define RHUMB_PLANNER_FIT_CHINCHILLA_OBJECTIVE_H_

#include <memory>

#include "planner/fit/chinchilla_kernel.h"
#include "planner/fit/objective.h"
#include "planner/fit/rows.h"

namespace rhumb {

// On theta = (ln A, ln B, ln E, alpha, beta). The rows are copied. Tests choose the kernel; the
// form takes the best.
std::unique_ptr<Objective> MakeChinchillaObjective(const Rows& rows, ResidualKind kind,
                                                   ChinchillaKernel kernel);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_CHINCHILLA_OBJECTIVE_H_

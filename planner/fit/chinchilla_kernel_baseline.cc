// SPDX-License-Identifier: Apache-2.0
// For every processor. Compiled without this project's precompiled headers: see planner/fit's
// CMakeLists.txt for the flags.
#include "planner/fit/chinchilla_kernel_rows.h"

namespace rhumb {

void SumChinchillaBaseline(const ChinchillaColumns& columns, const ChinchillaPoint& at,
                           ChinchillaSums& sums) {
  SumRows(columns, at, sums);
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
// For x86-64-v3, by flags for this file alone: nothing in it may be shared with other files.
#include "planner/fit/chinchilla_kernel_rows.h"

namespace rhumb {

void SumChinchillaWide(const ChinchillaColumns& columns, const ChinchillaPoint& at,
                       ChinchillaSums& sums) {
  SumRows(columns, at, sums);
}

}  // namespace rhumb

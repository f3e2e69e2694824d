// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/chinchilla_kernel.h"

namespace rhumb {

ChinchillaKernel WideChinchillaKernel() {
#ifdef RHUMB_HAS_WIDE_KERNEL
  // All of x86-64-v3 that a compiler may use in floating-point loops; every processor with these
  // has the rest.
  const bool can_run = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  return can_run ? &SumChinchillaWide : nullptr;
#else
  return nullptr;
#endif
}

ChinchillaKernel BestChinchillaKernel() {
  static const ChinchillaKernel best =
      WideChinchillaKernel() != nullptr ? WideChinchillaKernel() : &SumChinchillaBaseline;
  return best;
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
// Pseudo-random numbers that are the same on every machine and standard library.
#ifndef RHUMB_PLANNER_FIT_RANDOM_H_
#define RHUMB_PLANNER_FIT_RANDOM_H_

#include <cmath>
#include <cstdint>

namespace rhumb {

// SplitMix64: one multiplication-mix per draw, any seed is good.
// Source: Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // Uniform on [0, 1), 53 bits.
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  // Uniform on {0, ..., bound - 1}; the bias is below bound / 2^53.
  int Below(int bound) { return static_cast<int>(Uniform() * bound); }
  // Standard normal (Box & Muller 1958).
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
    return radius * std::cos(6.283185307179586 * Uniform());
  }

 private:
  uint64_t state_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_RANDOM_H_

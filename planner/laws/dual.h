// SPDX-License-Identifier: Apache-2.0
// Forward-mode dual numbers: a value with its exact partial derivatives by up to kMaxLawVariables
// inputs. For formulas written once as templates over the number; not for hot loops.
#ifndef RHUMB_PLANNER_LAWS_DUAL_H_
#define RHUMB_PLANNER_LAWS_DUAL_H_

#include <array>
#include <cmath>
#include <cstddef>

namespace rhumb {

inline constexpr size_t kMaxLawVariables = 4;

struct Dual {
  double value = 0;
  std::array<double, kMaxLawVariables> slope{};  // d value / d input i

  Dual() = default;
  // A constant; implicit, so that formulas mix duals and doubles as they would mix doubles.
  Dual(double constant) : value(constant) {}  // NOLINT(google-explicit-constructor)
};

// Input number `index`, of slope one.
inline Dual DualInput(double value, size_t index) {
  Dual input(value);
  input.slope[index] = 1;
  return input;
}

// Chain rule for one and for two arguments. A zero slope stays zero even where the derivative of
// the outer function is infinite: the input is not there.
inline Dual Chain(double value, const Dual& x, double by_x) {
  Dual result(value);
  for (size_t i = 0; i < kMaxLawVariables; ++i) {
    if (x.slope[i] != 0) result.slope[i] = by_x * x.slope[i];
  }
  return result;
}
inline Dual Chain(double value, const Dual& x, double by_x, const Dual& y, double by_y) {
  Dual result = Chain(value, x, by_x);
  for (size_t i = 0; i < kMaxLawVariables; ++i) {
    if (y.slope[i] != 0) result.slope[i] += by_y * y.slope[i];
  }
  return result;
}

inline Dual operator+(const Dual& x, const Dual& y) { return Chain(x.value + y.value, x, 1, y, 1); }
inline Dual operator-(const Dual& x, const Dual& y) {
  return Chain(x.value - y.value, x, 1, y, -1);
}
inline Dual operator-(const Dual& x) { return Chain(-x.value, x, -1); }
inline Dual operator*(const Dual& x, const Dual& y) {
  return Chain(x.value * y.value, x, y.value, y, x.value);
}
inline Dual operator/(const Dual& x, const Dual& y) {
  const double quotient = x.value / y.value;
  return Chain(quotient, x, 1 / y.value, y, -quotient / y.value);
}

inline Dual exp(const Dual& x) {
  const double value = std::exp(x.value);
  return Chain(value, x, value);
}
inline Dual expm1(const Dual& x) { return Chain(std::expm1(x.value), x, std::exp(x.value)); }
inline Dual log(const Dual& x) { return Chain(std::log(x.value), x, 1 / x.value); }
inline Dual log10(const Dual& x) {
  return Chain(std::log10(x.value), x, 1 / (x.value * std::log(10.0)));
}
inline Dual pow(const Dual& x, double exponent) {
  return Chain(std::pow(x.value, exponent), x, exponent * std::pow(x.value, exponent - 1));
}
inline Dual min(const Dual& x, const Dual& y) { return y.value < x.value ? y : x; }

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_DUAL_H_

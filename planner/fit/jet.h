// SPDX-License-Identifier: Apache-2.0
// Forward automatic differentiation to second order: a value with its gradient and Hessian over P
// parameters. Code written once as a template gives all three exactly.
#ifndef RHUMB_PLANNER_FIT_JET_H_
#define RHUMB_PLANNER_FIT_JET_H_

#include <array>
#include <cmath>

namespace rhumb {

template <int P>
struct Jet2 {
  static constexpr int kHessianSize = P * (P + 1) / 2;

  double value = 0;
  std::array<double, P> gradient = {};
  std::array<double, kHessianSize> hessian = {};  // upper triangle, row by row

  Jet2() = default;
  // A constant; implicit so that formulas read as on paper.
  Jet2(double constant) : value(constant) {}  // NOLINT(google-explicit-constructor)
  static Jet2 Variable(double at, int index) {
    Jet2 x(at);
    x.gradient[static_cast<size_t>(index)] = 1;
    return x;
  }
};

// f(x) from f, f' and f'' at x.value: the chain rule.
template <int P>
Jet2<P> Compose(const Jet2<P>& x, double f, double slope, double curvature) {
  Jet2<P> y(f);
  for (size_t i = 0, at = 0; i < P; ++i) {
    y.gradient[i] = slope * x.gradient[i];
    const double row = curvature * x.gradient[i];
    for (size_t j = i; j < P; ++j, ++at) {
      y.hessian[at] = slope * x.hessian[at] + row * x.gradient[j];
    }
  }
  return y;
}

template <int P>
Jet2<P> operator+(Jet2<P> a, const Jet2<P>& b) {
  a.value += b.value;
  for (size_t i = 0; i < P; ++i) a.gradient[i] += b.gradient[i];
  for (size_t i = 0; i < a.hessian.size(); ++i) a.hessian[i] += b.hessian[i];
  return a;
}
template <int P>
Jet2<P> operator-(const Jet2<P>& a) {
  return Compose(a, -a.value, -1, 0);
}
template <int P>
Jet2<P> operator-(const Jet2<P>& a, const Jet2<P>& b) {
  return a + (-b);
}
template <int P>
Jet2<P> operator*(const Jet2<P>& a, const Jet2<P>& b) {
  Jet2<P> y(a.value * b.value);
  for (size_t i = 0, at = 0; i < P; ++i) {
    y.gradient[i] = a.gradient[i] * b.value + a.value * b.gradient[i];
    for (size_t j = i; j < P; ++j, ++at) {
      y.hessian[at] = a.hessian[at] * b.value + a.value * b.hessian[at] +
                      a.gradient[i] * b.gradient[j] + a.gradient[j] * b.gradient[i];
    }
  }
  return y;
}
template <int P>
Jet2<P> Inverse(const Jet2<P>& a) {
  const double f = 1 / a.value;
  return Compose(a, f, -f * f, 2 * f * f * f);
}
template <int P>
Jet2<P> operator/(const Jet2<P>& a, const Jet2<P>& b) {
  return a * Inverse(b);
}

// Constants on either side need no second gradient.
template <int P>
Jet2<P> operator+(Jet2<P> a, double b) {
  a.value += b;
  return a;
}
template <int P>
Jet2<P> operator+(double a, Jet2<P> b) {
  b.value += a;
  return b;
}
template <int P>
Jet2<P> operator-(Jet2<P> a, double b) {
  a.value -= b;
  return a;
}
template <int P>
Jet2<P> operator-(double a, const Jet2<P>& b) {
  return Compose(b, a - b.value, -1, 0);
}
template <int P>
Jet2<P> operator*(const Jet2<P>& a, double b) {
  return Compose(a, a.value * b, b, 0);
}
template <int P>
Jet2<P> operator*(double a, const Jet2<P>& b) {
  return b * a;
}
template <int P>
Jet2<P> operator/(const Jet2<P>& a, double b) {
  return a * (1 / b);
}
template <int P>
Jet2<P> operator/(double a, const Jet2<P>& b) {
  return Inverse(b) * a;
}

template <int P>
Jet2<P> exp(const Jet2<P>& x) {
  const double f = std::exp(x.value);
  return Compose(x, f, f, f);
}
template <int P>
Jet2<P> log(const Jet2<P>& x) {
  const double inverse = 1 / x.value;
  return Compose(x, std::log(x.value), inverse, -inverse * inverse);
}
// 1 - e^-x without cancellation at small x.
template <int P>
Jet2<P> OneMinusExpOfMinus(const Jet2<P>& x) {
  const double e = std::exp(-x.value);
  return Compose(x, -std::expm1(-x.value), e, -e);
}
inline double OneMinusExpOfMinus(double x) { return -std::expm1(-x); }
template <int P>
Jet2<P> sin(const Jet2<P>& x) {
  const double s = std::sin(x.value);
  return Compose(x, s, std::cos(x.value), -s);
}
template <int P>
Jet2<P> cos(const Jet2<P>& x) {
  const double c = std::cos(x.value);
  return Compose(x, c, -std::sin(x.value), -c);
}
template <int P>
Jet2<P> atan(const Jet2<P>& x) {
  const double slope = 1 / (1 + x.value * x.value);
  return Compose(x, std::atan(x.value), slope, -2 * x.value * slope * slope);
}

inline double ValueOf(double x) { return x; }
template <int P>
double ValueOf(const Jet2<P>& x) {
  return x.value;
}

// ln(e^a + e^b) without overflow.
template <typename T>
T LogAddExp(const T& a, const T& b) {
  using std::exp;
  using std::log;
  return ValueOf(a) >= ValueOf(b) ? a + log(1 + exp(b - a)) : b + log(1 + exp(a - b));
}

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_JET_H_

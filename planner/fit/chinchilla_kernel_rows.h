// SPDX-License-Identifier: Apache-2.0
// The body of the functions of chinchilla_kernel.h, for the two files that compile it with flags of
// their own. Everything here is local to them; no header of the standard library is included.
#ifndef RHUMB_PLANNER_FIT_CHINCHILLA_KERNEL_ROWS_H_
#define RHUMB_PLANNER_FIT_CHINCHILLA_KERNEL_ROWS_H_

#include "planner/fit/chinchilla_kernel.h"

// The C library has these for whole vectors, and says so to the compiler only under -ffast-math,
// whose other freedoms would change results.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define RHUMB_VECTOR_MATH __attribute__((simd("notinbranch")))
#else
#define RHUMB_VECTOR_MATH
#endif
extern "C" {
RHUMB_VECTOR_MATH double exp(double) noexcept;
RHUMB_VECTOR_MATH double log(double) noexcept;
}
#undef RHUMB_VECTOR_MATH

namespace rhumb {
namespace {

// Rows at a time, in the nearest cache.
constexpr int kBlock = 128;
constexpr int kLanes = 4;

// Four sums side by side. The compiler splits them where registers hold two.
using Lanes [[gnu::vector_size(kLanes * sizeof(double)), gnu::may_alias]] = double;

// What a block of rows contributes, a row an entry.
struct Block {
  alignas(32) double x[kBlock], y[kBlock];             // -ln N, -ln D
  alignas(32) double p[kBlock], q[kBlock], s[kBlock];  // shares of the three terms in L
  alignas(32) double slope[kBlock];                    // weight of a share in the gradient
  alignas(32) double along[kBlock], square[kBlock];    // of a product of shares: Hessian, Gram
  alignas(32) double cost[kBlock], misfit[kBlock];     // w rho(r), w r^2
};

// With p_k the shares of the terms and v_k = d ln(term_k)/d theta, the residual has gradient
// J = sum p_k v_k and second derivatives sum p_k v_k v_k^T - J J^T. The residual of the loss itself
// has gradient L J and second derivatives L sum p_k v_k v_k^T.
inline void FillBlock(const ChinchillaColumns& columns, const ChinchillaPoint& at, double floor,
                      long begin, Block& block) {
  alignas(32) double log_params[kBlock], log_tokens[kBlock], target[kBlock], weight[kBlock];
  if (begin + kBlock <= columns.count) {
    for (int i = 0; i < kBlock; ++i) {
      log_params[i] = columns.log_params[begin + i];
      log_tokens[i] = columns.log_tokens[begin + i];
      target[i] = columns.target[begin + i];
      weight[i] = columns.weight[begin + i];
    }
  } else {
    // Rows of weight 0 at the end, copies of the last so that they bring nothing new.
    const long last = columns.count - 1;
    for (int i = 0; i < kBlock; ++i) {
      const long row = begin + i < last ? begin + i : last;
      log_params[i] = columns.log_params[row];
      log_tokens[i] = columns.log_tokens[row];
      target[i] = columns.target[row];
      weight[i] = begin + i <= last ? columns.weight[row] : 0;
    }
  }
  const double log_a = at.theta[0], log_b = at.theta[1], alpha = at.theta[3], beta = at.theta[4];
  alignas(32) double loss[kBlock], prediction[kBlock];
  for (int i = 0; i < kBlock; ++i) block.p[i] = exp(log_a - alpha * log_params[i]);
  for (int i = 0; i < kBlock; ++i) block.q[i] = exp(log_b - beta * log_tokens[i]);
  for (int i = 0; i < kBlock; ++i) {
    block.x[i] = -log_params[i];
    block.y[i] = -log_tokens[i];
    loss[i] = block.p[i] + block.q[i] + floor;
    const double inverse = 1 / loss[i];
    block.p[i] *= inverse;
    block.q[i] *= inverse;
    block.s[i] = 1 - block.p[i] - block.q[i];
  }
  if (columns.on_loss) {
    for (int i = 0; i < kBlock; ++i) prediction[i] = loss[i];
  } else {
    for (int i = 0; i < kBlock; ++i) prediction[i] = log(loss[i]);
    for (int i = 0; i < kBlock; ++i) loss[i] = 1;
  }
  const double delta = at.delta;
  const double second = columns.on_loss ? 0 : 1;
  for (int i = 0; i < kBlock; ++i) {
    const double r = prediction[i] - target[i];
    const double size = r < 0 ? -r : r;
    const double w = weight[i];
    // Huber's loss without a branch: slope = clamp(r), value = slope (r - slope / 2).
    const double above = r > delta ? delta : r;
    const double slope = above < -delta ? -delta : above;
    const double curvature = size > delta ? 0 : 1;
    block.cost[i] = w * slope * (r - 0.5 * slope);
    block.misfit[i] = w * r * r;
    const double scaled = w * slope * loss[i];
    const double square = w * loss[i] * loss[i];
    block.slope[i] = scaled;
    block.square[i] = square;
    block.along[i] = square * curvature - second * scaled;
  }
}

inline Lanes Load(const double* from) { return *reinterpret_cast<const Lanes*>(from); }

// Adds sum_kl t_kl v_k v_l^T of four rows to the upper triangle.
inline void AddProducts(Lanes* t, Lanes pp, Lanes qq, Lanes ss, Lanes pq, Lanes ps, Lanes qs,
                        Lanes x, Lanes y) {
  t[0] += pp;
  t[1] += pq;
  t[2] += ps;
  t[5] += qq;
  t[6] += qs;
  t[9] += ss;
  const Lanes pp_x = pp * x, pq_y = pq * y, pq_x = pq * x, qq_y = qq * y;
  t[3] += pp_x;
  t[4] += pq_y;
  t[7] += pq_x;
  t[8] += qq_y;
  t[10] += ps * x;
  t[11] += qs * y;
  t[12] += pp_x * x;
  t[13] += pq_x * y;
  t[14] += qq_y * y;
}

inline double Total(const Lanes& lanes) { return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]); }

inline void SumRows(const ChinchillaColumns& columns, const ChinchillaPoint& at,
                    ChinchillaSums& sums) {
  const double floor = exp(at.theta[2]);
  Lanes value = {}, squares = {}, gradient[5] = {}, hessian[15] = {}, gram[15] = {};
  Block block;
  for (long begin = 0; begin < columns.count; begin += kBlock) {
    FillBlock(columns, at, floor, begin, block);
    const long rows = columns.count - begin < kBlock ? columns.count - begin : kBlock;
    for (long i = 0; i < rows; i += kLanes) {
      const Lanes c = Load(block.slope + i);
      const Lanes p = Load(block.p + i), q = Load(block.q + i), s = Load(block.s + i);
      value += Load(block.cost + i);
      squares += Load(block.misfit + i);
      const Lanes cp = c * p, cq = c * q;
      gradient[0] += cp;
      gradient[1] += cq;
      gradient[2] += c * s;
      gradient[3] += cp * Load(block.x + i);
      gradient[4] += cq * Load(block.y + i);
    }
    for (long i = 0; i < rows; i += kLanes) {
      const Lanes c = Load(block.slope + i), k = Load(block.along + i);
      const Lanes p = Load(block.p + i), q = Load(block.q + i), s = Load(block.s + i);
      const Lanes kp = k * p, kq = k * q;
      AddProducts(hessian, kp * p + c * p, kq * q + c * q, k * s * s + c * s, kp * q, kp * s,
                  kq * s, Load(block.x + i), Load(block.y + i));
    }
    for (long i = 0; i < rows; i += kLanes) {
      const Lanes v = Load(block.square + i);
      const Lanes p = Load(block.p + i), q = Load(block.q + i), s = Load(block.s + i);
      const Lanes vp = v * p, vq = v * q;
      AddProducts(gram, vp * p, vq * q, v * s * s, vp * q, vp * s, vq * s, Load(block.x + i),
                  Load(block.y + i));
    }
  }
  sums.value = Total(value);
  sums.squared_residuals = Total(squares);
  for (int j = 0; j < 5; ++j) sums.gradient[j] = Total(gradient[j]);
  for (int j = 0; j < 15; ++j) sums.hessian[j] = Total(hessian[j]);
  for (int j = 0; j < 15; ++j) sums.gram[j] = Total(gram[j]);
}

}  // namespace
}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_CHINCHILLA_KERNEL_ROWS_H_

// SPDX-License-Identifier: Apache-2.0
// The ladder: a fixed set of realisable dense architectures, about 40 sizes per decade, that a plan
// chooses N from. It never moves with the question (vocabulary and sequence length apart), or more
// budget could plan worse.
#ifndef RHUMB_PLANNER_PLAN_LADDER_H_
#define RHUMB_PLANNER_PLAN_LADDER_H_

#include <cstdint>
#include <vector>

#include "planner/cost/model_shape.h"
#include "planner/laws/law.h"

namespace rhumb {

// Sizes of the ladder, as non-embedding parameters.
inline constexpr double kLadderMinParamCount = 30e6;
inline constexpr double kLadderMaxParamCount = 10e12;
inline constexpr int kLadderSizesPerDecade = 40;

// Gated, RMS-normed decoders in ascending size. Head dimension 64 below 1B parameters, else 128;
// hidden a multiple of 128 (1024 from 3B on, so that 8 KV heads divide the heads); hidden / layers
// within 64-160, layers divisible by 8, 4, 2 as often as possible; FFN 8/3 hidden rounded to 256;
// embeddings tied below 1B. Shape within such bounds hardly moves the loss: Kaplan et al. 2020,
// arXiv:2001.08361, section 3.1, fig. 5.
std::vector<ModelShape> Ladder(int64_t vocab_size, int64_t sequence_length);

// A rung reshaped (FFN width in steps of 32) so that ParamCount(shape, convention) is as near to
// `param_count` as it gets; within 0.5% from 100M parameters on.
ModelShape ShapeOfSize(double param_count, ParamCountConvention convention, int64_t vocab_size,
                       int64_t sequence_length);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_LADDER_H_

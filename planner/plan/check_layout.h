// SPDX-License-Identifier: Apache-2.0
// What a checked configuration leaves out of its layout and batch.
#ifndef RHUMB_PLANNER_PLAN_CHECK_LAYOUT_H_
#define RHUMB_PLANNER_PLAN_CHECK_LAYOUT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "planner/plan/check.h"

namespace rhumb {

// Whether `layout` may be asked about: by the rules of plans, by those of runs where `question`
// says how experts are split.
absl::Status ValidateCheckLayout(const CheckQuestion& question, const ModelShape& shape,
                                 const Layout& layout);

// The framework of `question` with what it says of hidden communication.
FrameworkProfile CheckProfile(const CheckQuestion& question);

// The layout of `question` on all of its GPUs: what is not given is 1, none, or the framework's
// default. INVALID_ARGUMENT if it does not divide.
absl::StatusOr<Layout> ResolveCheckLayout(const CheckQuestion& question, const ModelShape& shape);

// Micro-batches a step: given, what the global batch needs, or one a pipeline stage.
// INVALID_ARGUMENT if they contradict each other.
absl::StatusOr<int64_t> ResolveAccumulation(const CheckQuestion& question, const Layout& layout,
                                            int64_t sequence_length);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_CHECK_LAYOUT_H_

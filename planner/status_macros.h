// SPDX-License-Identifier: Apache-2.0
// The project's only macros: early return on a failed absl::Status or absl::StatusOr.
#ifndef RHUMB_PLANNER_STATUS_MACROS_H_
#define RHUMB_PLANNER_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define RHUMB_CONCAT_INNER(a, b) a##b
#define RHUMB_CONCAT(a, b) RHUMB_CONCAT_INNER(a, b)

// Returns from the enclosing function if `expr` (an absl::Status) is not OK.
#define RHUMB_RETURN_IF_ERROR(expr)              \
  do {                                           \
    absl::Status rhumb_status = (expr);          \
    if (!rhumb_status.ok()) return rhumb_status; \
  } while (false)

// Declares `lhs` from the value of `expr` (an absl::StatusOr), or returns its status.
#define RHUMB_ASSIGN_OR_RETURN(lhs, expr) \
  RHUMB_ASSIGN_OR_RETURN_IMPL(RHUMB_CONCAT(rhumb_status_or_, __LINE__), lhs, expr)
#define RHUMB_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                \
  if (!tmp.ok()) return tmp.status();               \
  lhs = std::move(tmp).value()

#endif  // RHUMB_PLANNER_STATUS_MACROS_H_

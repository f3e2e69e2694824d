// SPDX-License-Identifier: Apache-2.0
// gMock matchers for absl::Status and absl::StatusOr (Debian's abseil ships none).
#ifndef RHUMB_TESTS_MATCHERS_H_
#define RHUMB_TESTS_MATCHERS_H_

#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace rhumb::testing_support {

inline const absl::Status& GetStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return arg.ok();
}

// Matches an OK StatusOr whose value satisfies `inner`.
MATCHER_P(IsOkAndHolds, inner, "is OK and holds a matching value") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(inner, *arg, result_listener);
}

// Matches a failed status of `code` whose message contains `substring`.
MATCHER_P2(StatusIs, code, substring, "has the code and the text") {
  const absl::Status& status = GetStatus(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         std::string(status.message()).find(substring) != std::string::npos;
}

// |arg - expected| <= rel_tol * |expected|.
MATCHER_P2(RelativelyNear, expected, rel_tol,
           "is relatively near " + ::testing::PrintToString(expected)) {
  const double error = std::abs(arg - expected);
  const double scale = std::abs(static_cast<double>(expected));
  *result_listener << "relative error " << (scale > 0 ? error / scale : error);
  return error <= rel_tol * scale;
}

}  // namespace rhumb::testing_support

#endif  // RHUMB_TESTS_MATCHERS_H_

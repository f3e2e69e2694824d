// SPDX-License-Identifier: Apache-2.0
// SHA-256 for names derived from content: stable across builds and machines, unlike absl's hash.
#ifndef RHUMB_PLANNER_SHA256_H_
#define RHUMB_PLANNER_SHA256_H_

#include <string>

#include "absl/strings/string_view.h"

namespace rhumb {

// 64 lower-case hexadecimal digits. Source: NIST FIPS 180-4, section 6.2.
std::string Sha256Hex(absl::string_view data);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_SHA256_H_

// SPDX-License-Identifier: Apache-2.0
// How far a published constant was checked. Every law and rule carries one.
#ifndef RHUMB_PLANNER_LAWS_VERIFICATION_H_
#define RHUMB_PLANNER_LAWS_VERIFICATION_H_

#include "absl/strings/string_view.h"

namespace rhumb {

enum class VerificationStatus {
  kPaper,      // against the paper's own text
  kCode,       // against the authors' code or data: their numbers are reproduced
  kSecondary,  // against a text that quotes the paper
  kMemory,     // not verified
};

// In words, for display.
absl::string_view VerificationText(VerificationStatus status);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_VERIFICATION_H_

// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/verification.h"

namespace rhumb {

absl::string_view VerificationText(VerificationStatus status) {
  switch (status) {
    case VerificationStatus::kPaper:
      return "checked against the paper's text";
    case VerificationStatus::kCode:
      return "checked against the authors' code or data";
    case VerificationStatus::kSecondary:
      return "read in a secondary source";
    case VerificationStatus::kMemory:
      break;
  }
  return "not verified";
}

}  // namespace rhumb

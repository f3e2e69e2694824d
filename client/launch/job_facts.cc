// SPDX-License-Identifier: Apache-2.0
#include "client/launch/job_facts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace rhumb::launch {

std::string NotRead::Flags() const {
  std::string flags;
  for (const Remedy& remedy : remedies) {
    absl::StrAppend(&flags, flags.empty() ? "" : ", ", remedy.flag);
  }
  return flags;
}

bool NotRead::IsEssential() const {
  return std::any_of(remedies.begin(), remedies.end(),
                     [](const Remedy& remedy) { return remedy.essential; });
}

}  // namespace rhumb::launch

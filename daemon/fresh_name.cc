// SPDX-License-Identifier: Apache-2.0
#include "daemon/fresh_name.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "planner/sha256.h"

namespace rhumb::daemon {

std::string FreshName(absl::string_view prefix, int64_t owner_uid, int64_t create_time_ns,
                      absl::string_view cluster) {
  static std::atomic<int64_t> count = 0;
  const std::string hash =
      Sha256Hex(absl::StrCat(owner_uid, " ", create_time_ns, " ", cluster, " ", ++count, " ",
                             reinterpret_cast<intptr_t>(&count)));
  return absl::StrCat(prefix, hash.substr(0, 20));
}

}  // namespace rhumb::daemon

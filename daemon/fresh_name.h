// SPDX-License-Identifier: Apache-2.0
// Names of resources that nobody names.
#ifndef RHUMB_DAEMON_FRESH_NAME_H_
#define RHUMB_DAEMON_FRESH_NAME_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace rhumb::daemon {

// `prefix`, as "runs/r-", and 20 hexadecimal digits. Two of one moment differ by their number.
std::string FreshName(absl::string_view prefix, int64_t owner_uid, int64_t create_time_ns,
                      absl::string_view cluster);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_FRESH_NAME_H_

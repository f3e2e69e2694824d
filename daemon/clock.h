// SPDX-License-Identifier: Apache-2.0
// The only place where the daemon reads a clock; tests pass their own.
#ifndef RHUMB_DAEMON_CLOCK_H_
#define RHUMB_DAEMON_CLOCK_H_

#include <chrono>
#include <cstdint>
#include <functional>

namespace rhumb::daemon {

// Wall-clock nanoseconds since 1970.
using Clock = std::function<int64_t()>;

inline int64_t SystemNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_CLOCK_H_

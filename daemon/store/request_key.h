// SPDX-License-Identifier: Apache-2.0
// How a repeated request and a place in a list are named to the store.
#ifndef RHUMB_DAEMON_STORE_REQUEST_KEY_H_
#define RHUMB_DAEMON_STORE_REQUEST_KEY_H_

#include <cstdint>
#include <string>

namespace rhumb::daemon {

// A request that may be repeated. An empty id is no such promise.
struct RequestKey {
  std::string id;
  std::string method;
  int64_t owner_uid = 0;
  std::string content_hash;
};

// Position in a list, newest first: the last row of the page before.
struct ListPosition {
  int64_t time_ns = 0;
  std::string name;
};

// Answered requests are remembered for longer than the 24 hours promised.
inline constexpr int64_t kRequestIdLifetimeNs = int64_t{48} * 3600 * 1'000'000'000;

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_REQUEST_KEY_H_

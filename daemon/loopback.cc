// SPDX-License-Identifier: Apache-2.0
#include "daemon/loopback.h"

#include <arpa/inet.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rhumb::daemon {

bool IsLoopbackHost(absl::string_view host) {
  if (host == "localhost") return true;
  const std::string text(absl::StripSuffix(absl::StripPrefix(host, "["), "]"));
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

absl::Status CheckLoopbackAddress(absl::string_view option, absl::string_view address,
                                  int usual_port) {
  if (address.empty()) return absl::OkStatus();
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port < 0 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        option, " must be HOST:PORT as in 127.0.0.1:", usual_port, ", got \"", address, "\""));
  }
  if (!IsLoopbackHost(address.substr(0, colon))) {
    return absl::InvalidArgumentError(
        absl::StrCat(option,
                     " must be a loopback address (127.0.0.1, [::1], localhost): without TLS and "
                     "authentication anybody on the network could ask, got \"",
                     address, "\""));
  }
  return absl::OkStatus();
}

}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/address.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rhumb::client {
namespace {

constexpr int kMaxPort = 65535;

std::optional<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

// Path of a unix target ("unix:///run/x" or "unix:x"), or nothing for another kind of target.
std::optional<std::string> UnixPath(absl::string_view address) {
  if (!absl::ConsumePrefix(&address, "unix:")) return std::nullopt;
  if (absl::StartsWith(address, "///")) address.remove_prefix(2);
  return std::string(address);
}

bool IsHostAndPort(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  int port = 0;
  return absl::SimpleAtoi(text.substr(colon + 1), &port) && port > 0 && port <= kMaxPort;
}

}  // namespace

AddressEnvironment ReadAddressEnvironment() {
  return {.rhumb_addr = Variable("RHUMB_ADDR"), .xdg_runtime_dir = Variable("XDG_RUNTIME_DIR")};
}

absl::StatusOr<std::string> ParseAddress(absl::string_view text) {
  const std::string target =
      absl::StartsWith(text, "/") ? absl::StrCat("unix://", text) : std::string(text);
  if (const std::optional<std::string> path = UnixPath(target); path.has_value()) {
    if (path->empty() || *path == "/") {
      return absl::InvalidArgumentError(absl::StrCat("address \"", text, "\" names no socket"));
    }
    if (absl::StartsWith(target, "unix://") && !absl::StartsWith(target, "unix:///")) {
      return absl::InvalidArgumentError(absl::StrCat(
          "address \"", text, "\" needs three slashes before an absolute path: unix:///path"));
    }
    if (path->size() >= sizeof(sockaddr_un::sun_path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("socket path of ", path->size(), " bytes in \"", text,
                       "\" is too long, at most ", sizeof(sockaddr_un::sun_path) - 1));
    }
    return target;
  }
  absl::string_view host = target;
  absl::ConsumePrefix(&host, "dns:///");
  if (!IsHostAndPort(host)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text,
        "\" is no address; allowed: unix:///path, an absolute path, host:port, dns:///host:port"));
  }
  return target;
}

absl::StatusOr<std::vector<CandidateAddress>> CandidateAddresses(
    const AddressEnvironment& environment, absl::string_view system_socket_path) {
  std::vector<CandidateAddress> candidates;
  if (environment.rhumb_addr.has_value()) {
    absl::StatusOr<std::string> address = ParseAddress(*environment.rhumb_addr);
    if (!address.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("$RHUMB_ADDR: ", address.status().message()));
    }
    candidates.push_back({*std::move(address), "$RHUMB_ADDR"});
  }
  if (environment.xdg_runtime_dir.has_value()) {
    const std::string path = absl::StrCat(*environment.xdg_runtime_dir, "/rhumb/rhumbd.sock");
    // A directory too deep for a socket address cannot hold a daemon's socket either.
    if (absl::StatusOr<std::string> address = ParseAddress(path); address.ok()) {
      candidates.push_back({*std::move(address), "$XDG_RUNTIME_DIR"});
    }
  }
  candidates.push_back(
      {absl::StrCat("unix://", system_socket_path), std::string(system_socket_path)});
  return candidates;
}

AddressState ProbeAddress(absl::string_view address) {
  const std::optional<std::string> path = UnixPath(address);
  if (!path.has_value()) return AddressState::kListening;
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  if (path->size() >= sizeof(name.sun_path)) return AddressState::kAbsent;
  std::memcpy(name.sun_path, path->data(), path->size());

  const int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_fd < 0)
    return AddressState::kListening;  // out of descriptors: let the real connection say so
  const int result = connect(socket_fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  const int error = result == 0 ? 0 : errno;
  close(socket_fd);
  switch (error) {
    case 0:
    case EAGAIN:  // a full backlog is a listener
    case EINPROGRESS:
      return AddressState::kListening;
    case ENOENT:
    case ENOTDIR:
      return AddressState::kAbsent;
    case EACCES:
    case EPERM:
      return AddressState::kForbidden;
    default:
      return AddressState::kRefused;
  }
}

}  // namespace rhumb::client

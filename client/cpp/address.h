// SPDX-License-Identifier: Apache-2.0
// Where a daemon may be reached, and whether one listens there. Opens no channel and speaks no RPC.
#ifndef RHUMB_CLIENT_CPP_ADDRESS_H_
#define RHUMB_CLIENT_CPP_ADDRESS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb::client {

// Where the system's daemon listens.
inline constexpr char kSystemSocketPath[] = "/run/rhumb/rhumbd.sock";

// The environment variables that say where a daemon is; absent where unset or empty.
struct AddressEnvironment {
  std::optional<std::string> rhumb_addr;       // $RHUMB_ADDR
  std::optional<std::string> xdg_runtime_dir;  // $XDG_RUNTIME_DIR
};

// The variables of this process.
AddressEnvironment ReadAddressEnvironment();

// A place to try, and who named it ("$RHUMB_ADDR", "--addr", a path).
struct CandidateAddress {
  std::string address;  // gRPC target, as in unix:///run/rhumb/rhumbd.sock or localhost:7448
  std::string origin;
};

// The places to try, in order: $RHUMB_ADDR, $XDG_RUNTIME_DIR/rhumb/rhumbd.sock,
// /run/rhumb/rhumbd.sock. INVALID_ARGUMENT if $RHUMB_ADDR is no address.
absl::StatusOr<std::vector<CandidateAddress>> CandidateAddresses(
    const AddressEnvironment& environment,
    absl::string_view system_socket_path = kSystemSocketPath);

// `text` as a gRPC target: "unix:///path", "unix:path", an absolute path (taken as a unix socket),
// "dns:///host:port" or "host:port". INVALID_ARGUMENT says which of these are allowed.
absl::StatusOr<std::string> ParseAddress(absl::string_view text);

// What a look at the address finds, without speaking RPC.
enum class AddressState {
  kAbsent,     // a unix socket whose file does not exist
  kListening,  // a unix socket that accepts connections; or a network address, which is not tried
  kRefused,    // the file is there, nothing accepts: a stale socket or no socket at all
  kForbidden,  // permission denied
};

AddressState ProbeAddress(absl::string_view address);

}  // namespace rhumb::client

#endif  // RHUMB_CLIENT_CPP_ADDRESS_H_

// SPDX-License-Identifier: Apache-2.0
// Addresses of this machine itself, the only ones that are listened on without authentication.
#ifndef RHUMB_DAEMON_LOOPBACK_H_
#define RHUMB_DAEMON_LOOPBACK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rhumb::daemon {

// Whether `host` (localhost, 127.0.0.1, ::1 or [::1]) is this machine itself. Other names are not
// resolved: what they mean can change while we run.
bool IsLoopbackHost(absl::string_view host);

// OK for HOST:PORT of loopback, and for "" (none); else InvalidArgument that names `option`.
absl::Status CheckLoopbackAddress(absl::string_view option, absl::string_view address,
                                  int usual_port);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_LOOPBACK_H_

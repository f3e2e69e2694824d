// SPDX-License-Identifier: Apache-2.0
// Tells systemd how the service is; one datagram, no library.
#ifndef RHUMB_DAEMON_PROCESS_SD_NOTIFY_H_
#define RHUMB_DAEMON_PROCESS_SD_NOTIFY_H_

#include <string>

namespace rhumb {

// Sends `state` ("READY=1", "STOPPING=1", "STATUS=...") to $NOTIFY_SOCKET; does nothing without
// one. Source: sd_notify(3).
void SdNotify(const std::string& state);

}  // namespace rhumb

#endif  // RHUMB_DAEMON_PROCESS_SD_NOTIFY_H_

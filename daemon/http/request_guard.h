// SPDX-License-Identifier: Apache-2.0
// Keeps web pages of others from using a reader's browser against the daemon on loopback TCP. Not
// authentication: whoever can open a socket there is nobody in particular and may ask.
#ifndef RHUMB_DAEMON_HTTP_REQUEST_GUARD_H_
#define RHUMB_DAEMON_HTTP_REQUEST_GUARD_H_

#include <optional>

#include "daemon/http/http_message.h"

namespace rhumb::daemon {

// Why the request is refused, or nullopt. Of TCP alone: no page can open a unix socket.
//
// The Host must be of this machine, for a name of somebody else's may point here (DNS rebinding).
// What changes anything must not come from another origin, by Origin or Sec-Fetch-Site, and no
// other origin reads: no CORS header is ever sent, and a body must say it is JSON, which a page of
// another origin may not without asking first.
std::optional<HttpResponse> RefuseForeignPage(const HttpRequest& request);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_REQUEST_GUARD_H_

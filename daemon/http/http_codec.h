// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 as text on a connected socket: one framed request in, its answer out. Wraps cpp-httplib,
// which nothing else includes. Not listening, framing or routing.
#ifndef RHUMB_DAEMON_HTTP_HTTP_CODEC_H_
#define RHUMB_DAEMON_HTTP_HTTP_CODEC_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "daemon/http/http_message.h"
#include "daemon/http/request_framer.h"

namespace rhumb::daemon {

// Seconds that an idle connection is kept, as replies say.
inline constexpr int kKeepAliveSeconds = 60;

// Used by one thread at a time.
class HttpCodec {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest& request)>;

  // `handler` also makes the bodies of errors that are found here, as of a target that cannot be
  // decoded: it is then asked with an empty method.
  explicit HttpCodec(Handler handler);
  ~HttpCodec();

  // Answers `framed` on the non-blocking socket `fd`. False when the connection is to be closed:
  // the caller asked so, does not read, or has gone.
  bool Exchange(int fd, FramedRequest framed, std::optional<uid_t> uid);

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

// A whole reply that closes its connection, for requests that cannot be parsed.
std::string ClosingReply(int status, absl::string_view json_body);

// Whether the peer of `fd` has closed its end.
bool IsPeerGone(int fd);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_HTTP_CODEC_H_

// SPDX-License-Identifier: Apache-2.0
// A request and its answer as the gateway sees them: parsed, whole, without sockets.
#ifndef RHUMB_DAEMON_HTTP_HTTP_MESSAGE_H_
#define RHUMB_DAEMON_HTTP_HTTP_MESSAGE_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rhumb::daemon {

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;
  std::map<std::string, std::string> headers;  // names in lower case; of several, the first
  std::string body;
  // Of the caller on the unix socket; nullopt over TCP, where callers are nobody in particular.
  std::optional<uid_t> uid;
  // Whether the caller has closed its end. Cheap enough to poll a few times a second.
  std::function<bool()> is_gone;

  // Empty if the header was not sent; `name` in lower case.
  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  // Instead of a body: called for the next part until it has none. An empty part is one too.
  std::function<std::optional<std::string>()> next_part;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_HTTP_MESSAGE_H_

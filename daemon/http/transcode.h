// SPDX-License-Identifier: Apache-2.0
// Between what HTTP carries (path, query, JSON) and messages, by reflection alone.
#ifndef RHUMB_DAEMON_HTTP_TRANSCODE_H_
#define RHUMB_DAEMON_HTTP_TRANSCODE_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/http/http_message.h"
#include "daemon/http/route_table.h"

namespace rhumb::daemon {

using Messages = std::vector<std::unique_ptr<google::protobuf::Message>>;

// The messages that `request` sends to the RPC of `match`: exactly one, or any number for a method
// that takes a stream.
//
// The body is one JSON object; nothing is {}. For a stream it may also be an array of objects, or
// one object a line (application/x-ndjson). Query parameters set fields besides, nested ones with
// dots (layout.zero_stage=1), repeated ones by repetition. INVALID_ARGUMENT names the field:
// unknown ones, wrong values, and a field that is given twice, as in the path and in the body.
absl::StatusOr<Messages> ReadMessages(const HttpRequest& request, const RouteMatch& match);

// A message of the type, empty.
std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_TRANSCODE_H_

// SPDX-License-Identifier: Apache-2.0
// Reads into any message the JSON that PrintJson prints, strictly. Knows no message type:
// everything is reflection.
#ifndef RHUMB_PROTO_JSON_JSON_READER_H_
#define RHUMB_PROTO_JSON_JSON_READER_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/json/json_tree.h"

namespace rhumb {

// Replaces `message` by what `text` (one JSON object) says; on error `message` is left as it was.
//
// Accepts what PrintJson prints and besides: integers quoted or with an exponent ("7e9" is
// 7000000000), enum values in the long form or as a number, null for "absent". Refused with
// INVALID_ARGUMENT that names the path of the field
// ("gpu_pools[0].count"), what was read and what is allowed: unknown and repeated keys (with the
// nearest known key), text for a number, a fraction or an overflow for an integer, 1e999, NaN,
// infinities, values of the wrong kind; all that is wrong at once, up to twenty (RefusalsOf).
// Broken JSON is refused with line and column.
absl::Status ReadJson(absl::string_view text, google::protobuf::Message* message);

// The same for a value that is part of a larger text; `path` is where it stands there.
absl::Status ReadJsonValue(const JsonValue& value, const std::string& path,
                           google::protobuf::Message* message);

}  // namespace rhumb

#endif  // RHUMB_PROTO_JSON_JSON_READER_H_

// SPDX-License-Identifier: Apache-2.0
// Prints any message as the JSON that Rhumb prints and serves. Knows no message type: everything is
// reflection. Not the proto3 JSON mapping: see PrintJson.
#ifndef RHUMB_PROTO_JSON_JSON_PRINTER_H_
#define RHUMB_PROTO_JSON_JSON_PRINTER_H_

#include <google/protobuf/message.h>

#include <string>

namespace rhumb {

struct JsonPrintOptions {
  // Spaces per level; 0 prints one line.
  int indent = 0;
};

// Keys are proto field names in order of declaration. int64 is a number, a double the shortest text
// that reads back to the same bits, an enum its value name without the type prefix (a number if it
// has no name), bytes are base64, a Timestamp is RFC 3339 text, a map an object sorted by key. Zero
// values are printed; unset `optional` fields and messages are absent. NaN and infinities, which no
// valid message carries, become null. No trailing newline.
std::string PrintJson(const google::protobuf::Message& message,
                      const JsonPrintOptions& options = {});

// One string as a JSON string, quotes included; bytes that are not UTF-8 become U+FFFD.
std::string QuoteJson(const std::string& text);

// The shortest text that reads back to the same double; "null" for NaN and infinities.
std::string PrintJsonNumber(double value);

}  // namespace rhumb

#endif  // RHUMB_PROTO_JSON_JSON_PRINTER_H_

// SPDX-License-Identifier: Apache-2.0
// Any message out of a TOML or JSON document whose keys are its fields, over reflection.
#ifndef RHUMB_CLIENT_CLI_MESSAGE_DOCUMENT_H_
#define RHUMB_CLIENT_CLI_MESSAGE_DOCUMENT_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/command.h"
#include "client/config/document.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace rhumb::cli {

// What a message's fields take beside values of their own types.
struct MessageForm {
  // How a text in the number field at a path ("layout.zero_stage") is written, as "80GiB".
  std::function<FlagKind(absl::string_view path)> kind_of;
  // Sets the message field `field` of `parent`, or adds to it, from a text; errors name neither the
  // field nor its place. Null: no message can be written as a text.
  std::function<absl::Status(const std::string& text,
                             const google::protobuf::FieldDescriptor& field,
                             google::protobuf::Message& parent)>
      read_message_text;
  double now_unix_seconds = 0;  // what dates count from
};

// TOML, or JSON where it begins with a brace. Errors as ParseToml and ParseJson.
absl::StatusOr<DocumentValue> ParseTomlOrJson(absl::string_view text);

// Sets the fields of `message` that `table` has. INVALID_ARGUMENT names key and value (in TOML with
// line and column): unknown (with the nearest key), wrong type, NaN, infinite, beyond its type.
// DEADLINE_EXCEEDED of `read_message_text` comes through as it is.
absl::Status ReadMessageDocument(const DocumentValue& table, const MessageForm& form,
                                 google::protobuf::Message& message);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_MESSAGE_DOCUMENT_H_

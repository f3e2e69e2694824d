// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/transcode.h"

#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "daemon/http/http_error.h"
#include "daemon/rpc_status.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"
#include "proto/json/json_reader.h"
#include "proto/json/json_tree.h"

namespace rhumb::daemon {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

constexpr size_t kMaxQueryDepth = 8;

bool IsLines(const HttpRequest& request) {
  const std::string type = absl::AsciiStrToLower(request.Header("content-type"));
  return absl::StartsWith(type, "application/x-ndjson") ||
         absl::StartsWith(type, "application/jsonl");
}

// The value of a query parameter as the JSON value that its field takes; what is no number or truth
// value stays text, for the reader to refuse.
JsonValue ParameterValue(const std::string& text, const FieldDescriptor* field) {
  JsonValue value{.kind = JsonValue::Kind::kString};
  value.text = text;
  if (field == nullptr) return value;
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL && (text == "true" || text == "false")) {
    value.kind = JsonValue::Kind::kBool;
    value.flag = text == "true";
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE ||
             field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) {
    const absl::StatusOr<JsonValue> number = ParseJsonTree(text);
    if (number.ok() && number->kind == JsonValue::Kind::kNumber) value = *number;
  }
  return value;
}

// Sets the field of `path` ("layout.zero_stage") in `message`.
absl::Status SetField(const std::string& path, const std::string& text, Message& message) {
  const std::vector<std::string> names = absl::StrSplit(path, '.');
  if (names.size() > kMaxQueryDepth) return FieldError(path, "is nested too deep");
  const Descriptor* type = message.GetDescriptor();
  const FieldDescriptor* field = nullptr;
  for (size_t i = 0; i < names.size(); ++i) {
    field = type == nullptr ? nullptr : type->FindFieldByName(names[i]);
    if (field == nullptr) break;
    const bool last = i + 1 == names.size();
    if (!last && (field->is_repeated() || field->message_type() == nullptr)) {
      return FieldError(path, absl::StrCat("cannot be given in the query: ", names[i],
                                           " is no single message; use the body"));
    }
    type = field->message_type();
  }
  JsonValue value = ParameterValue(text, field);
  if (field != nullptr && field->is_map()) {
    return FieldError(path, "cannot be given in the query; use the body");
  }
  if (field != nullptr && field->is_repeated()) {
    JsonValue list{.kind = JsonValue::Kind::kArray};
    list.items.push_back(std::move(value));
    value = std::move(list);
  }
  for (size_t i = names.size(); i-- > 0;) {
    JsonValue object{.kind = JsonValue::Kind::kObject};
    object.members.emplace_back(names[i], std::move(value));
    value = std::move(object);
  }
  const std::unique_ptr<Message> one = NewMessage(*message.GetDescriptor());
  RHUMB_RETURN_IF_ERROR(WithFields(ReadJsonValue(value, "", one.get())));
  message.MergeFrom(*one);
  return absl::OkStatus();
}

// The printer replaces what is not UTF-8.
bool IsUtf8(const std::string& text) {
  const absl::StatusOr<JsonValue> read = ParseJsonTree(QuoteJson(text));
  return read.ok() && read->text == text;
}

bool IsRepeatedPath(const Descriptor& type, absl::string_view path) {
  const FieldDescriptor* field = type.FindFieldByName(std::string(path));
  return field != nullptr && field->is_repeated();
}

// Path and query as a message; all that is wrong with them at once.
absl::Status ReadParameters(const HttpRequest& request, const RouteMatch& match, Message& message) {
  FieldViolations violations;
  std::set<std::string> given;
  const auto set = [&](const std::string& name, const std::string& text) {
    if (!IsUtf8(name) || !IsUtf8(text)) {
      violations.Add("", "path and query must be UTF-8");
      return;
    }
    if (!given.insert(name).second && !IsRepeatedPath(*message.GetDescriptor(), name)) {
      violations.Add(name, "is given twice");
      return;
    }
    const absl::Status status = SetField(name, text, message);
    if (status.ok()) return;
    absl::string_view problem(status.message().data(), status.message().size());
    absl::ConsumePrefix(&problem, "invalid request: ");
    absl::ConsumePrefix(&problem, absl::StrCat(name, " "));
    violations.Add(name, problem);
  };
  if (match.route->path_field != nullptr) set(match.route->path_field->name(), match.path_value);
  for (const auto& [name, text] : request.query) set(name, text);
  return violations.ToStatus();
}

// Adds `parameters` to the message of the body; a field has one place.
absl::Status Merge(const Message& parameters, Message& message) {
  std::vector<const FieldDescriptor*> fields;
  parameters.GetReflection()->ListFields(parameters, &fields);
  FieldViolations violations;
  for (const FieldDescriptor* field : fields) {
    const bool both = field->is_repeated() ? message.GetReflection()->FieldSize(message, field) > 0
                                           : message.GetReflection()->HasField(message, field);
    if (both) violations.Add(field->name(), "is given in the body and in the path or query");
  }
  RHUMB_RETURN_IF_ERROR(violations.ToStatus());
  message.MergeFrom(parameters);
  return absl::OkStatus();
}

absl::StatusOr<Messages> ReadBody(const HttpRequest& request, const Descriptor& type,
                                  bool is_stream) {
  Messages messages;
  const auto read = [&](const JsonValue& value, const std::string& path) -> absl::Status {
    messages.push_back(NewMessage(type));
    return WithFields(ReadJsonValue(value, path, messages.back().get()));
  };
  if (is_stream && IsLines(request)) {
    size_t number = 0;
    for (const absl::string_view line : absl::StrSplit(absl::string_view(request.body), '\n')) {
      const std::string path = absl::StrCat("[", number++, "]");
      if (absl::StripAsciiWhitespace(line).empty()) continue;
      const absl::StatusOr<JsonValue> value = ParseJsonTree(line);
      if (!value.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("line ", number, ": ", std::string(value.status().message())));
      }
      RHUMB_RETURN_IF_ERROR(read(*value, path));
    }
    return messages;
  }
  if (absl::StripAsciiWhitespace(request.body).empty()) {
    messages.push_back(NewMessage(type));
    return messages;
  }
  const absl::StatusOr<JsonValue> root = ParseJsonTree(request.body);
  RHUMB_RETURN_IF_ERROR(WithFields(root.status()));
  if (!is_stream || root->kind != JsonValue::Kind::kArray) {
    RHUMB_RETURN_IF_ERROR(read(*root, ""));
    return messages;
  }
  for (size_t i = 0; i < root->items.size(); ++i)
    RHUMB_RETURN_IF_ERROR(read(root->items[i], absl::StrCat("[", i, "]")));
  return messages;
}

}  // namespace

std::unique_ptr<Message> NewMessage(const Descriptor& type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

absl::StatusOr<Messages> ReadMessages(const HttpRequest& request, const RouteMatch& match) {
  const Descriptor& type = *match.route->rpc->input_type();
  const std::unique_ptr<Message> parameters = NewMessage(type);
  RHUMB_RETURN_IF_ERROR(ReadParameters(request, match, *parameters));
  RHUMB_ASSIGN_OR_RETURN(Messages messages,
                         ReadBody(request, type, match.route->rpc->client_streaming()));
  if (messages.empty()) {
    return absl::InvalidArgumentError("the body holds no message: an empty list says nothing");
  }
  RHUMB_RETURN_IF_ERROR(Merge(*parameters, *messages.front()));
  return messages;
}

}  // namespace rhumb::daemon

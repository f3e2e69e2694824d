// SPDX-License-Identifier: Apache-2.0
#include "client/cli/message_document.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/request_fields.h"
#include "planner/status_macros.h"
#include "proto/json/json_names.h"

namespace rhumb::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status At(const DocumentValue& value, const std::string& path, absl::string_view message) {
  const std::string where = value.line > 0
                                ? absl::StrCat("line ", value.line, ", column ", value.column, ": ")
                                : std::string();
  return absl::InvalidArgumentError(absl::StrCat(where, path, ": ", message));
}

absl::Status ReadTable(const MessageForm& form, const DocumentValue& table,
                       const std::string& prefix, Message& message);

// One message: the field's only one, or one more of a repeated field.
absl::Status ReadMessage(const MessageForm& form, const DocumentValue& value,
                         const FieldDescriptor& field, const std::string& path, Message& parent) {
  if (value.kind == ValueKind::kText && form.read_message_text) {
    const absl::Status status = form.read_message_text(value.text, field, parent);
    return status.ok() || absl::IsDeadlineExceeded(status) ? status
                                                           : At(value, path, status.message());
  }
  if (value.kind != ValueKind::kTable)
    return At(value, path, absl::StrCat("must be a table, got ", value.Shown()));
  const Reflection& reflection = *parent.GetReflection();
  return ReadTable(form, value, path + ".",
                   field.is_repeated() ? *reflection.AddMessage(&parent, &field)
                                       : *reflection.MutableMessage(&parent, &field));
}

absl::Status ReadNumber(const DocumentValue& value, const FieldDescriptor& field,
                        const std::string& path, Message& message) {
  const Reflection& reflection = *message.GetReflection();
  if (!std::isfinite(value.number))
    return At(value, path, absl::StrCat("must be finite, got ", value.Shown()));
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
    reflection.SetDouble(&message, &field, value.number);
    return absl::OkStatus();
  }
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_INT64) {
    return At(value, path, absl::StrCat("must not be a number, got ", value.Shown()));
  }
  if (value.kind == ValueKind::kInteger) {
    reflection.SetInt64(&message, &field, value.integer);
    return absl::OkStatus();
  }
  // 7e9 is an integer to people, and a float to TOML. 2^63 itself does not fit.
  if (value.number != std::floor(value.number) || std::abs(value.number) >= 0x1p63) {
    return At(value, path, absl::StrCat("must be a whole number below 2^63, got ", value.Shown()));
  }
  reflection.SetInt64(&message, &field, static_cast<int64_t>(value.number));
  return absl::OkStatus();
}

// One value: the field's only one, or one more of a repeated field of messages or texts.
absl::Status ReadValue(const MessageForm& form, const DocumentValue& value,
                       const FieldDescriptor& field, const std::string& path, Message& message) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
    return ReadMessage(form, value, field, path, message);
  if (field.is_repeated()) {
    if (value.kind != ValueKind::kText)
      return At(value, path, absl::StrCat("must be texts, got ", value.Shown()));
    message.GetReflection()->AddString(&message, &field, value.text);
    return absl::OkStatus();
  }
  const bool is_bool = field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL;
  switch (value.kind) {
    case ValueKind::kInteger:
    case ValueKind::kNumber:
      return ReadNumber(value, field, path, message);
    case ValueKind::kBool:
      if (!is_bool)
        return At(value, path, absl::StrCat("must not be a boolean, got ", value.Shown()));
      message.GetReflection()->SetBool(&message, &field, value.boolean);
      return absl::OkStatus();
    case ValueKind::kText: {
      if (is_bool)
        return At(value, path, absl::StrCat("must be true or false, got ", value.Shown()));
      const absl::Status status =
          SetField(message, field.name(), form.kind_of(path), value.text, form.now_unix_seconds);
      return status.ok() ? status : At(value, path, status.message());
    }
    default:
      return At(value, path, absl::StrCat("must be a single value, got ", value.Shown()));
  }
}

absl::Status ReadField(const MessageForm& form, const DocumentValue& value,
                       const FieldDescriptor& field, const std::string& path, Message& message) {
  if (!field.is_repeated()) return ReadValue(form, value, field, path, message);
  if (value.kind != ValueKind::kList) {
    return At(value, path, absl::StrCat("must be a list, got ", value.Shown()));
  }
  for (const DocumentValue& item : value.items) {
    RHUMB_RETURN_IF_ERROR(ReadValue(form, item, field, path, message));
  }
  return absl::OkStatus();
}

absl::Status ReadTable(const MessageForm& form, const DocumentValue& table,
                       const std::string& prefix, Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  for (size_t i = 0; i < table.keys.size(); ++i) {
    const std::string& key = table.keys[i];
    const FieldDescriptor* field = type.FindFieldByName(key);
    if (field == nullptr) {
      std::vector<std::string> known;
      for (int j = 0; j < type.field_count(); ++j) known.push_back(type.field(j)->name());
      return At(table.items[i], prefix + key,
                absl::StrCat("unknown key; the nearest is ", NearestNames(key, known, 1).front()));
    }
    RHUMB_RETURN_IF_ERROR(ReadField(form, table.items[i], *field, prefix + key, message));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DocumentValue> ParseTomlOrJson(absl::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool json = first != absl::string_view::npos && text[first] == '{';
  return json ? ParseJson(text) : ParseToml(text);
}

absl::Status ReadMessageDocument(const DocumentValue& table, const MessageForm& form,
                                 Message& message) {
  return ReadTable(form, table, "", message);
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "proto/json/json_reader.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "planner/status_macros.h"
#include "proto/json/json_names.h"
#include "proto/json/json_tree.h"

namespace rhumb {
namespace {

// So many things that are wrong are said at once.
constexpr size_t kMostRefusals = 20;

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

// What a decimal text is as an integer.
enum class IntegerProblem { kNone, kNotANumber, kFraction, kOverflow };

// Exact: "7e9" and "1.5e3" are integers, "1.5" is not. `magnitude` is below 2^64.
IntegerProblem ParseExactInteger(absl::string_view text, bool& negative, uint64_t& magnitude) {
  std::string digits;
  int64_t scale = 0;  // value = digits * 10^scale
  size_t i = 0;
  negative = i < text.size() && text[i] == '-';
  if (negative) ++i;
  bool in_fraction = false, any = false;
  for (; i < text.size() &&
         (absl::ascii_isdigit(static_cast<unsigned char>(text[i])) || text[i] == '.');
       ++i) {
    if (text[i] == '.') {
      if (in_fraction || !any) return IntegerProblem::kNotANumber;
      in_fraction = true;
      continue;
    }
    any = true;
    if (in_fraction) --scale;
    digits += text[i];
  }
  if (!any) return IntegerProblem::kNotANumber;
  if (i < text.size()) {
    if (text[i] != 'e' && text[i] != 'E') return IntegerProblem::kNotANumber;
    absl::string_view exponent = text.substr(i + 1);
    if (absl::StartsWith(exponent, "+")) exponent.remove_prefix(1);
    int value = 0;
    const auto [end, error] =
        std::from_chars(exponent.data(), exponent.data() + exponent.size(), value);
    if (exponent.empty() || end != exponent.data() + exponent.size())
      return IntegerProblem::kNotANumber;
    if (error == std::errc::result_out_of_range) return IntegerProblem::kOverflow;
    scale += value;
  }
  while (!digits.empty() && digits.back() == '0') {
    digits.pop_back();
    ++scale;
  }
  digits.erase(0, digits.find_first_not_of('0'));
  magnitude = 0;
  if (digits.empty()) return IntegerProblem::kNone;
  if (scale < 0) return IntegerProblem::kFraction;
  if (static_cast<int64_t>(digits.size()) + scale > 20) return IntegerProblem::kOverflow;
  digits.append(static_cast<size_t>(scale), '0');
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude);
  return error == std::errc() ? IntegerProblem::kNone : IntegerProblem::kOverflow;
}

// Integer of type T from a number or a quoted number.
template <typename T>
absl::StatusOr<T> ReadInteger(const JsonValue& value, absl::string_view path) {
  if (value.kind != JsonValue::Kind::kNumber && value.kind != JsonValue::Kind::kString) {
    return RefuseJson(path, absl::StrCat("must be an integer, got ", DescribeJson(value)));
  }
  bool negative = false;
  uint64_t magnitude = 0;
  IntegerProblem problem = ParseExactInteger(value.text, negative, magnitude);
  const uint64_t largest = static_cast<uint64_t>(std::numeric_limits<T>::max());
  const uint64_t least = std::is_signed_v<T> ? largest + 1 : 0;
  if (problem == IntegerProblem::kNone && magnitude > (negative ? least : largest)) {
    problem = IntegerProblem::kOverflow;
  }
  switch (problem) {
    case IntegerProblem::kNone:
      return static_cast<T>(negative ? uint64_t{0} - magnitude : magnitude);
    case IntegerProblem::kNotANumber:
      return RefuseJson(path, absl::StrCat("must be an integer, got ", DescribeJson(value)));
    case IntegerProblem::kFraction:
      return RefuseJson(path, absl::StrCat("must be a whole number, got ", DescribeJson(value)));
    case IntegerProblem::kOverflow:
      break;
  }
  return RefuseJson(path, absl::StrCat("must be at most ", std::numeric_limits<T>::max(),
                                       " in magnitude, got ", DescribeJson(value)));
}

absl::StatusOr<double> ReadDouble(const JsonValue& value, absl::string_view path) {
  double number = 0;
  if (value.kind == JsonValue::Kind::kNumber) {
    const char* const end = value.text.data() + value.text.size();
    const auto [stop, error] = std::from_chars(value.text.data(), end, number);
    // Out of range is underflow here: 1e999 was refused while parsing. Too small to represent is 0.
    if (error == std::errc::result_out_of_range) return 0.0;
    if (error == std::errc() && stop == end && std::isfinite(number)) return number;
  }
  return RefuseJson(path, absl::StrCat("must be a finite number, got ", DescribeJson(value)));
}

absl::StatusOr<int> ReadEnum(const JsonValue& value, const google::protobuf::EnumDescriptor& type,
                             absl::string_view path) {
  if (value.kind == JsonValue::Kind::kNumber) return ReadInteger<int32_t>(value, path);
  if (value.kind == JsonValue::Kind::kString) {
    if (const auto* known = FindEnumValue(type, value.text)) return known->number();
  }
  return RefuseJson(
      path, absl::StrCat("must be one of ", EnumChoices(type), ", got ", DescribeJson(value)));
}

absl::StatusOr<std::string> ReadString(const JsonValue& value, bool is_bytes,
                                       absl::string_view path) {
  if (value.kind != JsonValue::Kind::kString) {
    return RefuseJson(path, absl::StrCat("must be text, got ", DescribeJson(value)));
  }
  if (!is_bytes) return value.text;
  std::string bytes;
  if (!absl::Base64Unescape(value.text, &bytes)) return RefuseJson(path, "must be base64 text");
  return bytes;
}

absl::Status ReadObject(const JsonValue& value, const std::string& path, Message* message);

absl::Status ReadTimestamp(const JsonValue& value, absl::string_view path, Message* message) {
  absl::Time instant;
  std::string error;
  if (value.kind != JsonValue::Kind::kString ||
      !absl::ParseTime(absl::RFC3339_full, value.text, &instant, &error) ||
      instant == absl::InfiniteFuture() || instant == absl::InfinitePast()) {
    return RefuseJson(path, absl::StrCat("must be a time as in \"2027-03-01T00:00:00Z\", got ",
                                         DescribeJson(value)));
  }
  const int64_t seconds = absl::ToUnixSeconds(instant);  // rounds towards the past
  const auto& descriptor = *message->GetDescriptor();
  message->GetReflection()->SetInt64(message, descriptor.FindFieldByNumber(1), seconds);
  message->GetReflection()->SetInt32(
      message, descriptor.FindFieldByNumber(2),
      static_cast<int32_t>(absl::ToInt64Nanoseconds(instant - absl::FromUnixSeconds(seconds))));
  return absl::OkStatus();
}

// Sets a singular field, or adds an element to a repeated one.
absl::Status ReadValue(const JsonValue& value, const std::string& path,
                       const FieldDescriptor& field, Message* message) {
  const Reflection& r = *message->GetReflection();
  const bool add = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: {
      RHUMB_ASSIGN_OR_RETURN(const int32_t n, ReadInteger<int32_t>(value, path));
      add ? r.AddInt32(message, &field, n) : r.SetInt32(message, &field, n);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      RHUMB_ASSIGN_OR_RETURN(const int64_t n, ReadInteger<int64_t>(value, path));
      add ? r.AddInt64(message, &field, n) : r.SetInt64(message, &field, n);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      RHUMB_ASSIGN_OR_RETURN(const uint32_t n, ReadInteger<uint32_t>(value, path));
      add ? r.AddUInt32(message, &field, n) : r.SetUInt32(message, &field, n);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      RHUMB_ASSIGN_OR_RETURN(const uint64_t n, ReadInteger<uint64_t>(value, path));
      add ? r.AddUInt64(message, &field, n) : r.SetUInt64(message, &field, n);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      RHUMB_ASSIGN_OR_RETURN(const double n, ReadDouble(value, path));
      add ? r.AddDouble(message, &field, n) : r.SetDouble(message, &field, n);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_FLOAT: {
      RHUMB_ASSIGN_OR_RETURN(const double n, ReadDouble(value, path));
      const float narrow = static_cast<float>(n);
      if (!std::isfinite(narrow))
        return RefuseJson(path, "must be a finite number of single precision");
      add ? r.AddFloat(message, &field, narrow) : r.SetFloat(message, &field, narrow);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      if (value.kind != JsonValue::Kind::kBool) {
        return RefuseJson(path, absl::StrCat("must be true or false, got ", DescribeJson(value)));
      }
      add ? r.AddBool(message, &field, value.flag) : r.SetBool(message, &field, value.flag);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM: {
      RHUMB_ASSIGN_OR_RETURN(const int n, ReadEnum(value, *field.enum_type(), path));
      add ? r.AddEnumValue(message, &field, n) : r.SetEnumValue(message, &field, n);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const bool is_bytes = field.type() == FieldDescriptor::TYPE_BYTES;
      RHUMB_ASSIGN_OR_RETURN(std::string text, ReadString(value, is_bytes, path));
      add ? r.AddString(message, &field, std::move(text))
          : r.SetString(message, &field, std::move(text));
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ReadObject(value, path,
                        add ? r.AddMessage(message, &field) : r.MutableMessage(message, &field));
  }
  return absl::InternalError("unknown field type");
}

// A map is an object whose keys are the map's keys.
absl::Status ReadMap(const JsonValue& value, const std::string& path, const FieldDescriptor& field,
                     Message* message) {
  if (value.kind != JsonValue::Kind::kObject) {
    return RefuseJson(path, absl::StrCat("must be an object, got ", DescribeJson(value)));
  }
  for (const auto& [key, member] : value.members) {
    Message* entry = message->GetReflection()->AddMessage(message, &field);
    const std::string member_path = JoinJsonPath(path, key);
    JsonValue key_value{.kind = JsonValue::Kind::kString};
    key_value.text = key;
    const FieldDescriptor& key_field = *field.message_type()->map_key();
    if (key_field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
      key_value.kind = JsonValue::Kind::kBool;
      key_value.flag = key == "true";
    }
    RHUMB_RETURN_IF_ERROR(ReadValue(key_value, member_path, key_field, entry));
    RHUMB_RETURN_IF_ERROR(
        ReadValue(member, member_path, *field.message_type()->map_value(), entry));
  }
  return absl::OkStatus();
}

absl::Status ReadRepeated(const JsonValue& value, const std::string& path,
                          const FieldDescriptor& field, Message* message) {
  if (value.kind != JsonValue::Kind::kArray) {
    return RefuseJson(path, absl::StrCat("must be an array, got ", DescribeJson(value)));
  }
  std::vector<absl::Status> refusals;
  for (size_t i = 0; i < value.items.size() && refusals.size() < kMostRefusals; ++i) {
    const absl::Status read =
        ReadValue(value.items[i], absl::StrCat(path, "[", i, "]"), field, message);
    if (!read.ok()) refusals.push_back(read);
  }
  return JoinRefusals(refusals);
}

// google.protobuf.Value: any JSON value.
absl::Status ReadAnyValue(const JsonValue& value, const std::string& path, Message* message) {
  const char* name = "number_value";
  switch (value.kind) {
    case JsonValue::Kind::kNull: {
      const FieldDescriptor* null = message->GetDescriptor()->FindFieldByName("null_value");
      message->GetReflection()->SetEnumValue(message, null, 0);
      return absl::OkStatus();
    }
    case JsonValue::Kind::kBool:
      name = "bool_value";
      break;
    case JsonValue::Kind::kString:
      name = "string_value";
      break;
    case JsonValue::Kind::kArray:
      name = "list_value";
      break;
    case JsonValue::Kind::kObject:
      name = "struct_value";
      break;
    default:
      break;
  }
  return ReadValue(value, path, *message->GetDescriptor()->FindFieldByName(name), message);
}

absl::Status UnknownKey(const std::string& path, const std::string& key,
                        const google::protobuf::Descriptor& type) {
  std::vector<std::string> known;
  for (int i = 0; i < type.field_count(); ++i) known.push_back(type.field(i)->name());
  return RefuseJson(JoinJsonPath(path, ExcerptOfJson(key)),
                    known.empty() ? "is not a known key; none are allowed here"
                                  : absl::StrCat("is not a known key; nearest: ",
                                                 absl::StrJoin(NearestNames(key, known, 3), ", ")));
}

absl::Status ReadMember(const std::string& key, const JsonValue& value, const std::string& path,
                        Message* message) {
  const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(key);
  if (field == nullptr) return UnknownKey(path, key, *message->GetDescriptor());
  if (value.kind == JsonValue::Kind::kNull) return absl::OkStatus();
  const std::string member_path = JoinJsonPath(path, key);
  if (field->is_map()) return ReadMap(value, member_path, *field, message);
  if (field->is_repeated()) return ReadRepeated(value, member_path, *field, message);
  return ReadValue(value, member_path, *field, message);
}

absl::Status ReadObject(const JsonValue& value, const std::string& path, Message* message) {
  const auto& type = *message->GetDescriptor();
  if (&type == google::protobuf::Timestamp::descriptor())
    return ReadTimestamp(value, path, message);
  if (&type == google::protobuf::ListValue::descriptor())
    return ReadRepeated(value, path, *type.field(0), message);
  if (&type == google::protobuf::Struct::descriptor())
    return ReadMap(value, path, *type.field(0), message);
  if (&type == google::protobuf::Value::descriptor()) return ReadAnyValue(value, path, message);
  if (value.kind != JsonValue::Kind::kObject) {
    return RefuseJson(path, absl::StrCat("must be an object, got ", DescribeJson(value)));
  }
  std::vector<absl::Status> refusals;
  for (const auto& [key, member] : value.members) {
    if (refusals.size() == kMostRefusals) break;
    const absl::Status read = ReadMember(key, member, path, message);
    if (!read.ok()) refusals.push_back(read);
  }
  return JoinRefusals(refusals);
}

}  // namespace

absl::Status ReadJson(absl::string_view text, Message* message) {
  RHUMB_ASSIGN_OR_RETURN(const JsonValue root, ParseJsonTree(text));
  return ReadJsonValue(root, "", message);
}

absl::Status ReadJsonValue(const JsonValue& value, const std::string& path, Message* message) {
  std::unique_ptr<Message> fresh(message->New());
  RHUMB_RETURN_IF_ERROR(ReadObject(value, path, fresh.get()));
  message->GetReflection()->Swap(message, fresh.get());
  return absl::OkStatus();
}

}  // namespace rhumb

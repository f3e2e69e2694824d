// SPDX-License-Identifier: Apache-2.0
#include "client/cli/request_fields.h"

#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client/config/human_numbers.h"
#include "planner/status_macros.h"
#include "proto/json/json_names.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

absl::StatusOr<double> ReadNumber(FlagKind kind, absl::string_view text, double now_unix_seconds) {
  switch (kind) {
    case FlagKind::kCount:
      return ParseCount(text);
    case FlagKind::kDuration:
      return ParseDuration(text, std::nullopt);
    case FlagKind::kDurationOrDate:
      return ParseDuration(text, now_unix_seconds);
    case FlagKind::kUsd:
      return ParseUsd(text);
    case FlagKind::kBytes:
      return ParseBytes(text);
    default:
      return ParseNumber(text);
  }
}

absl::StatusOr<int64_t> ReadInteger(FlagKind kind, absl::string_view text) {
  if (kind != FlagKind::kBytes) return ParseIntegerCount(text);
  RHUMB_ASSIGN_OR_RETURN(const double bytes, ParseBytes(text));
  if (bytes >= 0x1p63) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is too large"));
  }
  return static_cast<int64_t>(std::llround(bytes));
}

absl::Status SetEnum(Message& message, const FieldDescriptor& field, absl::string_view text) {
  const EnumDescriptor& type = *field.enum_type();
  const EnumValueDescriptor* value =
      FindEnumValue(type, absl::AsciiStrToUpper(absl::StrReplaceAll(text, {{"-", "_"}})));
  // The zero value means "not given", which a person says by giving nothing.
  if (value == nullptr || value->number() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not one of ", absl::StrJoin(EnumChoices(type), ", ")));
  }
  message.GetReflection()->SetEnum(&message, &field, value);
  return absl::OkStatus();
}

absl::Status SetPool(Message& message, const FieldDescriptor& field, absl::string_view text) {
  if (field.message_type() != v1::GpuPool::descriptor())
    return absl::InternalError("no field for a GPU pool");
  RHUMB_ASSIGN_OR_RETURN(const GpuQuantity quantity, ParseGpuQuantity(text));
  v1::GpuPool pool;
  pool.set_gpu_type(quantity.gpu_type);
  pool.set_count(quantity.gpu_count);
  if (quantity.price_usd_per_gpu_hour.has_value()) {
    pool.set_price_usd_per_gpu_hour(*quantity.price_usd_per_gpu_hour);
  }
  Message* target = field.is_repeated() ? message.GetReflection()->AddMessage(&message, &field)
                                        : message.GetReflection()->MutableMessage(&message, &field);
  target->CopyFrom(pool);
  return absl::OkStatus();
}

}  // namespace

std::string EnumChoice(const EnumValueDescriptor& value) {
  return absl::AsciiStrToLower(absl::StrReplaceAll(ShortEnumName(value), {{"_", "-"}}));
}

std::vector<std::string> EnumChoices(const EnumDescriptor& type) {
  std::vector<std::string> choices;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() != 0) choices.push_back(EnumChoice(*type.value(i)));
  }
  return choices;
}

absl::Status SetField(Message& message, absl::string_view path, FlagKind kind,
                      absl::string_view text, double now_unix_seconds) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(path, absl::MaxSplits('.', 1));
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(parts.first);
  if (field == nullptr) return absl::InternalError(absl::StrCat("no field ", path));
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (!parts.second.empty()) {
    return SetField(*reflection.MutableMessage(&message, field), parts.second, kind, text,
                    now_unix_seconds);
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64: {
      RHUMB_ASSIGN_OR_RETURN(const int64_t value, ReadInteger(kind, text));
      reflection.SetInt64(&message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      RHUMB_ASSIGN_OR_RETURN(const int64_t value, ParseIntegerCount(text));
      if (value > INT32_MAX)
        return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is too large"));
      reflection.SetInt32(&message, field, static_cast<int32_t>(value));
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      RHUMB_ASSIGN_OR_RETURN(const double value, ReadNumber(kind, text, now_unix_seconds));
      reflection.SetDouble(&message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection.SetBool(&message, field, true);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(message, *field, text);
    case FieldDescriptor::CPPTYPE_STRING:
      reflection.SetString(&message, field, std::string(text));
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SetPool(message, *field, text);
    default:
      return absl::InternalError(absl::StrCat("no way to set ", path));
  }
}

absl::Status SetFieldsFromFlags(const std::vector<Flag>& flags, const Invocation& invocation,
                                double now_unix_seconds, Message& message) {
  std::vector<std::string> wrong;
  for (const Flag& flag : flags) {
    const auto given = invocation.flags.find(flag.name);
    if (flag.field.empty() || given == invocation.flags.end()) continue;
    for (const std::string& text : given->second) {
      const absl::Status status = SetField(message, flag.field, flag.kind, text, now_unix_seconds);
      if (!status.ok()) wrong.push_back(absl::StrCat(FlagTitle(flag), ": ", status.message()));
    }
  }
  return wrong.empty() ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrJoin(wrong, "\n"));
}

absl::StatusOr<std::optional<double>> ReadTimeoutSeconds(const Invocation& invocation) {
  if (!invocation.Has("timeout")) return std::nullopt;
  const absl::StatusOr<double> seconds = ParseDuration(invocation.Value("timeout"), std::nullopt);
  if (!seconds.ok())
    return absl::InvalidArgumentError(absl::StrCat("--timeout: ", seconds.status().message()));
  return *seconds;
}

}  // namespace rhumb::cli

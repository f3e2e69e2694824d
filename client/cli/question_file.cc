// SPDX-License-Identifier: Apache-2.0
#include "client/cli/question_file.h"

#include <cstdint>
#include <fstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/architecture_message.h"
#include "client/cli/command.h"
#include "client/cli/question_flags.h"
#include "client/cli/request_fields.h"
#include "client/config/document.h"
#include "client/config/text_file.h"
#include "google/protobuf/descriptor.h"
#include "planner/status_macros.h"
#include "proto/json/json_names.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

struct Reader {
  std::string folder;
  double now_unix_seconds = 0;
  std::optional<double> timeout_seconds = std::nullopt;
  std::vector<Flag> flags = PlanFieldFlags();

  // How a text in the field at `path` is written: as after the flag that sets it.
  FlagKind KindOf(const std::string& path) const {
    for (const Flag& flag : flags) {
      if (flag.field == path) return flag.kind;
    }
    return absl::EndsWith(path, "price_usd_per_gpu_hour") ? FlagKind::kUsd : FlagKind::kCount;
  }
};

absl::Status At(const DocumentValue& value, const std::string& path, absl::string_view message) {
  const std::string where = value.line > 0
                                ? absl::StrCat("line ", value.line, ", column ", value.column, ": ")
                                : std::string();
  return absl::InvalidArgumentError(absl::StrCat(where, path, ": ", message));
}

absl::Status ReadTable(const Reader& reader, const DocumentValue& table, const std::string& prefix,
                       Message& message);

absl::Status ReadMessage(const Reader& reader, const DocumentValue& value, const std::string& path,
                         Message& message) {
  if (value.kind == ValueKind::kTable) return ReadTable(reader, value, path + ".", message);
  if (value.kind == ValueKind::kText && message.GetDescriptor() == v1::Architecture::descriptor()) {
    const bool absolute = absl::StartsWith(value.text, "/") || reader.folder.empty();
    const absl::StatusOr<v1::Architecture> architecture = ReadArchitectureMessage(
        absolute ? value.text : absl::StrCat(reader.folder, "/", value.text),
        reader.timeout_seconds);
    if (absl::IsDeadlineExceeded(architecture.status())) return architecture.status();
    if (!architecture.ok()) return At(value, path, architecture.status().message());
    message.CopyFrom(*architecture);
    return absl::OkStatus();
  }
  return At(value, path, absl::StrCat("must be a table, got ", value.Shown()));
}

absl::Status ReadPools(const Reader& reader, const DocumentValue& value,
                       const FieldDescriptor& field, const std::string& path, Message& message) {
  if (value.kind != ValueKind::kList) {
    return At(value, path,
              absl::StrCat("must be a list, as in [\"8xH100-SXM5-80GB\"], got ", value.Shown()));
  }
  for (const DocumentValue& item : value.items) {
    if (item.kind == ValueKind::kText) {
      const absl::Status status =
          SetField(message, field.name(), FlagKind::kGpuPool, item.text, reader.now_unix_seconds);
      if (!status.ok()) return At(item, path, status.message());
    } else {
      RHUMB_RETURN_IF_ERROR(
          ReadMessage(reader, item, path, *message.GetReflection()->AddMessage(&message, &field)));
    }
  }
  return absl::OkStatus();
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

absl::Status ReadField(const Reader& reader, const DocumentValue& value,
                       const FieldDescriptor& field, const std::string& path, Message& message) {
  if (field.is_repeated()) return ReadPools(reader, value, field, path, message);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return ReadMessage(reader, value, path,
                       *message.GetReflection()->MutableMessage(&message, &field));
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
          SetField(message, field.name(), reader.KindOf(path), value.text, reader.now_unix_seconds);
      return status.ok() ? status : At(value, path, status.message());
    }
    default:
      return At(value, path, absl::StrCat("must be a single value, got ", value.Shown()));
  }
}

absl::Status ReadTable(const Reader& reader, const DocumentValue& table, const std::string& prefix,
                       Message& message) {
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
    RHUMB_RETURN_IF_ERROR(ReadField(reader, table.items[i], *field, prefix + key, message));
  }
  return absl::OkStatus();
}

std::string PrintScalar(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      // Without point or exponent TOML reads an integer, and beyond 2^63 refuses it.
      const std::string number = PrintJsonNumber(reflection.GetDouble(message, &field));
      return number.find_first_of(".e") == std::string::npos ? number + ".0" : number;
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return absl::StrCat("\"", EnumChoice(*reflection.GetEnum(message, &field)), "\"");
    default:
      // JSON's escapes are TOML's, too.
      return QuoteJson(reflection.GetString(message, &field));
  }
}

// Scalars of `message` as lines, then its tables: TOML has no way back out of a table.
void AppendToml(const Message& message, const std::string& prefix, std::string& text) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) continue;
    absl::StrAppend(&text, field->name(), " = ", PrintScalar(message, *field), "\n");
  }
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const std::string path = prefix + field->name();
    if (field->is_repeated()) {
      for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
        absl::StrAppend(&text, "\n[[", path, "]]\n");
        AppendToml(message.GetReflection()->GetRepeatedMessage(message, field, i), path + ".",
                   text);
      }
    } else {
      absl::StrAppend(&text, "\n[", path, "]\n");
      AppendToml(message.GetReflection()->GetMessage(message, field), path + ".", text);
    }
  }
}

}  // namespace

absl::StatusOr<v1::CreatePlanRequest> ParseQuestion(absl::string_view text,
                                                    absl::string_view folder,
                                                    double now_unix_seconds,
                                                    std::optional<double> timeout_seconds) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool json = first != absl::string_view::npos && text[first] == '{';
  RHUMB_ASSIGN_OR_RETURN(const DocumentValue document, json ? ParseJson(text) : ParseToml(text));
  const Reader reader = {.folder = std::string(folder),
                         .now_unix_seconds = now_unix_seconds,
                         .timeout_seconds = timeout_seconds};
  v1::CreatePlanRequest request;
  RHUMB_RETURN_IF_ERROR(ReadTable(reader, document, "", request));
  return request;
}

absl::StatusOr<v1::CreatePlanRequest> ReadQuestionFile(absl::string_view path,
                                                       double now_unix_seconds,
                                                       std::optional<double> timeout_seconds) {
  const absl::StatusOr<std::string> text = ReadTextFile(path, {.timeout_seconds = timeout_seconds});
  if (absl::IsDeadlineExceeded(text.status())) return text.status();
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  const size_t slash = path.rfind('/');
  const absl::string_view folder = slash == absl::string_view::npos ? "" : path.substr(0, slash);
  absl::StatusOr<v1::CreatePlanRequest> request =
      ParseQuestion(*text, folder, now_unix_seconds, timeout_seconds);
  if (absl::IsDeadlineExceeded(request.status())) return request.status();
  if (!request.ok())
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", request.status().message()));
  return request;
}

std::string PrintQuestion(const v1::CreatePlanRequest& request) {
  std::string text = "# A question for rhumb plan -f; numbers are in base units.\n";
  AppendToml(request, "", text);
  return text;
}

absl::Status WriteQuestionFile(const v1::CreatePlanRequest& request, absl::string_view path) {
  std::ofstream file((std::string(path)));
  file << PrintQuestion(request);
  file.close();
  if (!file) return absl::InvalidArgumentError(absl::StrCat("--save: cannot write ", path));
  return absl::OkStatus();
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "client/cli/question_file.h"

#include <fstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/architecture_message.h"
#include "client/cli/command.h"
#include "client/cli/message_document.h"
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

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// A text that stands for a message: the file of an architecture, or GPUs as after --gpus.
struct Texts {
  std::string folder;
  double now_unix_seconds = 0;
  std::optional<double> timeout_seconds;

  absl::Status Read(const std::string& text, const FieldDescriptor& field, Message& parent) const {
    if (field.message_type() == v1::GpuPool::descriptor()) {
      return SetField(parent, field.name(), FlagKind::kGpuPool, text, now_unix_seconds);
    }
    if (field.message_type() != v1::Architecture::descriptor()) {
      return absl::InvalidArgumentError(absl::StrCat("must be a table, got \"", text, "\""));
    }
    const bool absolute = absl::StartsWith(text, "/") || folder.empty();
    RHUMB_ASSIGN_OR_RETURN(const v1::Architecture architecture,
                           ReadArchitectureMessage(
                               absolute ? text : absl::StrCat(folder, "/", text), timeout_seconds));
    parent.GetReflection()->MutableMessage(&parent, &field)->CopyFrom(architecture);
    return absl::OkStatus();
  }
};

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
  RHUMB_ASSIGN_OR_RETURN(const DocumentValue document, ParseTomlOrJson(text));
  const Texts texts = {.folder = std::string(folder),
                       .now_unix_seconds = now_unix_seconds,
                       .timeout_seconds = timeout_seconds};
  const std::vector<Flag> flags = PlanFieldFlags();
  const MessageForm form = {
      // As after the flag that sets it.
      .kind_of =
          [&](absl::string_view path) {
            for (const Flag& flag : flags) {
              if (flag.field == path) return flag.kind;
            }
            return absl::EndsWith(path, "price_usd_per_gpu_hour") ? FlagKind::kUsd
                                                                  : FlagKind::kCount;
          },
      .read_message_text = [&](const std::string& value, const FieldDescriptor& field,
                               Message& parent) { return texts.Read(value, field, parent); },
      .now_unix_seconds = now_unix_seconds};
  v1::CreatePlanRequest request;
  RHUMB_RETURN_IF_ERROR(ReadMessageDocument(document, form, request));
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
  const absl::Status writable = CheckWritable(path);
  if (!writable.ok())
    return absl::InvalidArgumentError(absl::StrCat("--save: ", writable.message()));
  std::ofstream file((std::string(path)));
  file << PrintQuestion(request);
  file.close();
  if (!file) return absl::InvalidArgumentError(absl::StrCat("--save: cannot write ", path));
  return absl::OkStatus();
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "client/cli/architecture_message.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/request_fields.h"
#include "client/config/architecture_file.h"
#include "client/config/document.h"
#include "client/config/text_file.h"
#include "planner/status_macros.h"
#include "proto/convert/architecture_message.h"

namespace rhumb::cli {
namespace {

// The daemon's default of sequence_length; only compared with here, never sent.
constexpr int64_t kDefaultSequenceLength = 8192;

bool IsHuggingFaceConfig(absl::string_view text) {
  const absl::StatusOr<DocumentValue> document = ParseJson(text);
  return document.ok() && document->Find("model_type") != nullptr;
}

}  // namespace

absl::StatusOr<v1::Architecture> ReadArchitectureMessage(absl::string_view path,
                                                         std::optional<double> timeout_seconds) {
  const absl::StatusOr<std::string> text = ReadTextFile(path, {.timeout_seconds = timeout_seconds});
  if (absl::IsDeadlineExceeded(text.status())) return text.status();
  // To the person, no such file, a broken one and a wrong one are all the same kind of mistake: in
  // the question.
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  const absl::StatusOr<ModelShape> shape = ParseArchitecture(*text);
  if (!shape.ok())
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", shape.status().message()));
  v1::Architecture message = convert::ToProto(*shape);
  if (message.sequence_length() > kDefaultSequenceLength && IsHuggingFaceConfig(*text)) {
    message.clear_sequence_length();
  }
  return message;
}

Flag ArchitectureFlag() {
  return {.name = "arch",
          .field = "architecture",
          .kind = FlagKind::kFile,
          .placeholder = "FILE",
          .help =
              "the model: TOML or JSON with the keys of a plan's model, or a Hugging Face "
              "config.json",
          .group = "Model",
          .completion = Completion::kFile};
}

absl::StatusOr<std::optional<v1::Architecture>> ReadArchitectureFlag(const Invocation& invocation) {
  if (!invocation.Has("arch")) return std::nullopt;
  RHUMB_ASSIGN_OR_RETURN(const std::optional<double> timeout, ReadTimeoutSeconds(invocation));
  absl::StatusOr<v1::Architecture> architecture =
      ReadArchitectureMessage(invocation.Value("arch"), timeout);
  if (architecture.ok()) return *std::move(architecture);
  return absl::Status(architecture.status().code(),
                      absl::StrCat("--arch (architecture): ", architecture.status().message()));
}

}  // namespace rhumb::cli

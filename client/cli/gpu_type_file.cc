// SPDX-License-Identifier: Apache-2.0
#include "client/cli/gpu_type_file.h"

#include <cstddef>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/message_document.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

FlagKind KindOf(absl::string_view path) {
  if (absl::StrContains(path, "bytes")) return FlagKind::kBytes;
  return absl::StrContains(path, "usd") ? FlagKind::kUsd : FlagKind::kCount;
}

// Without what only the store says.
DocumentValue Stated(const DocumentValue& document) {
  DocumentValue stated = document;
  stated.keys.clear();
  stated.items.clear();
  for (size_t i = 0; i < document.keys.size(); ++i) {
    const std::string& key = document.keys[i];
    if (key == "version" || key == "update_time" || key == "owner_uid") continue;
    stated.keys.push_back(key);
    stated.items.push_back(document.items[i]);
  }
  return stated;
}

}  // namespace

absl::StatusOr<v1::GpuType> ParseGpuType(absl::string_view text) {
  RHUMB_ASSIGN_OR_RETURN(const DocumentValue document, ParseTomlOrJson(text));
  v1::GpuType type;
  RHUMB_RETURN_IF_ERROR(ReadMessageDocument(Stated(document), {.kind_of = KindOf}, type));
  return type;
}

absl::StatusOr<v1::GpuType> ReadGpuTypeFile(absl::string_view path, const TextLimits& limits) {
  RHUMB_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, limits));
  absl::StatusOr<v1::GpuType> type = ParseGpuType(text);
  if (!type.ok()) {
    return absl::Status(type.status().code(), absl::StrCat(path, ": ", type.status().message()));
  }
  return type;
}

}  // namespace rhumb::cli

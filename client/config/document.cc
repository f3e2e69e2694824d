// SPDX-License-Identifier: Apache-2.0
#include "client/config/document.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace rhumb {
namespace {

constexpr uintmax_t kMaxFileBytes = 4 * 1024 * 1024;
constexpr size_t kMaxShownText = 60;

}  // namespace

const DocumentValue* DocumentValue::Find(absl::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) return &items[i];
  }
  return nullptr;
}

std::string DocumentValue::Shown() const {
  switch (kind) {
    case ValueKind::kNull:
      return "null";
    case ValueKind::kBool:
      return boolean ? "true" : "false";
    case ValueKind::kInteger:
      return absl::StrCat(integer);
    case ValueKind::kNumber:
      return absl::StrCat(number);
    case ValueKind::kList:
      return "a list";
    case ValueKind::kTable:
      return "a table";
    case ValueKind::kText:
      break;
  }
  // Whatever the file holds ends on a terminal: control bytes are escaped, long text is cut.
  const bool is_long = text.size() > kMaxShownText;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxShownText)),
                      is_long ? "...\"" : "\"");
}

absl::StatusOr<std::string> ReadTextFile(absl::string_view path) {
  const std::string path_text(path);
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path_text, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return absl::NotFoundError(absl::StrCat("no such file: ", path));
  }
  if (error)
    return absl::FailedPreconditionError(absl::StrCat("cannot open ", path, ": ", error.message()));
  // A directory opens as an empty file.
  if (std::filesystem::is_directory(status)) {
    return absl::FailedPreconditionError(absl::StrCat("cannot read ", path, ": it is a directory"));
  }
  std::ifstream file(path_text, std::ios::binary);
  if (!file)
    return absl::FailedPreconditionError(
        absl::StrCat("cannot open ", path, ": ", std::strerror(errno)));
  // Read in pieces rather than by size: `<(command)` of a shell is a pipe.
  std::string text;
  char piece[16384];
  while (file.read(piece, sizeof(piece)) || file.gcount() > 0) {
    text.append(piece, static_cast<size_t>(file.gcount()));
    if (text.size() > kMaxFileBytes) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " is larger than ", kMaxFileBytes, " bytes"));
    }
  }
  if (file.bad()) return absl::FailedPreconditionError(absl::StrCat("cannot read ", path));
  return text;
}

}  // namespace rhumb

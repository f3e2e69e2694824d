// SPDX-License-Identifier: Apache-2.0
// The text of a file, a pipe or a terminal, without waiting for ever for one that does not end.
#ifndef RHUMB_CLIENT_CONFIG_TEXT_FILE_H_
#define RHUMB_CLIENT_CONFIG_TEXT_FILE_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb {

struct TextLimits {
  // No configuration is larger.
  size_t max_bytes = 4 << 20;
  // Longest wait for the end of what is no regular file, as the pipe of `<(command)`; nullopt: for
  // ever.
  std::optional<double> timeout_seconds;
};

// The whole of the file at `path`. NOT_FOUND if there is none; FAILED_PRECONDITION if it cannot be
// read, is a directory or is too large; DEADLINE_EXCEEDED if it has not ended in time.
absl::StatusOr<std::string> ReadTextFile(absl::string_view path, const TextLimits& limits = {});

// Whether a file can be written at `path`, without writing it: for those who compute long before
// they write. INVALID_ARGUMENT says what is in the way: a folder, a folder that is missing, no
// permission, a pipe (nobody may ever read it).
absl::Status CheckWritable(absl::string_view path);

// As ReadTextFile, of what comes in by standard input.
absl::StatusOr<std::string> ReadStandardInput(const TextLimits& limits = {});

// ReadStandardInput where `path` is "-", else ReadTextFile.
absl::StatusOr<std::string> ReadTextFileOrInput(const std::string& path,
                                                const TextLimits& limits = {});

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_TEXT_FILE_H_

// SPDX-License-Identifier: Apache-2.0
// A model from a file as the message that questions carry.
#ifndef RHUMB_CLIENT_CLI_ARCHITECTURE_MESSAGE_H_
#define RHUMB_CLIENT_CLI_ARCHITECTURE_MESSAGE_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/command.h"
#include "rhumb/v1/architecture.pb.h"

namespace rhumb::cli {

// The model in the file at `path` (see ReadArchitectureFile). The longest sequence a Hugging Face
// config allows is not the one trained on: it is left out where it is beyond the daemon's default,
// which then applies. DEADLINE_EXCEEDED if it is a pipe that has not ended by then;
// INVALID_ARGUMENT for whatever is wrong with the file, not being there included.
absl::StatusOr<v1::Architecture> ReadArchitectureMessage(
    absl::string_view path, std::optional<double> timeout_seconds = std::nullopt);

// --arch.
Flag ArchitectureFlag();

// The model that --arch names, waited for as long as --timeout says; nullopt without the flag,
// which errors name.
absl::StatusOr<std::optional<v1::Architecture>> ReadArchitectureFlag(const Invocation& invocation);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_ARCHITECTURE_MESSAGE_H_

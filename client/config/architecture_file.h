// SPDX-License-Identifier: Apache-2.0
// The architecture a user brings: TOML or JSON with the keys of a plan's model, or a Hugging Face
// config.json.
#ifndef RHUMB_CLIENT_CONFIG_ARCHITECTURE_FILE_H_
#define RHUMB_CLIENT_CONFIG_ARCHITECTURE_FILE_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/cost/model_shape.h"

namespace rhumb {

// The shape stated by `text`: a Hugging Face config if it is JSON with "model_type", else our own
// keys as TOML or JSON (JSON begins with a brace). Own keys are the fields of rhumb.v1.Architecture
// as a plan prints them. `param_count` and `active_param_count`, if given, must be those of the
// shape to the unit, counted by `param_count_convention` (TOTAL unless given). Required:
// num_layers, hidden_size, num_attention_heads, vocab_size, a width of the MLP or of the experts.
// num_key_value_heads is num_attention_heads, head_dim is hidden_size / num_attention_heads and
// num_moe_layers is num_layers unless given. In TOML a number may be a text such as "128K".
//
// `sequence_length`, if given, wins over the text's. INVALID_ARGUMENT names the key (in TOML with
// line and column): unknown, missing, of the wrong type, out of range, or a count that does not
// agree.
absl::StatusOr<ModelShape> ParseArchitecture(absl::string_view text,
                                             std::optional<int64_t> sequence_length = std::nullopt);

// As ParseArchitecture, of the file at `path`, which stands in front of every message. NOT_FOUND if
// there is no such file, FAILED_PRECONDITION if it cannot be read.
absl::StatusOr<ModelShape> ReadArchitectureFile(
    absl::string_view path, std::optional<int64_t> sequence_length = std::nullopt);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_ARCHITECTURE_FILE_H_

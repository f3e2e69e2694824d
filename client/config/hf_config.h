// SPDX-License-Identifier: Apache-2.0
// A Hugging Face config.json as a ModelShape with the exact parameter count of its model class. The
// language model only: vision towers and multi-token-prediction layers are left out.
#ifndef RHUMB_CLIENT_CONFIG_HF_CONFIG_H_
#define RHUMB_CLIENT_CONFIG_HF_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/config/document.h"
#include "planner/cost/model_shape.h"

namespace rhumb {

// The shape of the model that `json_text` configures. Without `sequence_length` the longest
// sequence the config states (max_position_embeddings and its like) is taken. Keys the family does
// not know are ignored, as transformers does; keys it knows and does not find have the defaults of
// the family's config class, except the dimensions, which must be there.
//
// INVALID_ARGUMENT: no JSON (with position), an unknown model_type (with the known ones), or a key
// that is missing, of the wrong type or out of range (with its name and value). Source: the config
// and model classes of transformers 4.5x, one reader a model_type; tests pin published totals.
absl::StatusOr<ModelShape> ShapeFromHuggingFaceConfig(absl::string_view json_text,
                                                      std::optional<int64_t> sequence_length);

// As above, of a document already parsed.
absl::StatusOr<ModelShape> ShapeFromHuggingFaceDocument(const DocumentValue& config,
                                                        std::optional<int64_t> sequence_length);

// The model types that are read, in alphabetical order.
std::vector<std::string> KnownModelTypes();

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_HF_CONFIG_H_

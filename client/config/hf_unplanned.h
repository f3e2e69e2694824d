// SPDX-License-Identifier: Apache-2.0
// What a Hugging Face config.json says of its model and no shape holds: it changes neither time nor
// memory, but whoever trains the model must say it again.
#ifndef RHUMB_CLIENT_CONFIG_HF_UNPLANNED_H_
#define RHUMB_CLIENT_CONFIG_HF_UNPLANNED_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb {

struct UnplannedKey {
  std::string key;       // "rope_theta"
  std::string value;     // as text; a table's members in one line
  std::string megatron;  // Megatron-LM's flags for it; empty where none is known
};

// In a fixed order; empty if `json_text` is no config.json.
std::vector<UnplannedKey> UnplannedOfHuggingFaceConfig(absl::string_view json_text);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_HF_UNPLANNED_H_

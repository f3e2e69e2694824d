// SPDX-License-Identifier: Apache-2.0
// Patterns over layers in Megatron-LM's flags.
#ifndef RHUMB_CLIENT_LAUNCH_LAYER_PATTERN_H_
#define RHUMB_CLIENT_LAUNCH_LAYER_PATTERN_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb::launch {

// Which of `num_layers` layers have experts, by --moe-layer-freq: an integer N (every N-th, from
// the first on) or a Python list expression of ones and zeros, as "([0]*3+[1]*58)". nullopt if it
// is neither or of another length.
std::optional<std::vector<bool>> ParseLayerPattern(absl::string_view text, int64_t num_layers);

// Layers of each stage by --pipeline-model-parallel-layout without virtual stages, as
// "Et*13|t*14|t*13L"; nullopt for anything else than E, t, L, their repetitions and bars.
std::optional<std::vector<int64_t>> ParsePipelineLayout(absl::string_view text);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_LAYER_PATTERN_H_

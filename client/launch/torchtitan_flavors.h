// SPDX-License-Identifier: Apache-2.0
// Shapes of torchtitan's registry that are the same in all of its releases.
#ifndef RHUMB_CLIENT_LAUNCH_TORCHTITAN_FLAVORS_H_
#define RHUMB_CLIENT_LAUNCH_TORCHTITAN_FLAVORS_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "rhumb/v1/architecture.pb.h"

namespace rhumb::launch {

// The model that `model.name` and `model.flavor` of a job config mean: llama3's 8B, 70B and 405B.
// nullopt for others; debug models, for one, take their vocabulary from the tokenizer.
// Source: torchtitan/models/llama3/__init__.py (2025), whose sizes are those of Grattafiori et al.
// 2024, arXiv:2407.21783, table 3.
std::optional<v1::Architecture> FindTorchtitanFlavor(absl::string_view name,
                                                     absl::string_view flavor);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_TORCHTITAN_FLAVORS_H_

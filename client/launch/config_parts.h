// SPDX-License-Identifier: Apache-2.0
// What the writers of configuration files share.
#ifndef RHUMB_CLIENT_LAUNCH_CONFIG_PARTS_H_
#define RHUMB_CLIENT_LAUNCH_CONFIG_PARTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/launch/launch_kind.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::launch {

struct Degree {
  const char* field;  // of the layout
  int64_t size;
};

// INVALID_ARGUMENT naming the first of `degrees` above 1.
absl::Status RefuseDegrees(const std::vector<Degree>& degrees, absl::string_view reason);

// INVALID_ARGUMENT if the layout's precision is none of `allowed`.
absl::Status RefusePrecision(const v1::Layout& layout, const std::vector<v1::Precision>& allowed,
                             absl::string_view reason);

// What every kind remarks: a plan that was made for another framework.
std::vector<std::string> ConfigRemarks(const v1::Plan& plan, LaunchKind kind);

// The comment block at the top of a file: DescribePlan, `more`, `remarks`.
std::string ConfigHeader(const v1::Plan& plan, std::vector<std::string> more,
                         const std::vector<std::string>& remarks);

// The model in words, for those who must register it by hand.
std::string ShapeLine(const v1::Architecture& model);

// What the training script must be told, because the configuration has no key for it.
std::string ScriptNeeds(const v1::Plan& plan);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_CONFIG_PARTS_H_

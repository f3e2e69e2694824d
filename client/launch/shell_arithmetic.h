// SPDX-License-Identifier: Apache-2.0
// Integer expressions of a shell, as in $((NODES * 8)).
#ifndef RHUMB_CLIENT_LAUNCH_SHELL_ARITHMETIC_H_
#define RHUMB_CLIENT_LAUNCH_SHELL_ARITHMETIC_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace rhumb::launch {

// The value of `text` with + - * / %, parentheses, decimal integers and names, which `value_of`
// answers; nullopt if it holds anything else, an unknown name, a division by zero, or leaves int64.
std::optional<int64_t> EvaluateArithmetic(
    absl::string_view text,
    const std::function<std::optional<int64_t>(const std::string& name)>& value_of);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_SHELL_ARITHMETIC_H_

// SPDX-License-Identifier: Apache-2.0
// Texts from outside that go into messages, which are UTF-8.
#ifndef RHUMB_CLIENT_CONFIG_UTF8_H_
#define RHUMB_CLIENT_CONFIG_UTF8_H_

#include <string>

#include "absl/strings/string_view.h"

namespace rhumb {

// Whether `text` is UTF-8: whole sequences, none overlong, no surrogates, nothing above U+10FFFF.
bool IsUtf8(absl::string_view text);

// `text` if it is UTF-8, else with a "?" for each byte above 0x7F.
std::string ToUtf8(absl::string_view text);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_UTF8_H_

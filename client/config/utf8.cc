// SPDX-License-Identifier: Apache-2.0
#include "client/config/utf8.h"

#include <cstddef>
#include <cstdint>

namespace rhumb {

bool IsUtf8(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const int length = byte < 0x80   ? 1
                       : byte < 0xC2 ? 0
                       : byte < 0xE0 ? 2
                       : byte < 0xF0 ? 3
                       : byte < 0xF5 ? 4
                                     : 0;
    if (length == 0 || i + static_cast<size_t>(length) > text.size()) return false;
    uint32_t point = length == 1 ? byte : byte & (0x7Fu >> length);
    for (int k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + static_cast<size_t>(k)]);
      if ((next & 0xC0) != 0x80) return false;
      point = point << 6 | (next & 0x3Fu);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    if (overlong || (point >= 0xD800 && point < 0xE000) || point > 0x10FFFF) return false;
    i += static_cast<size_t>(length);
  }
  return true;
}

std::string ToUtf8(absl::string_view text) {
  std::string utf8(text);
  if (IsUtf8(text)) return utf8;
  for (char& c : utf8) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return utf8;
}

}  // namespace rhumb

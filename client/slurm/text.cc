// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/text.h"

#include <charconv>

namespace rhumb::slurm {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string Folded(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  return folded;
}

std::optional<int64_t> ReadCount(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return count;
}

std::string FirstParagraph(std::string_view text, size_t max_bytes) {
  std::string joined;
  for (const std::string_view part : Split(Trim(text), '\n')) {
    const std::string_view line = Trim(part);
    if (line.empty()) break;
    if (!joined.empty()) joined += ' ';
    joined += line;
  }
  for (char& c : joined) {
    if (IsControl(c)) c = ' ';
  }
  if (joined.size() > max_bytes) {
    // Not within a character of several bytes.
    size_t end = max_bytes;
    while (end > 0 && (static_cast<unsigned char>(joined[end]) & 0xc0) == 0x80) --end;
    joined = joined.substr(0, end) + "...";
  }
  return joined;
}

}  // namespace rhumb::slurm

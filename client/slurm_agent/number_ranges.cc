// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/number_ranges.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rhumb::slurm_agent {
namespace {

struct Range {
  int64_t first = 0, last = 0, step = 1;
  size_t width = 0;  // digits of the first, so that 05 stays 05
};

std::optional<int64_t> ReadNumber(absl::string_view text) {
  int64_t number = 0;
  if (text.empty() || text.size() > 15) return std::nullopt;
  if (!absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) return std::nullopt;
  if (!absl::SimpleAtoi(text, &number)) return std::nullopt;
  return number;
}

// 7, 05-07, 10-20:5.
std::optional<Range> ReadRange(absl::string_view text) {
  Range range;
  const size_t colon = text.find(':');
  if (colon != absl::string_view::npos) {
    const std::optional<int64_t> step = ReadNumber(text.substr(colon + 1));
    if (!step.has_value() || *step == 0) return std::nullopt;
    range.step = *step;
    text = text.substr(0, colon);
  }
  const size_t dash = text.find('-');
  const std::optional<int64_t> first = ReadNumber(text.substr(0, dash));
  const std::optional<int64_t> last =
      dash == absl::string_view::npos ? first : ReadNumber(text.substr(dash + 1));
  if (!first.has_value() || !last.has_value() || *last < *first) return std::nullopt;
  range.first = *first;
  range.last = *last;
  range.width = text.substr(0, dash).size();
  return range;
}

std::string Padded(int64_t number, size_t width) {
  std::string digits = absl::StrCat(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

// Parts between commas outside brackets.
std::vector<absl::string_view> Parts(absl::string_view text) {
  std::vector<absl::string_view> parts;
  bool inside = false;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && !inside)) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    } else if (text[i] == '[' || text[i] == ']') {
      inside = text[i] == '[';
    }
  }
  return parts;
}

// Names of one part; false if it does not read.
bool ExpandPart(absl::string_view part, const std::string& prefix, size_t max_count,
                std::vector<std::string>& names) {
  if (names.size() >= max_count) return true;
  const size_t open = part.find('[');
  if (open == absl::string_view::npos) {
    const std::string name = absl::StrCat(prefix, part);
    if (name.empty() || part.find(']') != absl::string_view::npos) return false;
    names.push_back(name);
    return true;
  }
  const size_t close = part.find(']', open);
  if (close == absl::string_view::npos) return false;
  const std::string stem = absl::StrCat(prefix, part.substr(0, open));
  for (const absl::string_view text :
       absl::StrSplit(part.substr(open + 1, close - open - 1), ',')) {
    const std::optional<Range> range = ReadRange(text);
    if (!range.has_value()) return false;
    for (int64_t i = range->first; i <= range->last && names.size() < max_count; i += range->step) {
      if (!ExpandPart(part.substr(close + 1), absl::StrCat(stem, Padded(i, range->width)),
                      max_count, names)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

std::vector<std::string> ExpandHostList(absl::string_view text, size_t max_count) {
  std::vector<std::string> names;
  if (text.empty() || text == "(null)") return names;
  for (const absl::string_view part : Parts(text)) {
    if (!ExpandPart(part, "", max_count, names)) return {};
  }
  return names;
}

std::vector<int64_t> ExpandArrayTasks(absl::string_view text, size_t max_count) {
  std::vector<int64_t> tasks;
  text = text.substr(0, text.find('%'));
  if (text.empty()) return tasks;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::optional<Range> range = ReadRange(part);
    if (!range.has_value()) break;
    for (int64_t i = range->first; i <= range->last; i += range->step) {
      if (tasks.size() >= max_count) return tasks;
      tasks.push_back(i);
    }
  }
  return tasks;
}

}  // namespace rhumb::slurm_agent

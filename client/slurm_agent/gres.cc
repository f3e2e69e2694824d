// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/gres.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace rhumb::slurm_agent {
namespace {

// More GPUs than any machine has; keeps sums far from overflow.
constexpr int64_t kMaxCount = int64_t{1} << 32;

std::optional<int64_t> ReadGpuCount(absl::string_view text) {
  int64_t count = 0;
  if (text.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text[0])))
    return std::nullopt;
  if (!absl::SimpleAtoi(text, &count) || count > kMaxCount) return std::nullopt;
  return count;
}

// Entries between commas that stand in no parentheses: IDX:0-1,4 holds some of its own.
std::vector<absl::string_view> Entries(absl::string_view text) {
  std::vector<absl::string_view> entries;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      entries.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')' && depth > 0) {
      --depth;
    }
  }
  return entries;
}

std::optional<GresGpus> ParseEntry(absl::string_view entry) {
  entry = absl::StripAsciiWhitespace(entry.substr(0, entry.find('(')));
  if (!absl::ConsumePrefix(&entry, "gres:")) absl::ConsumePrefix(&entry, "gres/");
  if (!absl::ConsumePrefix(&entry, "gpu")) return std::nullopt;
  // A request for one may leave the count out: gpu, gpu:h100.
  if (entry.empty()) return GresGpus{"", 1};
  if (absl::ConsumePrefix(&entry, "=")) {
    const std::optional<int64_t> count = ReadGpuCount(entry);
    return count.has_value() ? std::optional<GresGpus>({"", *count}) : std::nullopt;
  }
  if (!absl::ConsumePrefix(&entry, ":") || entry.empty()) return std::nullopt;
  const size_t border = entry.find_last_of(":=");
  if (border == absl::string_view::npos) {
    if (const std::optional<int64_t> count = ReadGpuCount(entry)) return GresGpus{"", *count};
    return GresGpus{std::string(entry), 1};
  }
  const std::optional<int64_t> count = ReadGpuCount(entry.substr(border + 1));
  const absl::string_view type = entry.substr(0, border);
  if (!count.has_value() || type.empty()) return std::nullopt;
  return GresGpus{std::string(type), *count};
}

}  // namespace

std::vector<GresGpus> ParseGres(absl::string_view text) {
  std::vector<GresGpus> gpus;
  for (const absl::string_view entry : Entries(text)) {
    const std::optional<GresGpus> parsed = ParseEntry(entry);
    if (!parsed.has_value()) continue;
    const auto known = std::find_if(
        gpus.begin(), gpus.end(), [&](const GresGpus& each) { return each.type == parsed->type; });
    if (known == gpus.end()) {
      gpus.push_back(*parsed);
    } else {
      known->count = std::min(known->count + parsed->count, kMaxCount);
    }
  }
  // In a list of TRES, gres/gpu=N is the sum of what else stands there.
  if (absl::StrContains(text, "gpu=") && gpus.size() > 1) {
    gpus.erase(std::remove_if(gpus.begin(), gpus.end(),
                              [](const GresGpus& each) { return each.type.empty(); }),
               gpus.end());
  }
  return gpus;
}

int64_t GpuCount(const std::vector<GresGpus>& gpus) {
  int64_t count = 0;
  for (const GresGpus& each : gpus) count = std::min(count + each.count, int64_t{1} << 53);
  return count;
}

GresGpus LargestGres(const std::vector<GresGpus>& gpus) {
  const auto largest =
      std::max_element(gpus.begin(), gpus.end(),
                       [](const GresGpus& a, const GresGpus& b) { return a.count < b.count; });
  return largest == gpus.end() ? GresGpus() : *largest;
}

}  // namespace rhumb::slurm_agent

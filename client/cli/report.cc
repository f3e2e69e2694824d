// SPDX-License-Identifier: Apache-2.0
#include "client/cli/report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/format.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {
namespace {

constexpr int kLabelWidth = 15;
constexpr int kBarWidth = 56;

struct MemoryPart {
  const char* name;
  double bytes;
  const char* block;  // UTF-8
  char letter;        // elsewhere
};

}  // namespace

std::string JoinParts(const std::vector<std::string>& parts, absl::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    absl::StrAppend(&text, text.empty() ? "" : separator, part);
  }
  return text;
}

void Report::Sentence(absl::string_view text, Style style) {
  absl::StrAppend(
      &text_, Styled(terminal_, style, Wrapped(ShortExponents(text), terminal_.width, 0)), "\n\n");
}

void Report::Row(absl::string_view label, absl::string_view text, Style style) {
  if (text.empty()) return;
  Line(label,
       Styled(terminal_, style, Wrapped(ShortExponents(text), terminal_.width, kLabelWidth)));
}

void Report::Block(absl::string_view text) {
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&text_, "  ", line, "\n");
  }
}

void Report::Line(absl::string_view label, absl::string_view text) {
  absl::StrAppend(&text_, PadRight(Styled(terminal_, Style::kBold, label), kLabelWidth), text,
                  "\n");
}

void Report::MemoryBar(const v1::MemoryPlan& memory) {
  const MemoryPart parts[] = {
      {"weights", memory.weights_bytes(), "█", '#'},
      {"gradients", memory.gradients_bytes(), "▓", '='},
      {"optimizer", memory.optimizer_bytes(), "▒", '+'},
      {"activations", memory.activations_bytes(), "░", ':'},
      {"other", memory.other_bytes(), "▪", 'o'},
  };
  // A configuration that does not fit is drawn to its own end, with the capacity as a mark inside.
  const double full = std::max(memory.capacity_bytes(), memory.peak_bytes());
  if (!(full > 0)) return;
  std::vector<std::string> cells(kBarWidth, terminal_.utf8 ? "·" : ".");
  double sum = 0;
  size_t begin = 0;
  std::string legend;
  for (const MemoryPart& part : parts) {
    sum += part.bytes;
    const auto end =
        static_cast<size_t>(std::clamp(std::round(sum / full * kBarWidth), 0.0, double{kBarWidth}));
    const std::string cell = terminal_.utf8 ? part.block : std::string(1, part.letter);
    for (; begin < end; ++begin) cells[begin] = cell;
    absl::StrAppend(&legend, legend.empty() ? "" : "  ", cell, " ", part.name, " ",
                    FormatBytes(part.bytes));
  }
  if (memory.capacity_bytes() < memory.peak_bytes()) {
    const auto mark = static_cast<size_t>(memory.capacity_bytes() / full * kBarWidth);
    cells[std::min<size_t>(mark, kBarWidth - 1)].assign(1, '|');
  }
  std::string bar = "[";
  for (const std::string& cell : cells) bar += cell;
  Line("", absl::StrCat(bar, "]"));
  Row("", legend, Style::kDim);
}

}  // namespace rhumb::cli

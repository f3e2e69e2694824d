// SPDX-License-Identifier: Apache-2.0
#include "client/cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rhumb::cli {
namespace {

constexpr int kStageWidth = 12;
constexpr int kMaxBarWidth = 40;
// Besides stage and bar: brackets, blanks, percents.
constexpr int kFrameWidth = 10;

}  // namespace

std::string ProgressLine(double fraction, absl::string_view stage, const Terminal& terminal) {
  const double done = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
  const int width = std::clamp(terminal.width - kStageWidth - kFrameWidth, 5, kMaxBarWidth);
  const int filled = static_cast<int>(done * width);
  std::string bar;
  for (int i = 0; i < width; ++i) {
    bar += terminal.utf8 ? (i < filled ? "━" : "·") : (i < filled ? "#" : ".");
  }
  return absl::StrCat(PadRight(stage, kStageWidth), " [", bar, "] ",
                      absl::StrFormat("%3d%%", static_cast<int>(done * 100)));
}

ProgressBar::ProgressBar(const Context& context) : terminal_(context.err_terminal) {
  if (context.err == &std::cerr && isatty(STDERR_FILENO) == 1) out_ = context.err;
}

ProgressBar::ProgressBar(std::ostream& out, const Terminal& terminal)
    : out_(&out), terminal_(terminal) {}

void ProgressBar::Show(double fraction, absl::string_view stage) {
  if (out_ == nullptr) return;
  std::string line = ProgressLine(fraction, stage, terminal_);
  if (line == shown_) return;
  *out_ << "\r" << PadRight(line, DisplayWidth(shown_)) << std::flush;
  shown_ = std::move(line);
}

void ProgressBar::Clear() {
  if (out_ == nullptr || shown_.empty()) return;
  *out_ << "\r" << std::string(static_cast<size_t>(DisplayWidth(shown_)), ' ') << "\r"
        << std::flush;
  shown_.clear();
}

}  // namespace rhumb::cli

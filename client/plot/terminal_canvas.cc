// SPDX-License-Identifier: Apache-2.0
#include "client/plot/terminal_canvas.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace rhumb::plot {
namespace {

// U+2800 plus the dots, as UTF-8.
std::string Braille(uint8_t dots) {
  const int code_point = 0x2800 + dots;
  std::string text;
  text += static_cast<char>(0xE0 | (code_point >> 12));
  text += static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
  text += static_cast<char>(0x80 | (code_point & 0x3F));
  return text;
}

// Bits of U+2800, by column and row within the cell (Unicode 15, Braille Patterns).
uint8_t DotBit(int x, int y) {
  constexpr uint8_t kBits[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};
  return kBits[x % 2][y % 4];
}

}  // namespace

std::string ColorCode(int color) {
  return color == kNoColor ? "" : absl::StrCat("\033[38;5;", color, "m");
}

TerminalCanvas::TerminalCanvas(int columns, int rows)
    : columns_(std::max(1, columns)),
      rows_(std::max(1, rows)),
      cells_(static_cast<size_t>(columns_) * static_cast<size_t>(rows_)) {}

TerminalCanvas::Cell* TerminalCanvas::At(int column, int row) {
  if (column < 0 || column >= columns_ || row < 0 || row >= rows_) return nullptr;
  return &cells_[static_cast<size_t>(row) * static_cast<size_t>(columns_) +
                 static_cast<size_t>(column)];
}

void TerminalCanvas::PutGlyph(int column, int row, const std::string& glyph, int color) {
  if (Cell* cell = At(column, row); cell != nullptr) {
    cell->glyph = glyph;
    cell->glyph_color = color;
  }
}

void TerminalCanvas::PutFaint(int column, int row, const std::string& glyph) {
  if (Cell* cell = At(column, row); cell != nullptr) cell->faint = glyph;
}

void TerminalCanvas::SetBackground(int column, int row, int color) {
  if (Cell* cell = At(column, row); cell != nullptr) cell->background = color;
}

void TerminalCanvas::PutLineDot(int x, int y, int color) {
  if (x < 0 || y < 0) return;
  if (Cell* cell = At(x / 2, y / 4); cell != nullptr) {
    cell->line_dots |= DotBit(x, y);
    cell->line_color = color;
  }
}

void TerminalCanvas::PutBandDot(int x, int y, int color) {
  if (x < 0 || y < 0) return;
  if (Cell* cell = At(x / 2, y / 4); cell != nullptr) {
    cell->band_dots |= DotBit(x, y);
    cell->band_color = color;
  }
}

std::string TerminalCanvas::Row(int row, bool color) const {
  constexpr char kFaint[] = "\033[2m";
  std::string text;
  std::string current;  // the codes in force
  for (int column = 0; column < columns_; ++column) {
    const Cell& cell = cells_[static_cast<size_t>(row) * static_cast<size_t>(columns_) +
                              static_cast<size_t>(column)];
    std::string glyph = " ";
    std::string code;
    if (!cell.glyph.empty()) {
      glyph = cell.glyph;
      code = ColorCode(cell.glyph_color);
    } else if (cell.line_dots != 0) {
      glyph = Braille(cell.line_dots);
      code = ColorCode(cell.line_color);
    } else if (cell.band_dots != 0) {
      glyph = Braille(cell.band_dots);
      code = absl::StrCat(kFaint, ColorCode(cell.band_color));
    } else if (!cell.faint.empty()) {
      glyph = cell.faint;
      code = kFaint;
    }
    if (cell.background != kNoColor) absl::StrAppend(&code, "\033[48;5;", cell.background, "m");
    if (color && code != current) {
      absl::StrAppend(&text, current.empty() ? "" : kResetCode, code);
      current = code;
    }
    text += glyph;
  }
  if (color && !current.empty()) text += kResetCode;
  return text;
}

}  // namespace rhumb::plot

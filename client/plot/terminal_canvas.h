// SPDX-License-Identifier: Apache-2.0
// A grid of character cells to draw on: glyphs, braille dots of two layers, 256 colours. Knows no
// axes.
#ifndef RHUMB_CLIENT_PLOT_TERMINAL_CANVAS_H_
#define RHUMB_CLIENT_PLOT_TERMINAL_CANVAS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace rhumb::plot {

inline constexpr int kNoColor = -1;

class TerminalCanvas {
 public:
  // Cells are `columns` by `rows`; dots 2 by 4 a cell. All places outside are ignored.
  TerminalCanvas(int columns, int rows);

  int columns() const { return columns_; }
  int rows() const { return rows_; }

  // A character over whatever is there. Keeps the background.
  void PutGlyph(int column, int row, const std::string& glyph, int color);
  // A character only where nothing else will be drawn.
  void PutFaint(int column, int row, const std::string& glyph);
  void SetBackground(int column, int row, int color);
  // A braille dot of a line; hides the band's dots of its cell, which would blur it.
  void PutLineDot(int x, int y, int color);
  void PutBandDot(int x, int y, int color);

  // One row; blanks at its end stay. With `color`, escape codes, reset at the end.
  std::string Row(int row, bool color) const;

 private:
  struct Cell {
    std::string glyph;
    std::string faint;
    uint8_t line_dots = 0;
    uint8_t band_dots = 0;
    int glyph_color = kNoColor;
    int line_color = kNoColor;
    int band_color = kNoColor;
    int background = kNoColor;
  };

  Cell* At(int column, int row);

  int columns_;
  int rows_;
  std::vector<Cell> cells_;
};

// The escape code that begins text of `color`; empty for kNoColor.
std::string ColorCode(int color);
inline constexpr char kResetCode[] = "\033[0m";

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_TERMINAL_CANVAS_H_

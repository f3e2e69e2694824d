// SPDX-License-Identifier: Apache-2.0
#include "client/plot/contour.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>

namespace rhumb::plot {
namespace {

// A cell's corners in turn: lower left, lower right, upper right, upper left.
struct Corner {
  Place place;
  double value = 0;
  size_t node = 0;  // index into the grid's values: names the edges between cells
};

using Cell = std::array<Corner, 4>;

Corner CornerAt(const Grid& grid, size_t column, size_t row) {
  const size_t node = row * grid.xs.size() + column;
  return {{grid.xs[column], grid.ys[row]}, grid.values[node], node};
}

Cell CellAt(const Grid& grid, size_t column, size_t row) {
  return {CornerAt(grid, column, row), CornerAt(grid, column + 1, row),
          CornerAt(grid, column + 1, row + 1), CornerAt(grid, column, row + 1)};
}

bool HasAllValues(const Cell& cell) {
  return std::all_of(cell.begin(), cell.end(),
                     [](const Corner& corner) { return std::isfinite(corner.value); });
}

// Computed from the lower node on, so that both cells at an edge get the same doubles.
Place Crossing(const Corner& a, const Corner& b, double level) {
  if (a.node > b.node) return Crossing(b, a, level);
  const double t = (level - a.value) / (b.value - a.value);
  return {a.place.x + t * (b.place.x - a.place.x), a.place.y + t * (b.place.y - a.place.y)};
}

using EdgeName = std::pair<size_t, size_t>;

struct Segment {
  EdgeName from;
  EdgeName to;
};

}  // namespace

std::optional<double> Interpolate(const Grid& grid, double x, double y) {
  if (!(x >= grid.xs.front() && x <= grid.xs.back() && y >= grid.ys.front() &&
        y <= grid.ys.back())) {
    return std::nullopt;
  }
  const auto cell_of = [](const std::vector<double>& along, double value) {
    const auto after = std::upper_bound(along.begin() + 1, along.end() - 1, value);
    return static_cast<size_t>(after - along.begin()) - 1;
  };
  const size_t column = cell_of(grid.xs, x);
  const size_t row = cell_of(grid.ys, y);
  const Cell cell = CellAt(grid, column, row);
  if (!HasAllValues(cell)) return std::nullopt;
  const double u = (x - grid.xs[column]) / (grid.xs[column + 1] - grid.xs[column]);
  const double v = (y - grid.ys[row]) / (grid.ys[row + 1] - grid.ys[row]);
  return (1 - v) * ((1 - u) * cell[0].value + u * cell[1].value) +
         v * ((1 - u) * cell[3].value + u * cell[2].value);
}

std::vector<Polyline> ContourLines(const Grid& grid, double level) {
  std::map<EdgeName, Place> places;
  std::vector<Segment> segments;
  if (!std::isfinite(level)) return {};
  for (size_t row = 0; row + 1 < grid.ys.size(); ++row) {
    for (size_t column = 0; column + 1 < grid.xs.size(); ++column) {
      const Cell cell = CellAt(grid, column, row);
      if (!HasAllValues(cell)) continue;
      std::vector<EdgeName> crossed;
      for (size_t i = 0; i < 4; ++i) {
        const Corner& a = cell[i];
        const Corner& b = cell[(i + 1) % 4];
        if ((a.value >= level) == (b.value >= level)) continue;
        const EdgeName edge = std::minmax(a.node, b.node);
        places[edge] = Crossing(a, b, level);
        crossed.push_back(edge);
      }
      if (crossed.size() == 2) segments.push_back({crossed[0], crossed[1]});
      if (crossed.size() != 4) continue;
      // A saddle: the mean decides which corners belong together.
      const double mean = (cell[0].value + cell[1].value + cell[2].value + cell[3].value) / 4;
      const size_t shift = (mean >= level) == (cell[0].value >= level) ? 0 : 1;
      segments.push_back({crossed[shift], crossed[shift + 1]});
      segments.push_back({crossed[shift + 2], crossed[(shift + 3) % 4]});
    }
  }

  std::map<EdgeName, std::vector<size_t>> at_edge;
  for (size_t i = 0; i < segments.size(); ++i) {
    at_edge[segments[i].from].push_back(i);
    at_edge[segments[i].to].push_back(i);
  }
  std::vector<bool> is_used(segments.size(), false);
  // The next unused segment at `edge`, taken, as its other end; or `edge` itself at the end.
  const auto step = [&](const EdgeName& edge) {
    for (const size_t i : at_edge[edge]) {
      if (is_used[i]) continue;
      is_used[i] = true;
      return segments[i].from == edge ? segments[i].to : segments[i].from;
    }
    return edge;
  };
  std::vector<Polyline> lines;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (is_used[i]) continue;
    is_used[i] = true;
    std::deque<EdgeName> chain = {segments[i].from, segments[i].to};
    for (EdgeName next = step(chain.back()); next != chain.back(); next = step(chain.back())) {
      chain.push_back(next);
    }
    for (EdgeName next = step(chain.front()); next != chain.front(); next = step(chain.front())) {
      chain.push_front(next);
    }
    Polyline line;
    for (const EdgeName& edge : chain) line.push_back(places[edge]);
    lines.push_back(line);
  }
  return lines;
}

std::vector<Polyline> RegionAbove(const Grid& grid, double level) {
  std::vector<Polyline> polygons;
  for (size_t row = 0; row + 1 < grid.ys.size(); ++row) {
    std::optional<size_t> full_from;  // cells wholly inside are joined along the row
    const auto end_full = [&](size_t column) {
      if (!full_from.has_value()) return;
      const double left = grid.xs[*full_from];
      const double right = grid.xs[column];
      polygons.push_back({{left, grid.ys[row]},
                          {right, grid.ys[row]},
                          {right, grid.ys[row + 1]},
                          {left, grid.ys[row + 1]}});
      full_from.reset();
    };
    for (size_t column = 0; column + 1 < grid.xs.size(); ++column) {
      const Cell cell = CellAt(grid, column, row);
      const bool has_all = HasAllValues(cell);
      Polyline polygon;
      size_t inside = 0;
      for (size_t i = 0; has_all && i < 4; ++i) {
        const Corner& a = cell[i];
        const Corner& b = cell[(i + 1) % 4];
        const bool is_inside = a.value >= level;
        if (is_inside) polygon.push_back(a.place), ++inside;
        if (is_inside != (b.value >= level)) polygon.push_back(Crossing(a, b, level));
      }
      if (inside == 4) {
        if (!full_from.has_value()) full_from = column;
        continue;
      }
      end_full(column);
      if (inside > 0) polygons.push_back(polygon);
    }
    end_full(grid.xs.size() - 1);
  }
  return polygons;
}

}  // namespace rhumb::plot

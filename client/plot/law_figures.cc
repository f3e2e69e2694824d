// SPDX-License-Identifier: Apache-2.0
#include "client/plot/law_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/plot/axis.h"
#include "client/plot/contour.h"

namespace rhumb::plot {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr char kOutside[] = "outside the data";
// Steps along a line of equal compute when looking for where the loss is flat.
constexpr int kFlatSteps = 2000;
// Mark shapes by pattern: 0 dot, 3 diamond, 5 cross.
constexpr int kDiamond = 3;
constexpr int kCross = 5;
constexpr int kVermilion = 1;
constexpr int kPink = 3;

Axis ComputeAxis() {
  return {.label = "training compute",
          .unit = "FLOP",
          .scale = Scale::kLog10,
          .numbers = Numbers::kScientific};
}

Axis LossAxis() { return {.label = "loss", .unit = "nats per token", .scale = Scale::kLog10}; }

Axis ParamAxis() {
  return {.label = "parameters N", .scale = Scale::kLog10, .numbers = Numbers::kSi};
}

Axis TokenAxis() {
  return {.label = "training tokens D", .scale = Scale::kLog10, .numbers = Numbers::kSi};
}

std::string Flops(double flops) {
  return absl::StrCat(FormatTick(Numbers::kScientific, flops, 2), " FLOP");
}

std::string RunLabel(const LawPoint& point) {
  const std::string size = absl::StrCat("N ", FormatTick(Numbers::kSi, point.param_count, 3),
                                        ", D ", FormatTick(Numbers::kSi, point.token_count, 3));
  return point.label.empty() ? size : absl::StrCat(point.label, " (", size, ")");
}

std::string Runs(size_t count) { return absl::StrCat(count, count == 1 ? " run" : " runs"); }

// What lies on both sides of `range`, as shaded ranges.
void ShadeOutside(const Range& range, Direction direction, std::vector<ShadedRange>& shaded) {
  shaded.push_back({direction, -kInfinity, range.low, kOutside});
  shaded.push_back({direction, range.high, kInfinity, kOutside});
}

std::optional<Range> FittedCompute(const LawPicture& picture) {
  if (picture.data_training_flops.has_value()) return picture.data_training_flops;
  std::optional<Range> range;
  for (const LawPoint& point : picture.points) {
    if (point.is_outlier || !IsDrawable(Scale::kLog10, point.training_flops)) continue;
    if (!range.has_value()) range = Range{point.training_flops, point.training_flops};
    range->low = std::min(range->low, point.training_flops);
    range->high = std::max(range->high, point.training_flops);
  }
  return range;
}

struct RunSeries {
  Series fitted;
  Series outliers;
};

// The runs as dots and the outliers as crosses, at x and y as `place` gives them.
template <typename PlaceOf>
RunSeries SplitRuns(const std::vector<LawPoint>& points, const PlaceOf& place_of) {
  RunSeries runs;
  for (const LawPoint& point : points) {
    const std::optional<Place> place = place_of(point);
    if (!place.has_value()) continue;
    Series& series = point.is_outlier ? runs.outliers : runs.fitted;
    series.points.push_back({.x = place->x, .y = place->y, .label = RunLabel(point)});
  }
  runs.fitted.style = SeriesStyle::kDots;
  runs.outliers.style = SeriesStyle::kDots;
  runs.outliers.color = kPink;
  runs.outliers.pattern = kCross;
  runs.fitted.label = absl::StrCat("observed, ", Runs(runs.fitted.points.size()));
  runs.outliers.label = absl::StrCat("not fitted, ", Runs(runs.outliers.points.size()));
  return runs;
}

void AppendRuns(const RunSeries& runs, Figure& figure) {
  if (!runs.fitted.points.empty()) figure.series.push_back(runs.fitted);
  if (!runs.outliers.points.empty()) figure.series.push_back(runs.outliers);
}

// The curve and, under it, the band of the points that have an interval.
void AppendFrontier(const LawPicture& picture, Figure& figure) {
  Series line = {.label = "compute-optimal loss",
                 .style = SeriesStyle::kLine,
                 .color = kVermilion,
                 .pattern = 0};
  Series band = {.label = absl::StrFormat("its %.4g%% interval", 100 * picture.level),
                 .style = SeriesStyle::kBand,
                 .color = kVermilion};
  for (const CurvePoint& point : picture.frontier) {
    line.points.push_back({.x = point.x, .y = point.y});
    if (point.low.has_value() && point.high.has_value()) {
      band.points.push_back({.x = point.x, .y = *point.low, .high = *point.high});
    }
  }
  if (!line.points.empty()) figure.series.push_back(line);
  if (!band.points.empty()) figure.series.push_back(band);
}

// Lines of equal compute from one side of the map to the other.
Series EqualComputeLine(const NdMap& map, double budget) {
  Series line = {.label = "equal compute", .style = SeriesStyle::kLine, .pattern = 1};
  for (const double params : {map.param_counts.front(), map.param_counts.back()}) {
    line.points.push_back({.x = params, .y = budget / (map.flops_per_param_token * params)});
  }
  line.end_label = Flops(budget);
  return line;
}

// Where on the optimum's line of equal compute the loss is within the tolerance: the stretch around
// the optimum, read off the map. Nothing if the map does not reach there.
std::optional<Series> FlatStretch(const NdMap& map, const LawPoint& optimum) {
  Grid grid = {.values = map.losses_nats};
  for (const double params : map.param_counts) grid.xs.push_back(std::log(params));
  for (const double tokens : map.token_counts) grid.ys.push_back(std::log(tokens));
  const double middle = std::log(optimum.param_count);
  const double sum = middle + std::log(optimum.token_count);  // constant along the line
  const double step = (grid.xs.back() - grid.xs.front()) / kFlatSteps;
  const auto is_flat = [&](double x) {
    const std::optional<double> loss = Interpolate(grid, x, sum - x);
    return loss.has_value() && *loss <= optimum.loss_nats + map.tolerance_nats;
  };
  if (!(step > 0) || !is_flat(middle)) return std::nullopt;
  double low = middle;
  double high = middle;
  while (is_flat(low - step)) low -= step;
  while (is_flat(high + step)) high += step;
  Series series = {.label = absl::StrFormat("flat: N %s to %s at equal compute",
                                            FormatTick(Numbers::kSi, std::exp(low), 2),
                                            FormatTick(Numbers::kSi, std::exp(high), 2)),
                   .style = SeriesStyle::kLine,
                   .pattern = 0};
  for (const double x : {low, high}) {
    series.points.push_back({.x = std::exp(x), .y = std::exp(sum - x)});
  }
  return series;
}

bool IsGridDrawable(const NdMap& map) {
  const auto is_drawable = [](double value) { return IsDrawable(Scale::kLog10, value); };
  return map.param_counts.size() > 1 && map.token_counts.size() > 1 &&
         map.losses_nats.size() == map.param_counts.size() * map.token_counts.size() &&
         std::all_of(map.param_counts.begin(), map.param_counts.end(), is_drawable) &&
         std::all_of(map.token_counts.begin(), map.token_counts.end(), is_drawable);
}

}  // namespace

PanelStack LossOverCompute(const LawPicture& picture) {
  PanelStack stack = {.title = picture.law, .subtitle = picture.source};
  Figure main = {.x = ComputeAxis(), .y = LossAxis()};
  const std::optional<Range> fitted = FittedCompute(picture);
  if (fitted.has_value()) ShadeOutside(*fitted, Direction::kX, main.shaded);
  AppendRuns(SplitRuns(picture.points,
                       [](const LawPoint& point) {
                         return std::optional<Place>({point.training_flops, point.loss_nats});
                       }),
             main);
  AppendFrontier(picture, main);
  if (picture.planned_training_flops.has_value()) {
    const double flops = *picture.planned_training_flops;
    main.lines.push_back({Direction::kX, flops, absl::StrCat("planned, ", Flops(flops))});
    if (picture.planned_loss_nats.has_value()) {
      main.marks.push_back({flops, *picture.planned_loss_nats,
                            absl::StrFormat("plan, loss %.3f", *picture.planned_loss_nats)});
    }
  }

  Figure residuals = {.x = main.x, .y = {.label = "residual", .unit = "nats"}};
  RunSeries runs = SplitRuns(picture.points, [](const LawPoint& point) {
    return point.residual_nats.has_value()
               ? std::optional<Place>({point.training_flops, *point.residual_nats})
               : std::nullopt;
  });
  const bool has_residuals = !runs.fitted.points.empty() || !runs.outliers.points.empty();
  // By what was fitted alone: outliers are often so far off that nothing else could be seen.
  double largest = 0;
  for (const Point& point : runs.fitted.points) {
    if (IsDrawable(Scale::kLinear, point.y)) largest = std::max(largest, std::abs(point.y));
  }
  if (largest > 0) residuals.y.range = Range{-1.2 * largest, 1.2 * largest};
  // The upper panel's entries stand for both.
  runs.fitted.label.clear();
  runs.outliers.label.clear();
  AppendRuns(runs, residuals);
  residuals.shaded = main.shaded;
  residuals.lines.push_back({Direction::kY, 0, ""});
  if (picture.planned_training_flops.has_value()) {
    residuals.lines.push_back({Direction::kX, *picture.planned_training_flops, ""});
  }
  stack.panels.push_back({.figure = main, .height_share = 3});
  if (has_residuals) stack.panels.push_back({.figure = residuals, .height_share = 1});
  return stack;
}

Figure IsoFlopCurves(const IsoFlopPicture& picture) {
  Figure figure = {
      .title = picture.law, .subtitle = picture.source, .x = ParamAxis(), .y = LossAxis()};
  figure.y.scale = Scale::kLinear;
  Series minima = {.label = "minimum of each budget",
                   .style = SeriesStyle::kLine,
                   .color = kVermilion,
                   .pattern = 2};
  Series flat = {
      .label = absl::StrFormat("within %.3g nats of the minimum", picture.tolerance_nats),
      .style = SeriesStyle::kInterval,
      .color = kVermilion};
  for (size_t i = 0; i < picture.budgets.size(); ++i) {
    const IsoFlopBudget& budget = picture.budgets[i];
    const double shade =
        picture.budgets.size() == 1
            ? 0.3
            : static_cast<double>(i) / static_cast<double>(picture.budgets.size() - 1);
    Series line = {.label = Flops(budget.training_flops),
                   .style = SeriesStyle::kLine,
                   .pattern = 0,
                   .shade = shade};
    for (const CurvePoint& point : budget.fit) {
      line.points.push_back({.x = point.x, .y = point.y});
    }
    RunSeries runs = SplitRuns(budget.points, [](const LawPoint& point) {
      return std::optional<Place>({point.param_count, point.loss_nats});
    });
    // The cross is kept for outliers.
    const int shape = static_cast<int>(i) % 5 + static_cast<int>(i) / 5 % 2 * 6;
    runs.fitted.label = line.label;
    runs.fitted.shade = shade;
    runs.fitted.pattern = shape;
    runs.outliers.label = "not fitted";
    figure.series.push_back(line);
    AppendRuns(runs, figure);
    if (!budget.optimal_param_count.has_value() || !budget.optimal_loss_nats.has_value()) continue;
    minima.points.push_back({.x = *budget.optimal_param_count, .y = *budget.optimal_loss_nats});
    if (!budget.flat_param_counts.has_value()) continue;
    flat.points.push_back({.x = budget.flat_param_counts->low,
                           .y = *budget.optimal_loss_nats + picture.tolerance_nats,
                           .high = budget.flat_param_counts->high,
                           .label = line.label});
  }
  if (!minima.points.empty()) {
    figure.series.push_back(minima);
    minima.style = SeriesStyle::kDots;
    minima.pattern = kDiamond;
    figure.series.push_back(minima);
  }
  // Under the curves, so that it hides no run.
  if (!flat.points.empty()) figure.series.insert(figure.series.begin(), flat);
  return figure;
}

HeatMap LossOverParamsAndTokens(const NdMap& map) {
  HeatMap heat = {
      .figure = {.title = map.law, .subtitle = map.source, .x = ParamAxis(), .y = TokenAxis()},
      .xs = map.param_counts,
      .ys = map.token_counts,
      .values = map.losses_nats,
      .value = LossAxis()};
  if (!IsGridDrawable(map)) return heat;
  Figure& figure = heat.figure;
  if (map.data_param_counts.has_value()) {
    ShadeOutside(*map.data_param_counts, Direction::kX, figure.shaded);
  }
  if (map.data_token_counts.has_value()) {
    ShadeOutside(*map.data_token_counts, Direction::kY, figure.shaded);
  }
  for (const double budget : map.budgets_flops) {
    figure.series.push_back(EqualComputeLine(map, budget));
  }
  AppendRuns(SplitRuns(map.points,
                       [](const LawPoint& point) {
                         return std::optional<Place>({point.param_count, point.token_count});
                       }),
             figure);
  if (map.optimum.has_value() && std::isfinite(map.optimum->loss_nats)) {
    const LawPoint& optimum = *map.optimum;
    if (const std::optional<Series> flat = FlatStretch(map, optimum); flat.has_value()) {
      figure.series.push_back(*flat);
    }
    figure.marks.push_back(
        {optimum.param_count, optimum.token_count,
         absl::StrFormat("optimum: N %s, D %s, loss %.3f",
                         FormatTick(Numbers::kSi, optimum.param_count, 3),
                         FormatTick(Numbers::kSi, optimum.token_count, 3), optimum.loss_nats)});
    heat.contours.push_back(
        {optimum.loss_nats + map.tolerance_nats,
         absl::StrFormat("loss %.3f (optimum + %.3g)", optimum.loss_nats + map.tolerance_nats,
                         map.tolerance_nats)});
  }
  return heat;
}

}  // namespace rhumb::plot

// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run_picture.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/format.h"
#include "client/cli/report.h"

namespace rhumb::cli {

plot::Figure LossCurveFigure(const v1::CompareRunResponse& comparison, double level) {
  plot::Figure figure;
  const v1::Run& run = comparison.run();
  figure.title = BareName(run.name());
  figure.subtitle = JoinParts({run.title(), BareName(run.plan())}, ", ");
  figure.x = {.label = "tokens", .numbers = plot::Numbers::kSi};
  figure.y = {.label = "loss", .unit = "nats per token"};
  plot::Series band = {.label = absl::StrCat(FormatLevel(level), " of the plan"),
                       .style = plot::SeriesStyle::kBand,
                       .color = 0};
  plot::Series planned = {.label = "planned", .style = plot::SeriesStyle::kLine, .color = 0};
  plot::Series actual = {.label = "actual", .style = plot::SeriesStyle::kLine, .color = 1};
  for (const v1::LossPoint& point : comparison.loss_curve()) {
    const double tokens = static_cast<double>(point.token_count());
    if (point.has_planned_low_nats() && point.has_planned_high_nats()) {
      band.points.push_back(
          {.x = tokens, .y = point.planned_low_nats(), .high = point.planned_high_nats()});
    }
    if (point.has_planned_nats())
      planned.points.push_back({.x = tokens, .y = point.planned_nats()});
    if (point.has_actual_nats()) actual.points.push_back({.x = tokens, .y = point.actual_nats()});
  }
  const v1::RunForecast& forecast = run.forecast();
  if (forecast.has_final_loss_nats() && !comparison.loss_curve().empty()) {
    const v1::LossPoint& end = comparison.loss_curve(comparison.loss_curve_size() - 1);
    figure.marks.push_back({.x = static_cast<double>(end.token_count()),
                            .y = forecast.final_loss_nats(),
                            .label = "forecast"});
  }
  for (plot::Series* series : {&band, &planned, &actual}) {
    if (!series->points.empty()) figure.series.push_back(std::move(*series));
  }
  return figure;
}

}  // namespace rhumb::cli

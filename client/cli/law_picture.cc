// SPDX-License-Identifier: Apache-2.0
#include "client/cli/law_picture.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/format.h"
#include "client/cli/planner_law.h"
#include "client/cli/report.h"
#include "client/config/text_file.h"
#include "client/plot/law_figures.h"
#include "client/plot/svg.h"
#include "client/plot/terminal_plot.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/law_covariance.h"
#include "planner/laws/loss_model.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

using Runs = google::protobuf::RepeatedPtrField<v1::Observation>;

constexpr int kCurvePoints = 120;
constexpr int kMapPoints = 64;
// How far beyond the data a curve goes: as far as plans are asked for.
constexpr double kBeyondData = 100;
// How far beyond the sizes run a parabola goes.
constexpr double kBeyondSizes = 1.2;
constexpr double kMaxTerminalWidth = 120;
constexpr int kTerminalRows = 22;

double FlopsOf(const v1::Observation& run) {
  return run.has_training_flops()
             ? run.training_flops()
             : kTrainingFlopsPerParamToken * run.param_count() * run.token_count();
}

bool IsFitted(const v1::Observation& run, const v1::LawFitOptions& fit) {
  if (fit.has_holdout_above_flops() && FlopsOf(run) > fit.holdout_above_flops()) return false;
  if (fit.has_holdout_above_params() && run.param_count() > fit.holdout_above_params())
    return false;
  return fit.include_mid_schedule() || !run.has_schedule_fraction() || run.schedule_fraction() >= 1;
}

TokenUse UseOf(const v1::Observation& run) {
  TokenUse use;
  use.token_count = run.token_count();
  if (run.has_unique_token_count()) use.unique_token_count = run.unique_token_count();
  return use;
}

std::vector<plot::LawPoint> Points(const Runs& runs, const std::optional<Law>& law,
                                   const v1::LawFitOptions& fit) {
  std::vector<plot::LawPoint> points;
  for (const v1::Observation& run : runs) {
    plot::LawPoint& point = points.emplace_back();
    point.param_count = run.param_count();
    point.token_count = run.token_count();
    point.training_flops = FlopsOf(run);
    point.loss_nats = run.loss_nats();
    point.label =
        JoinParts({run.run(), run.line() > 0 ? absl::StrCat("line ", run.line()) : ""}, ", ");
    point.is_outlier = !IsFitted(run, fit);
    if (law.has_value()) {
      point.residual_nats = run.loss_nats() - PredictLoss(*law, run.param_count(), UseOf(run));
    }
  }
  return points;
}

// Range of `value` over the runs, or what the law says of the runs behind it.
std::optional<plot::Range> RangeOf(const Runs& runs, double (*value)(const v1::Observation&),
                                   const std::optional<double>& low,
                                   const std::optional<double>& high) {
  if (runs.empty()) {
    if (!low.has_value() || !high.has_value()) return std::nullopt;
    return plot::Range{*low, *high};
  }
  plot::Range range = {value(runs[0]), value(runs[0])};
  for (const v1::Observation& run : runs) {
    range.low = std::min(range.low, value(run));
    range.high = std::max(range.high, value(run));
  }
  return range;
}

std::vector<double> LogSpaced(double low, double high, int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) {
    values.push_back(low * std::pow(high / low, static_cast<double>(i) / (count - 1)));
  }
  return values;
}

std::vector<plot::CurvePoint> Frontier(const Law& law, const plot::Range& data, double level) {
  std::vector<plot::CurvePoint> curve;
  for (const double flops : LogSpaced(data.low, data.high * kBeyondData, kCurvePoints)) {
    const FrontierPoint best = OptimumForCompute(law.constants, flops);
    plot::CurvePoint& point = curve.emplace_back();
    point.x = flops;
    point.y = best.loss_nats;
    const std::optional<LossInterval> interval = PredictLossInterval(
        law, best.param_count, {.token_count = best.token_count, .unique_token_count = {}}, level);
    if (interval.has_value()) {
      point.low = interval->low_nats;
      point.high = interval->high_nats;
    }
  }
  return curve;
}

std::string Title(const v1::Law& law) {
  return law.name().empty() ? absl::StrCat(law.family(), " fit") : BareName(law.name());
}

std::string SourceLine(const v1::Law& law) {
  return JoinParts(
      {law.source(), law.dataset(),
       law.name().empty() || law.version() == 0 ? "" : absl::StrCat("version ", law.version())},
      ", ");
}

plot::PanelStack LossPicture(const v1::Law& message, const std::optional<Law>& law,
                             const Runs& runs, const v1::LawFitOptions& fit, double level) {
  plot::LawPicture picture;
  picture.law = Title(message);
  picture.source = SourceLine(message);
  picture.points = Points(runs, law, fit);
  picture.level = level;
  if (law.has_value()) {
    const std::optional<plot::Range> data =
        RangeOf(runs, FlopsOf, law->box.min_training_flops, law->box.max_training_flops);
    // A law whose source states no range is drawn over what models are trained with today.
    picture.frontier = Frontier(*law, data.value_or(plot::Range{1e18, 1e24}), level);
    if (message.has_min_training_flops() && message.has_max_training_flops()) {
      picture.data_training_flops =
          plot::Range{message.min_training_flops(), message.max_training_flops()};
    }
  }
  return plot::LossOverCompute(picture);
}

plot::HeatMap MapPicture(const v1::Law& message, const Law& law, const Runs& runs,
                         const v1::LawFitOptions& fit) {
  plot::NdMap map;
  map.law = Title(message);
  map.source = SourceLine(message);
  map.points = Points(runs, law, fit);
  map.data_param_counts = RangeOf(
      runs, [](const v1::Observation& run) { return run.param_count(); }, law.box.min_param_count,
      law.box.max_param_count);
  map.data_token_counts =
      RangeOf(runs, [](const v1::Observation& run) { return run.token_count(); }, {}, {});
  const plot::Range params = map.data_param_counts.value_or(plot::Range{1e8, 1e11});
  // Where only sizes are known, tokens around the best ones for them.
  const plot::Range tokens = map.data_token_counts.value_or(
      plot::Range{OptimumForParams(law.constants, params.low).token_count,
                  OptimumForParams(law.constants, params.high).token_count});
  map.param_counts = LogSpaced(params.low / 2, params.high * 10, kMapPoints);
  map.token_counts = LogSpaced(tokens.low / 2, tokens.high * 10, kMapPoints);
  for (const double token_count : map.token_counts) {
    for (const double param_count : map.param_counts) {
      map.losses_nats.push_back(
          PredictLoss(law, param_count, {.token_count = token_count, .unique_token_count = {}}));
    }
  }
  // The budget of ten times the largest run: what a plan would ask next.
  const double budget = kTrainingFlopsPerParamToken * params.high * tokens.high;
  const FrontierPoint best = OptimumForCompute(law.constants, budget);
  for (double flops = budget; map.budgets_flops.size() < 4; flops /= 100) {
    map.budgets_flops.insert(map.budgets_flops.begin(), flops);
  }
  map.optimum = plot::LawPoint{.param_count = best.param_count,
                               .token_count = best.token_count,
                               .training_flops = budget,
                               .loss_nats = best.loss_nats};
  return plot::LossOverParamsAndTokens(map);
}

// The parabola over the sizes run and a little beyond: as far as it says something.
std::vector<plot::CurvePoint> Parabola(const v1::LawFitResult::IsoFlopBudget& budget) {
  std::vector<plot::CurvePoint> curve;
  if (!budget.has_curvature_nats() || budget.runs().empty()) return curve;
  const double low = budget.runs(0).param_count();
  const double high = budget.runs(budget.runs_size() - 1).param_count();
  for (const double size : LogSpaced(low / kBeyondSizes, high * kBeyondSizes, kCurvePoints)) {
    const double x = std::log(size / budget.best_param_count());
    curve.push_back({.x = size, .y = budget.best_loss_nats() + budget.curvature_nats() * x * x});
  }
  return curve;
}

plot::Figure IsoFlopPicture(const v1::LawFitResult& fit, const std::string& source) {
  plot::IsoFlopPicture picture;
  picture.law = "isoFLOP curves";
  const v1::LawFitResult::OptimalExponents& best = fit.optimal_exponents();
  picture.source = JoinParts(
      {source, best.has_a()
                   ? absl::StrFormat("best N = %.3g C^%.3f", best.params_coefficient(), best.a())
                   : ""},
      ", ");
  int64_t hidden = 0;
  for (const v1::LawFitResult::IsoFlopBudget& from : fit.isoflop_budgets()) {
    // Compute that scatters makes many budgets of a run or two, each with its place in the legend.
    if (!from.has_curvature_nats()) {
      ++hidden;
      continue;
    }
    plot::IsoFlopBudget& budget = picture.budgets.emplace_back();
    budget.training_flops = from.training_flops();
    for (const v1::LawFitResult::IsoFlopBudget::Run& run : from.runs()) {
      budget.points.push_back(
          {.param_count = run.param_count(),
           .token_count = from.training_flops() / (kTrainingFlopsPerParamToken * run.param_count()),
           .training_flops = from.training_flops(),
           .loss_nats = run.loss_nats(),
           .label = run.line() > 0 ? absl::StrCat("line ", run.line()) : std::string(),
           .is_outlier = !from.used()});
    }
    budget.fit = Parabola(from);
    if (!from.used()) continue;
    budget.optimal_param_count = from.best_param_count();
    budget.optimal_loss_nats = from.best_loss_nats();
    const double half_width = std::sqrt(picture.tolerance_nats / from.curvature_nats());
    budget.flat_param_counts = plot::Range{from.best_param_count() * std::exp(-half_width),
                                           from.best_param_count() * std::exp(half_width)};
  }
  plot::Figure figure = plot::IsoFlopCurves(picture);
  if (hidden > 0) {
    figure.notes.push_back(absl::StrCat(Counted(hidden, "budget"), " without a minimum not shown"));
  }
  return figure;
}

template <typename Picture>
absl::Status Draw(const Picture& picture, const PictureOptions& options, Context& context) {
  if (options.braille.has_value()) {
    plot::TerminalOptions terminal;
    terminal.width =
        static_cast<int>(std::min<double>(context.out_terminal.width, kMaxTerminalWidth));
    terminal.height = kTerminalRows;
    terminal.charset = *options.braille ? plot::Charset::kBraille : plot::Charset::kAscii;
    terminal.color = context.out_terminal.color;
    *context.out << "\n" << plot::RenderTerminal(picture, terminal);
  }
  if (options.svg_file.empty()) return absl::OkStatus();
  std::ofstream file(options.svg_file, std::ios::binary | std::ios::trunc);
  file << plot::RenderSvg(picture, plot::SvgOptions());
  file.close();
  if (!file) {
    return absl::FailedPreconditionError(absl::StrCat("cannot write ", options.svg_file));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<Flag> PictureFlags() {
  constexpr char kPicture[] = "Picture";
  return {{.name = "plot",
           .kind = FlagKind::kChoice,
           .placeholder = "HOW",
           .help = "draw the law and its runs under the answer",
           .group = kPicture,
           .choices = {"braille", "ascii", "none"}},
          {.name = "svg",
           .kind = FlagKind::kFile,
           .placeholder = "FILE",
           .help = "write the picture to a file",
           .group = kPicture,
           .completion = Completion::kFile},
          {.name = "picture",
           .kind = FlagKind::kChoice,
           .placeholder = "WHAT",
           .help = "loss over compute with residuals (default), or the map of N and D",
           .group = kPicture,
           .choices = {"loss", "map"}}};
}

absl::StatusOr<PictureOptions> ReadPictureFlags(const Invocation& invocation) {
  PictureOptions options;
  const std::string how = invocation.Value("plot", "none");
  if (how != "none") options.braille = how == "braille";
  options.svg_file = invocation.Value("svg");
  if (invocation.Value("picture") == "map") options.kind = PictureKind::kMap;
  const std::string output = invocation.Value("output", invocation.Has("json") ? "json" : "table");
  const bool is_table = output == "table" || output == "wide";
  if (options.braille.has_value() && (!is_table || invocation.Has("parsable"))) {
    return absl::InvalidArgumentError(
        "--plot draws under a table; with another output write a file with --svg");
  }
  if (invocation.Has("picture") && !options.IsAsked()) {
    return absl::InvalidArgumentError("--picture needs --plot or --svg");
  }
  if (!options.svg_file.empty()) {
    const absl::Status writable = CheckWritable(options.svg_file);
    if (!writable.ok())
      return absl::InvalidArgumentError(absl::StrCat("--svg: ", writable.message()));
  }
  return options;
}

absl::Status DrawLaw(const v1::Law& message, const Runs& runs, const v1::LawFitOptions& fit,
                     const PictureOptions& options, Context& context) {
  if (!options.IsAsked()) return absl::OkStatus();
  const std::optional<Law> law = PlannerLaw(message);
  if (!law.has_value() && (runs.empty() || options.kind == PictureKind::kMap)) {
    return absl::FailedPreconditionError(
        absl::StrCat(Title(message), " is no law of N and D: there is nothing to draw"));
  }
  if (options.kind == PictureKind::kMap) {
    return Draw(MapPicture(message, *law, runs, fit), options, context);
  }
  return Draw(LossPicture(message, law, runs, fit, options.level), options, context);
}

bool HasIsoFlopCurves(const v1::LawFitResult& fit) {
  return std::any_of(fit.isoflop_budgets().begin(), fit.isoflop_budgets().end(),
                     [](const auto& budget) { return budget.has_curvature_nats(); });
}

absl::Status DrawIsoFlop(const v1::LawFitResult& fit, const std::string& source,
                         const PictureOptions& options, Context& context) {
  if (!options.IsAsked()) return absl::OkStatus();
  return Draw(IsoFlopPicture(fit, source), options, context);
}

}  // namespace rhumb::cli

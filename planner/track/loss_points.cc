// SPDX-License-Identifier: Apache-2.0
#include "planner/track/loss_points.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

namespace rhumb {
namespace {

constexpr double kNormalByMad = 1.4826;  // deviation of a normal over its median absolute deviation
constexpr double kSpikeDeviations = 5;
constexpr size_t kLeastForScatter = 4;  // samples of a point that show noise around a line
constexpr double kMostCorrelation = 0.95;
constexpr double kLeastRelativeStd = 1e-5;  // of a point: losses are printed with about five digits

struct Loss {
  double token_count = 0;
  double loss_nats = 0;
};

double MedianOf(std::vector<double> values) {
  const size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + middle, values.end());
  return values[middle];
}

bool Usable(const std::optional<double>& loss) {
  return loss.has_value() && std::isfinite(*loss) && *loss > 0;
}

std::vector<Loss> LossesOf(const std::vector<RunSample>& samples, double first_token_count,
                           bool validation) {
  std::vector<Loss> losses;
  for (const RunSample& sample : samples) {
    const std::optional<double>& loss = validation ? sample.validation_loss_nats : sample.loss_nats;
    const double tokens = static_cast<double>(sample.token_count);
    if (Usable(loss) && tokens > 0 && tokens >= first_token_count) {
      losses.push_back({tokens, *loss});
    }
  }
  return losses;
}

// Hampel's filter: a sample against the median of its neighbourhood, in deviations of that.
std::vector<Loss> WithoutSpikes(const std::vector<Loss>& losses) {
  const size_t half = std::clamp<size_t>(losses.size() / 50, 3, 10);
  if (losses.size() < 2 * half + 1) return losses;
  std::vector<Loss> kept;
  std::vector<double> window(2 * half + 1), distances(2 * half + 1);
  for (size_t i = 0; i < losses.size(); ++i) {
    const size_t begin = std::min(i < half ? 0 : i - half, losses.size() - window.size());
    for (size_t k = 0; k < window.size(); ++k) window[k] = losses[begin + k].loss_nats;
    const double median = MedianOf(window);
    for (size_t k = 0; k < window.size(); ++k) distances[k] = std::abs(window[k] - median);
    const double spread = std::max(kNormalByMad * MedianOf(distances), kLeastRelativeStd * median);
    if (std::abs(losses[i].loss_nats - median) <= kSpikeDeviations * spread) {
      kept.push_back(losses[i]);
    }
  }
  return kept;
}

// [begin, end) of the samples of each point.
struct Span {
  size_t begin = 0, end = 0;
};

std::vector<Span> Divide(const std::vector<Loss>& losses, int most) {
  const double last = losses.back().token_count;
  const double log_range = std::max(std::log(last / losses.front().token_count), 1e-9);
  const double first_share = losses.front().token_count / last;
  // From 0 to 1: half of it goes by ln(tokens) and half by tokens.
  const auto place = [&](const Loss& loss) {
    const double share = loss.token_count / last;
    return (1 + std::log(share) / log_range +
            (share - first_share) / std::max(1 - first_share, 1e-9)) /
           2;
  };
  std::vector<Span> spans;
  int cell = -1;
  for (size_t i = 0; i < losses.size(); ++i) {
    const int next = std::min(most - 1, static_cast<int>(place(losses[i]) * most));
    if (next != cell) spans.push_back({i, i});
    spans.back().end = i + 1;
    cell = next;
  }
  return spans;
}

// What scatters around a line through the samples of each point.
struct Scatter {
  double squares = 0, lagged = 0, degrees = 0, samples = 0, points = 0;
};

void AddScatter(const std::vector<Loss>& losses, const Span& span, Scatter& scatter) {
  const size_t count = span.end - span.begin;
  if (count < kLeastForScatter) return;
  const double n = static_cast<double>(count);
  double x_mean = 0, y_mean = 0, xx = 0, xy = 0;
  for (size_t i = span.begin; i < span.end; ++i) {
    x_mean += losses[i].token_count / n;
    y_mean += losses[i].loss_nats / n;
  }
  for (size_t i = span.begin; i < span.end; ++i) {
    const double x = losses[i].token_count - x_mean;
    xx += x * x;
    xy += x * (losses[i].loss_nats - y_mean);
  }
  const double slope = xy / xx;
  double before = 0;
  for (size_t i = span.begin; i < span.end; ++i) {
    const double rest = losses[i].loss_nats - y_mean - slope * (losses[i].token_count - x_mean);
    scatter.squares += rest * rest;
    if (i > span.begin) scatter.lagged += rest * before;
    before = rest;
  }
  scatter.degrees += n - 2;
  scatter.samples += n;
  scatter.points += 1;
}

// Robust deviation of points from the line between their neighbours.
double DeviationFromNeighbours(const std::vector<LossPoint>& points) {
  std::vector<double> distances;
  for (size_t i = 1; i + 1 < points.size(); ++i) {
    const LossPoint &a = points[i - 1], &b = points[i], &c = points[i + 1];
    const double share = (b.token_count - a.token_count) / (c.token_count - a.token_count);
    const double rest = b.loss_nats - (1 - share) * a.loss_nats - share * c.loss_nats;
    const double variance = 1 + share * share + (1 - share) * (1 - share);
    distances.push_back(std::abs(rest) / std::sqrt(variance));
  }
  if (distances.empty()) return 0;
  return kNormalByMad * MedianOf(distances);
}

}  // namespace

std::vector<RunSample> LastingSamples(const std::vector<RunSample>& samples) {
  std::vector<RunSample> ordered = samples;
  std::stable_sort(ordered.begin(), ordered.end(), [](const RunSample& a, const RunSample& b) {
    return a.attempt != b.attempt ? a.attempt < b.attempt : a.step < b.step;
  });
  std::vector<RunSample> lasting;
  for (const RunSample& sample : ordered) {
    while (!lasting.empty() && lasting.back().token_count >= sample.token_count) {
      lasting.pop_back();
    }
    lasting.push_back(sample);
  }
  return lasting;
}

LossPoints ReduceLosses(const std::vector<RunSample>& samples, double first_token_count, int most) {
  LossPoints reduced;
  std::vector<Loss> losses = LossesOf(samples, first_token_count, /*validation=*/false);
  if (losses.empty()) {
    losses = LossesOf(samples, first_token_count, /*validation=*/true);
    reduced.is_validation = !losses.empty();
  }
  if (losses.empty()) return reduced;
  const size_t all = losses.size();
  losses = WithoutSpikes(losses);
  reduced.used_count = static_cast<int64_t>(losses.size());
  reduced.spike_count = static_cast<int64_t>(all - losses.size());

  const std::vector<Span> spans = Divide(losses, most);
  Scatter scatter;
  for (const Span& span : spans) {
    const double n = static_cast<double>(span.end - span.begin);
    LossPoint point;
    for (size_t i = span.begin; i < span.end; ++i) {
      point.token_count += losses[i].token_count / n;
      point.loss_nats += losses[i].loss_nats / n;
    }
    reduced.points.push_back(point);
    AddScatter(losses, span, scatter);
  }
  reduced.noise_is_measured = scatter.points >= 3;
  if (reduced.noise_is_measured) {
    reduced.sample_std_nats = std::sqrt(scatter.squares / scatter.degrees);
    const double raw = scatter.squares > 0 ? scatter.lagged / scatter.squares : 0;
    // A line through n values takes about (1 + 4 rho) / n off their correlation (Kendall 1954).
    const double n = scatter.samples / scatter.points;
    reduced.correlation = std::clamp(raw + (1 + 4 * raw) / n, 0.0, kMostCorrelation);
  } else {
    reduced.sample_std_nats = DeviationFromNeighbours(reduced.points);
  }
  // Variance of a mean of correlated values: n / ((1 + rho) / (1 - rho)) of them are worth one
  // each.
  const double alike = (1 + reduced.correlation) / (1 - reduced.correlation);
  for (size_t k = 0; k < spans.size(); ++k) {
    const double n = static_cast<double>(spans[k].end - spans[k].begin);
    LossPoint& point = reduced.points[k];
    point.std_nats = std::max(reduced.sample_std_nats * std::min(1.0, std::sqrt(alike / n)),
                              kLeastRelativeStd * point.loss_nats);
  }
  return reduced;
}

}  // namespace rhumb

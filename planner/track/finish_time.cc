// SPDX-License-Identifier: Apache-2.0
#include "planner/track/finish_time.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "planner/laws/loss_model.h"
#include "planner/track/median.h"
#include "planner/track/pace.h"

namespace rhumb {
namespace {

constexpr size_t kLeastPaces = 4;
constexpr size_t kLeastOfAttempt = 10;  // fewer do not show how the pace drifts
constexpr size_t kMostBlocks = 8;
constexpr size_t kNeighbours = 10;  // so near that they go at one pace
constexpr double kStallFactor = 4;  // of the median: a step this slow is a stall, not a pace

struct Stretch {
  double seconds = 0, tokens = 0;
  int64_t attempt = 0;
};

// What came on top of a steady pace.
struct Delays {
  double count = 0, seconds = 0, squares = 0;

  void Add(double each) {
    ++count;
    seconds += each;
    squares += each * each;
  }
};

struct History {
  std::vector<Stretch> stretches;  // between neighbours of an attempt
  Delays delays;                   // between attempts: their gap, and what was done anew
  double gap_seconds = 0;          // between attempts
  double busy_seconds = 0;         // in attempts
};

double MedianPace(const std::vector<Stretch>& stretches) {
  std::vector<double> paces;
  for (const Stretch& stretch : stretches) paces.push_back(stretch.seconds / stretch.tokens);
  const size_t middle = paces.size() / 2;
  std::nth_element(paces.begin(), paces.begin() + middle, paces.end());
  return paces[middle];
}

History HistoryOf(std::vector<RunSample> samples) {
  std::stable_sort(samples.begin(), samples.end(), [](const RunSample& a, const RunSample& b) {
    return a.attempt != b.attempt ? a.attempt < b.attempt : a.step < b.step;
  });
  History history;
  for (size_t i = 1; i < samples.size(); ++i) {
    const RunSample &a = samples[i - 1], &b = samples[i];
    const double seconds = b.time_seconds - a.time_seconds;
    const double tokens = static_cast<double>(b.token_count - a.token_count);
    if (!(seconds > 0)) continue;
    if (a.attempt != b.attempt) {
      history.gap_seconds += seconds;
      continue;
    }
    history.busy_seconds += seconds;
    if (tokens > 0) history.stretches.push_back({seconds, tokens, a.attempt});
  }
  if (history.stretches.empty()) return history;
  const double pace = MedianPace(history.stretches);
  // A gap and the tokens that the attempt does anew are one delay, less what it got done in it.
  for (size_t i = 1; i < samples.size(); ++i) {
    const RunSample &a = samples[i - 1], &b = samples[i];
    if (a.attempt == b.attempt) continue;
    const double gained = static_cast<double>(b.token_count - a.token_count);
    history.delays.Add(std::max(0.0, b.time_seconds - a.time_seconds - pace * gained));
  }
  return history;
}

// The latest attempt's stretches if it has enough of them, else all.
std::vector<Stretch> Latest(const std::vector<Stretch>& stretches) {
  std::vector<Stretch> latest;
  for (const Stretch& stretch : stretches) {
    if (stretch.attempt == stretches.back().attempt) latest.push_back(stretch);
  }
  return latest.size() >= kLeastOfAttempt ? latest : stretches;
}

struct Pace {
  double seconds_per_token = 0;
  double log_std = 0;  // of the mean pace of what is left
  double degrees = 1;  // Student's
};

// Paces of up to eight blocks of neighbours: how far they scatter is how far what is left may be
// off, slow drifts included; it does not average out over what is left.
Pace PaceOf(const std::vector<Stretch>& steady) {
  double all_seconds = 0, all_tokens = 0;
  for (const Stretch& stretch : steady) {
    all_seconds += stretch.seconds;
    all_tokens += stretch.tokens;
  }
  Pace pace = {.seconds_per_token = all_seconds / all_tokens};
  const size_t blocks = std::min(kMostBlocks, steady.size());
  double squares = 0;
  for (size_t k = 0; k < blocks; ++k) {
    const std::vector<Stretch> block(steady.begin() + k * steady.size() / blocks,
                                     steady.begin() + (k + 1) * steady.size() / blocks);
    double seconds = 0, tokens = 0;
    for (const Stretch& stretch : block) {
      seconds += stretch.seconds;
      tokens += stretch.tokens;
    }
    const double off = std::log(seconds / tokens / pace.seconds_per_token);
    squares += off * off;
  }
  pace.degrees = static_cast<double>(blocks) - 1;
  pace.log_std = std::sqrt(squares / pace.degrees * (1 + 1.0 / static_cast<double>(blocks)));
  return pace;
}

std::vector<RunSample> Since(const std::vector<RunSample>& samples, double since_seconds) {
  std::vector<RunSample> later;
  for (const RunSample& sample : samples) {
    if (sample.time_seconds >= since_seconds) later.push_back(sample);
  }
  return later;
}

// Mean over median of neighbours, however the pace went: what pauses and slow steps come to.
double MeanOverMedian(const std::vector<Stretch>& steady) {
  double seconds = 0, median_seconds = 0;
  for (size_t end = steady.size(); end > 0;) {
    const size_t begin = end - std::min(end, kNeighbours);
    const std::vector<Stretch> block(steady.begin() + begin, steady.begin() + end);
    const double median = MedianPace(block);
    for (const Stretch& stretch : block) {
      seconds += stretch.seconds;
      median_seconds += median * stretch.tokens;
    }
    end = begin;
  }
  return seconds / median_seconds;
}

double MedianTokens(const std::vector<Stretch>& stretches) {
  std::vector<double> tokens;
  for (const Stretch& stretch : stretches) tokens.push_back(stretch.tokens);
  return Median(tokens);
}

// Those of single samples that would be no stall in a stretch of `tokens` at the `usual` pace: what
// is one there is counted as a delay, and a pause that is shorter is part of the pace.
std::vector<Stretch> WithoutStalls(const std::vector<Stretch>& single, double usual,
                                   double tokens) {
  std::vector<Stretch> steady;
  for (const Stretch& stretch : single) {
    if (stretch.seconds <= kStallFactor * usual * std::max(stretch.tokens, tokens)) {
      steady.push_back(stretch);
    }
  }
  return steady;
}

// Median seconds a token of the newest stretches; nullopt of too few.
std::optional<double> RecentPace(const std::vector<Stretch>& stretches) {
  std::vector<double> paces;
  for (const Stretch& stretch : stretches) {
    if (stretch.attempt != stretches.back().attempt) continue;
    paces.push_back(stretch.seconds / stretch.tokens);
  }
  return RecentMedian(paces);
}

FinishForecast FromPlan(const PaceInForce& pace, double now, double tokens_left, double level) {
  FinishForecast forecast;
  const double left = *pace.planned_seconds_per_token * tokens_left;
  const double spread = std::exp(StandardNormalQuantile((1 + level) / 2) * pace.planned_log_std);
  forecast.seconds_left = ForecastRange{left, left / spread, left * spread};
  forecast.finish_seconds = ForecastRange{now + left, now + left / spread, now + left * spread};
  forecast.source = "the pace of the plan in force, under which too little was told yet";
  return forecast;
}

}  // namespace

FinishForecast ForecastFinish(const std::vector<RunSample>& samples, double tokens_left,
                              double level, const std::vector<RunSample>& newest,
                              const PaceInForce& in_force) {
  FinishForecast forecast;
  if (samples.empty()) return {.source = "no sample yet"};
  double now = samples.front().time_seconds;
  for (const RunSample& sample : samples) now = std::max(now, sample.time_seconds);
  if (!(tokens_left > 0)) {
    forecast.seconds_left = ForecastRange{};
    forecast.finish_seconds = ForecastRange{now, now, now};
    forecast.gpu_hours_factor = ForecastRange{1, 1, 1};
    forecast.source = "all tokens are done";
    return forecast;
  }
  History history = HistoryOf(Since(samples, in_force.since_seconds));
  if (history.stretches.size() < kLeastPaces) {
    if (in_force.planned_seconds_per_token.has_value()) {
      return FromPlan(in_force, now, tokens_left, level);
    }
    return {.source =
                absl::StrCat(history.stretches.size(), " times between samples of one attempt; ",
                             kLeastPaces, " are needed")};
  }
  std::vector<Stretch> steady;
  double stalled_seconds = 0;
  const double usual = MedianPace(history.stretches);
  for (const Stretch& stretch : history.stretches) {
    const double excess = stretch.seconds - usual * stretch.tokens;
    if (stretch.seconds > kStallFactor * usual * stretch.tokens) {
      history.delays.Add(excess);
      stalled_seconds += excess;
    } else {
      steady.push_back(stretch);
    }
  }
  const std::vector<Stretch> latest = Latest(steady);
  Pace pace = PaceOf(latest);
  const std::vector<Stretch> single =
      WithoutStalls(HistoryOf(Since(newest, in_force.since_seconds)).stretches, usual,
                    MedianTokens(history.stretches));
  if (const std::optional<double> recent = RecentPace(single)) {
    pace.seconds_per_token = *recent * MeanOverMedian(single);
  } else if (const std::optional<double> coarse = RecentPace(latest)) {
    pace.seconds_per_token = *coarse * MeanOverMedian(latest);
  }
  const double steady_left = pace.seconds_per_token * tokens_left;
  // Delays to come are a compound Poisson sum. What was seen is one such sum, with the variance
  // sum of squares (half a delay more for the rate: Jeffreys' prior); what is left is another.
  const double clear_seconds =
      std::max(history.busy_seconds + history.gap_seconds - history.delays.seconds, 1e-9);
  const double share = steady_left / clear_seconds;
  const double seen = history.delays.count;
  double delay = 0, delay_std = 0;
  if (seen > 0) {
    delay = share * history.delays.seconds;
    delay_std = std::sqrt(history.delays.squares * (share + share * share * (seen + 0.5) / seen));
  }
  const double q = StudentQuantile((1 + level) / 2, pace.degrees);
  // Their variance is known from as many delays as were seen.
  const double z = StudentQuantile((1 + level) / 2, std::max(1.0, seen));
  const double expected = steady_left + delay;
  const double below =
      std::hypot(steady_left * -std::expm1(-q * pace.log_std), std::min(delay, z * delay_std));
  const double above = std::hypot(steady_left * std::expm1(q * pace.log_std), z * delay_std);
  const ForecastRange left = {expected, expected - below, expected + above};
  forecast.seconds_left = left;
  forecast.finish_seconds = ForecastRange{now + left.expected, now + left.low, now + left.high};
  // Of what is left the same share is spent in attempts as so far.
  const double held = history.busy_seconds / (history.busy_seconds + history.gap_seconds);
  const auto factor = [&](double seconds) { return 1 + held * seconds / history.busy_seconds; };
  forecast.gpu_hours_factor =
      ForecastRange{factor(left.expected), factor(left.low), factor(left.high)};
  forecast.source =
      absl::StrCat("pace of ", steady.size(), " times between samples, ", seen, " delays seen");
  return forecast;
}

}  // namespace rhumb

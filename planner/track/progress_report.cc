// SPDX-License-Identifier: Apache-2.0
#include "planner/track/progress_report.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/track/median.h"
#include "planner/track/not_finite.h"
#include "planner/track/pace.h"

namespace rhumb {
namespace {

// As many samples as a "current" value rests on.
constexpr size_t kRecent = 5;
constexpr double kWorthSayingFraction = 0.02;

Measured MedianOf(const std::vector<double>& values, const std::string& what) {
  if (values.empty()) return {};
  return {Median(values), absl::StrCat("median of ", values.size(),
                                       values.size() == 1 ? " sample" : " samples", what)};
}

// What the newest say where that is something else.
std::string RecentWords(const std::vector<double>& values, const char* unit) {
  const std::optional<double> recent = RecentMedian(values);
  if (!recent.has_value() || values.size() <= kMostPaceSamples) return "";
  if (std::abs(*recent / Median(values) - 1) < kWorthSayingFraction) return "";
  return absl::StrFormat("; of the newest %d it is %.4g%s", kMostPaceSamples, *recent, unit);
}

// Whether `i` begins an attempt that has more samples.
bool IsWarmUp(const std::vector<RunSample>& samples, size_t i) {
  const bool first = i == 0 || samples[i - 1].attempt != samples[i].attempt;
  return first && i + 1 < samples.size() && samples[i + 1].attempt == samples[i].attempt;
}

std::vector<double> Reported(
    const std::vector<RunSample>& samples,
    const std::function<std::optional<double>(const RunSample&)>& value_of) {
  std::vector<double> values;
  for (size_t i = 0; i < samples.size(); ++i) {
    const std::optional<double> value = value_of(samples[i]);
    if (value.has_value() && !IsWarmUp(samples, i)) values.push_back(*value);
  }
  return values;
}

// Rates between neighbours of one attempt: change of time by `count_of`, or its inverse.
std::vector<double> SecondsBetween(const std::vector<RunSample>& samples) {
  std::vector<double> values;
  for (size_t i = 1; i < samples.size(); ++i) {
    const RunSample& a = samples[i - 1];
    const RunSample& b = samples[i];
    if (a.attempt != b.attempt || b.step <= a.step || b.time_seconds <= a.time_seconds) continue;
    values.push_back((b.time_seconds - a.time_seconds) / static_cast<double>(b.step - a.step));
  }
  return values;
}

std::vector<double> TokensOfSteps(const std::vector<RunSample>& samples) {
  std::vector<double> values;
  for (size_t i = 1; i < samples.size(); ++i) {
    const RunSample& a = samples[i - 1];
    const RunSample& b = samples[i];
    if (a.attempt != b.attempt || b.step <= a.step || b.token_count <= a.token_count) continue;
    values.push_back(static_cast<double>(b.token_count - a.token_count) /
                     static_cast<double>(b.step - a.step));
  }
  return values;
}

Measured StepSeconds(const std::vector<RunSample>& samples) {
  const std::vector<double> told =
      Reported(samples, [](const RunSample& sample) { return sample.step_seconds; });
  if (!told.empty()) return MedianOf(told, RecentWords(told, " s"));
  return MedianOf(SecondsBetween(samples), ", by the time between them");
}

Measured TokensPerSecond(const std::vector<RunSample>& samples, const Measured& step_seconds) {
  const std::vector<double> told =
      Reported(samples, [](const RunSample& sample) { return sample.tokens_per_second; });
  if (!told.empty()) return MedianOf(told, "");
  const std::vector<double> of_steps = TokensOfSteps(samples);
  if (of_steps.empty() || !step_seconds.value.has_value() || !(*step_seconds.value > 0)) return {};
  return {Median(of_steps) / *step_seconds.value, "tokens of a step by step_seconds"};
}

// The last of those that say it, newest last.
std::vector<const RunSample*> LastWith(const std::vector<RunSample>& samples,
                                       const std::function<bool(const RunSample&)>& has) {
  std::vector<const RunSample*> last;
  for (size_t i = samples.size(); i-- > 0 && last.size() < kRecent;) {
    if (has(samples[i])) last.push_back(&samples[i]);
  }
  std::reverse(last.begin(), last.end());
  return last;
}

void MeasureLoss(const std::vector<RunSample>& samples, const std::vector<RunSample>& newest,
                 MeasuredProgress& measured) {
  for (const std::vector<RunSample>* each : {&samples, &newest}) {
    const std::optional<std::string> why = WhyNoLossAtEnd(*each);
    if (!why.has_value()) continue;
    measured.loss_nats.source = *why;
    return;
  }
  std::vector<double> losses, tokens;
  for (const RunSample* sample :
       LastWith(samples, [](const RunSample& each) { return each.loss_nats.has_value(); })) {
    losses.push_back(*sample->loss_nats);
    tokens.push_back(static_cast<double>(sample->token_count));
  }
  if (losses.empty()) return;
  measured.loss_nats = MedianOf(losses, " at the end");
  measured.loss_token_count = Median(tokens);
}

void AddComparison(const std::string& quantity, const std::optional<double>& planned,
                   const Measured& measured, std::vector<RunComparison>& all) {
  if (!planned.has_value() && !measured.value.has_value()) return;
  RunComparison comparison = {.quantity = quantity, .planned = planned, .actual = measured.value};
  if (measured.value.has_value()) {
    comparison.source = measured.source;
    if (planned.has_value() && *planned > 0) comparison.ratio = *measured.value / *planned;
  }
  all.push_back(comparison);
}

}  // namespace

MeasuredProgress Measure(const std::vector<RunSample>& samples,
                         const std::vector<RunSample>& newest) {
  MeasuredProgress measured;
  if (samples.empty()) return measured;
  measured.step = samples.back().step;
  measured.token_count = samples.back().token_count;
  measured.step_seconds = StepSeconds(samples);
  measured.tokens_per_second = TokensPerSecond(samples, measured.step_seconds);
  int64_t peak = 0;
  for (const RunSample& sample : samples)
    peak = std::max(peak, sample.peak_memory_bytes.value_or(0));
  if (peak > 0) measured.peak_memory_bytes = {static_cast<double>(peak), "highest of the samples"};
  MeasureLoss(samples, newest, measured);
  std::vector<double> noise;
  for (const RunSample* sample : LastWith(
           samples, [](const RunSample& each) { return each.noise_scale_tokens.has_value(); })) {
    noise.push_back(*sample->noise_scale_tokens);
  }
  measured.noise_scale_tokens = MedianOf(noise, " at the end");
  return measured;
}

std::vector<RunComparison> CompareProgress(const PlannedProgress& planned,
                                           const MeasuredProgress& measured) {
  std::vector<RunComparison> all;
  Measured tokens;
  if (measured.token_count > 0) {
    tokens = {static_cast<double>(measured.token_count), "last sample"};
  }
  AddComparison("token_count", planned.token_count, tokens, all);
  AddComparison("loss_nats", planned.loss_nats, measured.loss_nats, all);
  AddComparison("step_seconds", planned.step_seconds, measured.step_seconds, all);
  AddComparison("tokens_per_second", planned.tokens_per_second, measured.tokens_per_second, all);
  Measured mfu;
  if (planned.mfu.has_value() && planned.tokens_per_second.value_or(0) > 0 &&
      measured.tokens_per_second.value.has_value() && planned.run_gpu_count != 0) {
    const bool other_gpus =
        planned.gpu_count.value_or(0) > 0 && planned.run_gpu_count.value_or(0) > 0;
    const double gpu_ratio = other_gpus ? *planned.run_gpu_count / *planned.gpu_count : 1;
    mfu = {
        *planned.mfu * *measured.tokens_per_second.value / *planned.tokens_per_second / gpu_ratio,
        "the plan's FLOPs of a token, and tokens_per_second"};
  }
  AddComparison("mfu", planned.mfu, mfu, all);
  AddComparison("peak_memory_bytes", planned.peak_memory_bytes, measured.peak_memory_bytes, all);
  // What a plan says of B_crit alone compares with nothing.
  if (measured.noise_scale_tokens.value.has_value()) {
    AddComparison("noise_scale_tokens", planned.critical_batch_tokens, measured.noise_scale_tokens,
                  all);
  }
  return all;
}

}  // namespace rhumb

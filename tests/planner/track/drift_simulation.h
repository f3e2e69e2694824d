// SPDX-License-Identifier: Apache-2.0
// Runs as they might have been: losses, step times and memory with the noise of healthy runs, and
// faults to be found.
#ifndef RHUMB_TESTS_PLANNER_TRACK_DRIFT_SIMULATION_H_
#define RHUMB_TESTS_PLANNER_TRACK_DRIFT_SIMULATION_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "planner/track/drift.h"
#include "planner/track/run_sample.h"

namespace rhumb {

// How a healthy run scatters. Each draws other traits, so that no one law of noise is tuned to.
struct SimulatedRun {
  int64_t sample_count = 1000;
  double final_loss = 2.5, loss_fall = 6, exponent = 0.35;
  double loss_noise = 0.01;         // relative, early; falls off with the loss
  double loss_memory = 0.3;         // of an autoregressive noise of first order
  double loss_student_degrees = 0;  // 0: normal
  double outlier_share = 0.005;     // single losses that are up to two nats off
  double step_seconds = 2, step_noise = 0.02;
  int64_t pause_period = 100;      // every so many a sample has a checkpoint in it
  double straggler_share = 0.003;  // single samples three times as slow
  double day_share = 0;            // slow wave of step time over 2,000 samples
  int64_t restart_at = 0;          // 0: never; goes back by restart_back samples
  int64_t restart_back = 50;
  double memory_bytes = 60e9, memory_jitter = 0;
};

inline SimulatedRun DrawRun(std::mt19937_64& random) {
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  SimulatedRun run;
  run.sample_count = static_cast<int64_t>(std::exp(uniform(std::log(200), std::log(20000))));
  run.final_loss = uniform(1.5, 3.5);
  run.exponent = uniform(0.25, 0.6);
  run.loss_noise = std::exp(uniform(std::log(0.002), std::log(0.03)));
  run.loss_memory = uniform(0, 0.8);
  run.loss_student_degrees = uniform(0, 1) < 0.3 ? 3 : 0;
  run.step_noise = std::exp(uniform(std::log(0.002), std::log(0.05)));
  run.pause_period = static_cast<int64_t>(uniform(20, 500));
  run.day_share = uniform(0, 1) < 0.3 ? 0.01 : 0;
  if (uniform(0, 1) < 0.3) run.restart_at = run.sample_count / 2;
  run.memory_jitter = uniform(0, 1) < 0.5 ? 0 : 0.0003;
  return run;
}

// A fault that begins with sample `at`.
struct Fault {
  int64_t at = -1;  // -1: none
  double slow_factor = 1;
  double loss_jump = 0;  // nats, for jump_samples
  int64_t jump_samples = 20;
  double loss_slope = 0;  // nats a sample, from then on
  double leak_bytes = 0;  // a sample
};

inline std::vector<RunSample> Simulate(const SimulatedRun& run, const Fault& fault,
                                       std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::student_t_distribution<double> student(3);
  std::uniform_real_distribution<double> uniform;
  std::vector<RunSample> samples;
  double noise = 0, peak = 0;
  int64_t attempt = 1, done = 0;
  for (int64_t i = 0; i < run.sample_count; ++i, ++done) {
    if (run.restart_at > 0 && i == run.restart_at) {
      ++attempt;
      done = std::max<int64_t>(0, done - run.restart_back);
      peak = 0;
    }
    RunSample sample;
    sample.attempt = attempt;
    sample.step = (done + 1) * 10;
    sample.token_count = sample.step * 1'000'000;
    sample.time_seconds = static_cast<double>(i) * 20;
    const double progress = static_cast<double>(done + 1);
    const double clean = run.final_loss + run.loss_fall * std::pow(progress, -run.exponent);
    const double shock = run.loss_student_degrees > 0 ? student(random) : normal(random);
    noise = run.loss_memory * noise +
            std::sqrt(1 - run.loss_memory * run.loss_memory) * shock * run.loss_noise;
    double loss = clean * std::exp(noise);
    if (uniform(random) < run.outlier_share) loss += 2 * uniform(random);
    const bool faulty = fault.at >= 0 && i >= fault.at;
    if (faulty && i < fault.at + fault.jump_samples) loss += fault.loss_jump;
    if (faulty) loss += fault.loss_slope * static_cast<double>(i - fault.at);
    sample.loss_nats = loss;

    double seconds = run.step_seconds * std::exp(run.step_noise * normal(random));
    seconds *= 1 + run.day_share * std::sin(static_cast<double>(i) * 6.283 / 2000);
    if (i % run.pause_period == run.pause_period - 1) seconds *= 1.5;
    if (uniform(random) < run.straggler_share) seconds *= 3;
    if (samples.empty() || samples.back().attempt != attempt) seconds *= 20;
    if (faulty) seconds *= fault.slow_factor;
    sample.step_seconds = seconds;

    const double warm = 1 - 0.05 * std::exp(-static_cast<double>(done) / 8);
    double bytes = run.memory_bytes * warm * (1 + run.memory_jitter * normal(random));
    if (faulty) bytes += fault.leak_bytes * static_cast<double>(i - fault.at);
    peak = std::max(peak, bytes);
    sample.peak_memory_bytes = static_cast<int64_t>(run.memory_jitter > 0 ? bytes : peak);
    samples.push_back(sample);
  }
  return samples;
}

// A run without any noise.
inline SimulatedRun Plain(int64_t sample_count) {
  SimulatedRun run;
  run.sample_count = sample_count;
  run.loss_noise = run.step_noise = 1e-4;
  run.outlier_share = run.straggler_share = 0;
  run.pause_period = 1 << 30;
  return run;
}

inline std::vector<RunSample> PlainSamples(int64_t sample_count, const Fault& fault = {}) {
  std::mt19937_64 random(1);
  return Simulate(Plain(sample_count), fault, random);
}

// Of alarms that are raised or end.
inline std::vector<std::string> CodesOf(const std::vector<DriftEvent>& events) {
  std::vector<std::string> codes;
  for (const DriftEvent& event : events) {
    if (event.grown) continue;
    codes.push_back(event.cleared.has_value() ? "end of " + event.alarm.code : event.alarm.code);
  }
  return codes;
}

// As the store rolls samples up: the mean of `count` of one attempt, at the place of the last.
inline std::vector<std::pair<RunSample, int64_t>> RolledUp(const std::vector<RunSample>& samples,
                                                           size_t until, int64_t count) {
  std::vector<std::pair<RunSample, int64_t>> rolled;
  for (size_t i = 0; i < samples.size(); ++i) {
    const bool joins = !rolled.empty() && i < until && rolled.back().second < count &&
                       rolled.back().first.attempt == samples[i].attempt;
    if (!joins) {
      rolled.emplace_back(samples[i], 1);
      continue;
    }
    auto& [mean, size] = rolled.back();
    const double share = 1.0 / static_cast<double>(size + 1);
    RunSample next = samples[i];
    next.loss_nats = *mean.loss_nats + share * (*next.loss_nats - *mean.loss_nats);
    next.step_seconds = *mean.step_seconds + share * (*next.step_seconds - *mean.step_seconds);
    next.peak_memory_bytes = std::max(*mean.peak_memory_bytes, *next.peak_memory_bytes);
    mean = next;
    ++size;
  }
  return rolled;
}

}  // namespace rhumb

#endif  // RHUMB_TESTS_PLANNER_TRACK_DRIFT_SIMULATION_H_

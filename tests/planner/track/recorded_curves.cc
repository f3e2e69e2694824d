// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/track/recorded_curves.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "planner/fit/random.h"
#include "planner/sha256.h"

namespace rhumb {
namespace {

double NumberOf(const std::string& text) {
  double number = 0;
  return absl::SimpleAtod(text, &number) ? number : std::nan("");
}

// One run: power law in the rate's area, annealing, a slow random drift off both.
RecordedCurve Simulate(int index, Random& random) {
  constexpr std::array<ScheduleKind, 4> kKinds = {ScheduleKind::kCosine, ScheduleKind::kLinear,
                                                  ScheduleKind::kWarmupStableDecay,
                                                  ScheduleKind::kConstant};
  const auto between = [&random](double low, double high) {
    return low + (high - low) * random.Uniform();
  };
  RecordedCurve curve;
  curve.name = absl::StrCat("simulated ", index);
  LearningRateSchedule& schedule = curve.schedule;
  schedule.kind = kKinds[static_cast<size_t>(index) % kKinds.size()];
  schedule.warmup_fraction = between(0.002, 0.03);
  schedule.floor_fraction = schedule.kind == ScheduleKind::kCosine ? 0.1 : 0;
  schedule.decay_fraction = between(0.1, 0.3);
  curve.total_token_count = std::pow(10, between(9, 12.5));

  const int count = static_cast<int>(between(300, 2000));
  const double level = between(1.7, 3), data_term = between(0.05, 0.6),
               exponent = between(0.2, 0.7);
  const double annealing = schedule.kind == ScheduleKind::kConstant ? 0 : between(0.03, 0.2);
  const double noise = std::pow(10, between(-3, -1.3)), correlation = between(0, 0.8);
  const double drift_step = between(0.0005, 0.006);
  const double spike_share = between(0, 0.01);
  double wave = 0, drift = 0, spike = 0, before = 1.0 / count;
  for (int i = 1; i <= count; ++i) {
    const double fraction = static_cast<double>(i) / count;
    wave = correlation * wave + noise * std::sqrt(1 - correlation * correlation) * random.Normal();
    drift += drift_step * std::sqrt(std::log(fraction / before)) * random.Normal();
    before = fraction;
    spike = random.Uniform() < spike_share ? between(0.2, 2) : spike * 0.5;
    RunSample sample;
    sample.step = 100 * i;
    sample.token_count = static_cast<int64_t>(fraction * curve.total_token_count);
    sample.time_seconds = 1.8e9 + 60.0 * i;
    const double area = RateArea(schedule, fraction) / RateArea(schedule, 1);
    sample.loss_nats =
        level + data_term * std::pow(area, -exponent) +
        annealing * (AnnealedShare(schedule, 1) - AnnealedShare(schedule, fraction)) + drift +
        wave + spike;
    curve.samples.push_back(sample);
  }
  std::array<double, 5> last;
  for (size_t i = 0; i < last.size(); ++i) {
    last[i] = *curve.samples[curve.samples.size() - 1 - i].loss_nats;
  }
  std::sort(last.begin(), last.end());
  curve.final_loss_nats = last[2];
  return curve;
}

}  // namespace

std::vector<RecordedCurve> ReadRecordedCurves(const std::string& folder) {
  std::ifstream file(folder + "/misfitting_li2025_allckpt.csv");
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> header = absl::StrSplit(line, ',');
  std::map<std::string, RecordedCurve> curves;
  std::set<std::string> mixed;
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    std::map<std::string, std::string> row;
    for (size_t i = 0; i < std::min(cells.size(), header.size()); ++i) row[header[i]] = cells[i];
    const std::string name =
        absl::StrCat(row["model"], "|", row["sweep"], "|", row["lr_peak"], "|", row["total_steps"]);
    RecordedCurve& curve = curves[name];
    curve.name = name;
    curve.param_count = NumberOf(row["params_nonemb"]);
    curve.total_token_count = NumberOf(row["train_tokens"]);
    // The file does not say; of the shapes here this one fits the chosen half best.
    curve.schedule = {.kind = ScheduleKind::kCosine, .floor_fraction = 0.1};
    RunSample sample;
    sample.step = static_cast<int64_t>(NumberOf(row["current_steps"]));
    sample.token_count = static_cast<int64_t>(NumberOf(row["tokens"]));
    sample.time_seconds = 1.8e9 + static_cast<double>(sample.step);
    sample.loss_nats = NumberOf(row["loss_nats"]);
    for (const RunSample& other : curve.samples) {
      if (other.step == sample.step) mixed.insert(name);
    }
    curve.samples.push_back(sample);
  }
  std::vector<RecordedCurve> whole;
  for (auto& [name, curve] : curves) {
    std::sort(curve.samples.begin(), curve.samples.end(),
              [](const RunSample& a, const RunSample& b) { return a.step < b.step; });
    const double last = static_cast<double>(curve.samples.back().token_count);
    if (mixed.count(name) > 0 || last < 0.999 * curve.total_token_count) continue;
    curve.final_loss_nats = *curve.samples.back().loss_nats;
    whole.push_back(curve);
  }
  return whole;
}

bool IsHeldOut(const std::string& name) { return Sha256Hex(name)[0] % 2 == 1; }

std::vector<RecordedCurve> SimulateCurves(int count, uint64_t seed) {
  Random random(seed);
  std::vector<RecordedCurve> curves;
  for (int i = 0; i < count; ++i) curves.push_back(Simulate(i, random));
  return curves;
}

std::vector<RunSample> SamplesUpTo(const RecordedCurve& curve, double fraction) {
  std::vector<RunSample> samples;
  for (const RunSample& sample : curve.samples) {
    if (static_cast<double>(sample.token_count) <=
        fraction * curve.total_token_count * (1 + 1e-9)) {
      samples.push_back(sample);
    }
  }
  return samples;
}

}  // namespace rhumb

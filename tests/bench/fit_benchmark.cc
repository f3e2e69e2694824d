// SPDX-License-Identifier: Apache-2.0
// Fits, bootstraps and the many-start check of one data set, on one core. Run through
// tests/bench/fit_speed, which times a scipy reference on the same rows in the same run.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "planner/fit/bootstrap.h"
#include "planner/fit/forms.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

// Lines of N,D,L in the file that RHUMB_BENCH_ROWS names; 240 synthetic runs without one.
Rows BenchRows() {
  const char* path = std::getenv("RHUMB_BENCH_ROWS");
  if (path == nullptr) return MakeRows(GridRuns(TrueLaw(), 16, 15, 0.005, 1)).value();
  std::ifstream file(path);
  std::vector<Observation> runs;
  for (std::string line; std::getline(file, line);) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream fields(line);
    Observation run;
    if (fields >> run.param_count >> run.token_count >> run.loss_nats) runs.push_back(run);
  }
  return MakeRows(runs).value();
}

// The grid of Hoffmann et al. 2022, D.3: 4,500 points.
std::vector<ParameterVector> CustomaryStarts() {
  std::vector<ParameterVector> starts;
  for (double alpha = 0; alpha <= 2; alpha += 0.5) {
    for (double beta = 0; beta <= 2; beta += 0.5) {
      for (double e = -1; e <= 1; e += 0.5) {
        for (double a = 0; a <= 25; a += 5) {
          for (double b = 0; b <= 25; b += 5) {
            ParameterVector theta(5);
            theta << a, b, e, alpha, beta;
            starts.push_back(theta);
          }
        }
      }
    }
  }
  return starts;
}

void ObjectiveWithDerivatives(benchmark::State& state) {
  const Rows rows = BenchRows();
  const FitResult fit = FitForm(ChinchillaForm(), rows, {}).value();
  const std::unique_ptr<Objective> objective =
      ChinchillaForm().MakeObjective(rows, ResidualKind::kLogLoss);
  objective->SetLoss({1e-3});
  Expansion expansion;
  for (auto _ : state) {
    objective->Expand(fit.theta, expansion);
    benchmark::DoNotOptimize(expansion.value);
  }
}
BENCHMARK(ObjectiveWithDerivatives)->Unit(benchmark::kMicrosecond);

void FitFromDefaultStart(benchmark::State& state) {
  const Rows rows = BenchRows();
  for (auto _ : state) benchmark::DoNotOptimize(FitForm(ChinchillaForm(), rows, {})->objective);
}
BENCHMARK(FitFromDefaultStart)->Unit(benchmark::kMillisecond);

void Bootstrap4000(benchmark::State& state) {
  const Rows rows = BenchRows();
  const FitResult fit = FitForm(ChinchillaForm(), rows, {}).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(BootstrapFit(fit, {}, rows, {.draw_count = 4000})->thetas.sum());
  }
}
BENCHMARK(Bootstrap4000)->Unit(benchmark::kMillisecond);

void FitFrom4500Starts(benchmark::State& state) {
  const Rows rows = BenchRows();
  FitOptions options;
  options.extra_starts = CustomaryStarts();
  const double best = FitForm(ChinchillaForm(), rows, {}).value().objective;
  FitResult many;
  for (auto _ : state) many = FitForm(ChinchillaForm(), rows, options).value();
  // Above 0: some start found a better optimum than the default one did.
  state.counters["default_excess"] = best / many.objective - 1;
  state.counters["minima"] = static_cast<double>(many.minima.size());
  state.counters["reached_best"] = many.descent_counts.front();
  state.counters["failed"] = many.failed_descent_count;
}
BENCHMARK(FitFrom4500Starts)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rhumb

BENCHMARK_MAIN();

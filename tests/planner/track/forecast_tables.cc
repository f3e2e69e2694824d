// SPDX-License-Identifier: Apache-2.0
// Prints how forecasts of the final loss come out on recorded and simulated curves:
// forecast_tables FOLDER [--chosen]. FOLDER holds misfitting_li2025_allckpt.csv; --chosen shows the
// half that constants were chosen on.
#include <cstdio>
#include <string>

#include "tests/planner/track/forecast_backtest.h"

namespace rhumb {
namespace {

void Print(const char* title, const std::vector<BacktestCell>& cells) {
  std::printf(
      "%s\n  at    runs  inside  below  half width  error (mean, median)  last value  prior\n",
      title);
  for (const BacktestCell& cell : cells) {
    std::printf("  %-5s %4d  %5.1f%%  %4.1f%%  %10.4f  %10.4f %9.4f  %10.4f  %.4f\n",
                cell.fraction > 0 ? std::to_string(cell.fraction).substr(0, 4).c_str() : "all",
                cell.count, 100 * cell.coverage(), 100.0 * cell.below / cell.count,
                cell.median_half_width_nats, cell.mean_abs_error_nats, cell.median_abs_error_nats,
                cell.last_value_error_nats, cell.prior_error_nats);
  }
}

std::optional<FinalLossPrior> NoPrior(const RecordedCurve&) { return std::nullopt; }

void PrintAll(const std::string& folder, bool held_out) {
  const std::vector<RecordedCurve> recorded = ReadRecordedCurves(folder);
  if (recorded.empty()) std::printf("no curves in %s\n", folder.c_str());
  std::vector<RecordedCurve> half;
  for (const RecordedCurve& curve : recorded) {
    if (IsHeldOut(curve.name) == held_out) half.push_back(curve);
  }
  if (!half.empty()) {
    const std::map<double, Law> laws = LawsOfOtherSizes(recorded);
    std::printf("%zu whole runs, %zu of this half\n", recorded.size(), half.size());
    Print("recorded, law of other sizes", BacktestForecasts(half, PriorFromOtherSizes(laws), true));
    Print("recorded, no prior", BacktestForecasts(half, NoPrior, true));
    Print("recorded, no prior, schedule unknown", BacktestForecasts(half, NoPrior, false));
    Print(
        "recorded, trajectory band (error of the shape; last value: law(t); prior: distance to "
        "end)",
        BacktestTrajectories(half, laws));
  }
  const std::vector<RecordedCurve> simulated = SimulateCurves(200, held_out ? 20261128 : 1);
  Print("simulated, no prior", BacktestForecasts(simulated, NoPrior, true));
  Print("simulated, no prior, schedule unknown", BacktestForecasts(simulated, NoPrior, false));
}

}  // namespace
}  // namespace rhumb

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: forecast_tables FOLDER [--chosen]\n");
    return 2;
  }
  rhumb::PrintAll(argv[1], !(argc > 2 && std::string(argv[2]) == "--chosen"));
  return 0;
}

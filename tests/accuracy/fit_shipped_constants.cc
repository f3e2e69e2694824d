#include <cstdio>
#include <cstdlib>
#include <string>
#include <chrono>
#include "planner/calibrate/shipped_fit.h"
#include "planner/calibrate/accuracy.h"
#include "tests/accuracy/error_report.h"
int main(int argc, char** argv) {
  std::vector<rhumb::RunGroup> groups;
  for (const std::string& file : rhumb::accuracy::TableFiles(argv[1])) {
    auto runs = rhumb::accuracy::ReadRuns(file);
    if (runs.ok()) groups.push_back({file.substr(file.rfind('/') + 1), *std::move(runs)});
  }
  auto judge = [&](const std::vector<double>& v) {
    double sum=0; int n=0;
    for (auto& g : groups) {
      rhumb::TableAccuracy t; t.name=g.name;
      for (auto& r : g.runs) AddRun(r, rhumb::PredictRunAt(v, r), t);
      if (t.time.empty()) continue;
      auto s = rhumb::Summarize(t.time); sum+=s.mean_abs; ++n;
      std::printf("%-28s %5d %6.2f%% %+6.2f%% worst %+.0f%% %s\n", g.name.c_str(), s.count, 100*s.mean_abs, 100*s.bias, 100*s.worst.fraction(), s.worst.row_id.c_str());
    }
    std::printf("mean %.3f%%\n", 100*sum/n);
  };
  judge(rhumb::ShippedValues());
  for (int i = 2; i < argc; ++i) {
    rhumb::ShippedFitOptions options; options.pull = atof(argv[i]);
    auto t0 = std::chrono::steady_clock::now();
    auto fit = rhumb::FitShippedConstants(groups, options).value();
    double dt = std::chrono::duration<double>(std::chrono::steady_clock::now()-t0).count();
    std::printf("pull %g: %d iterations, complete %d, %.2f s, error %.3f%%\n", options.pull, fit.iteration_count, fit.complete, dt, 100*fit.error);
    auto shipped = rhumb::ShippedValues();
    auto& axes = rhumb::ShippedAxes();
    for (size_t k = 0; k < axes.size(); ++k) std::printf("%-12s %-34s %11.5g was %11.5g centre %11.5g runs %5ld data %.0f%%\n", axes[k].owner.c_str(), axes[k].name.c_str(), fit.values[k], shipped[k], axes[k].centre, (long)fit.run_counts[k], 100*fit.data_shares[k]);
    judge(fit.values);
  }
}

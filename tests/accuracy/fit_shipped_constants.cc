#include <cstdio>
#include <cstdlib>
#include <string>
#include <chrono>
#include "planner/calibrate/left_out.h"
#include "planner/calibrate/accuracy.h"
#include "tests/accuracy/error_report.h"
int main(int argc, char** argv) {
  std::vector<rhumb::RunGroup> groups;
  for (const std::string& file : rhumb::accuracy::TableFiles(argv[1])) {
    auto runs = rhumb::accuracy::ReadRuns(file);
    if (!runs.ok()) continue;
    rhumb::RunGroup g{file.substr(file.rfind('/') + 1), {}};
    for (auto& r : *runs) if (r.step_seconds) g.runs.push_back(r);
    if (!g.runs.empty()) groups.push_back(g);
  }
  std::printf("%8s %8s %8s %8s | LOO by table\n%45s", "pull", "insample", "splits", "LOO", "");
  for (auto& g: groups) std::printf(" %6.6s", g.name.c_str()+std::max<int>(0,(int)g.name.size()-10));
  std::printf("\n");
  for (int i = 2; i < argc; ++i) {
    rhumb::ShippedFitOptions options; options.pull = atof(argv[i]); if (getenv("SCALE")) options.error_scale = atof(getenv("SCALE"));
    auto t0 = std::chrono::steady_clock::now();
    auto fit = rhumb::FitShippedConstants(groups, options).value();
    std::vector<rhumb::TableAccuracy> in;
    for (auto& g : groups) { auto& t = in.emplace_back(); for (auto& r : g.runs) AddRun(r, PredictRunAt(fit.values, r), t); }
    if (getenv("ROWS")) for (auto& t : in) for (auto& e : t.time) if (e.row_id.find(getenv("ROWS"))!=std::string::npos) std::printf("  %s %+.1f%%\n", e.row_id.c_str(), 100*e.fraction());
    if (getenv("AXES")) for (size_t k = 0; k < rhumb::ShippedAxes().size(); ++k) { auto& a = rhumb::ShippedAxes()[k]; std::printf("  %-18s %-34s %11.5g centre %11.5g data %.0f%%\n", a.owner.c_str(), a.name.c_str(), fit.values[k], a.centre, 100*fit.data_shares[k]); }
    if (getenv("QUICK")) { std::printf("%8g in %.2f ", options.pull, 100*rhumb::MeanOverTables(in, &rhumb::TableAccuracy::time)); for (auto& t : in) std::printf(" %6.1f", 100*rhumb::Summarize(t.time).mean_abs); std::printf("\n"); continue; }
    rhumb::LeftOutOptions lo; lo.shipped_fit = options; lo.split_count = 20;
    auto splits = rhumb::JudgeOnLeftOutTables(groups, lo).value();
    std::vector<rhumb::TableAccuracy> loo;
    for (size_t k = 0; k < groups.size(); ++k) {
      auto rest = groups; rest.erase(rest.begin() + k);
      auto f = rhumb::FitShippedConstants(rest, options).value();
      auto& t = loo.emplace_back(); for (auto& r : groups[k].runs) AddRun(r, PredictRunAt(f.values, r), t);
    }
    double dt = std::chrono::duration<double>(std::chrono::steady_clock::now()-t0).count();
    auto m = [](auto& t) { return 100*rhumb::MeanOverTables(t, &rhumb::TableAccuracy::time); };
    std::printf("%8g %7.2f%% %7.2f%% %7.2f%% | %5.0fs %d%s in ", options.pull, m(in), 100*splits.mean_abs, m(loo), dt, fit.iteration_count, fit.complete?"":"!");
    for (auto& t : in) std::printf(" %6.1f", 100*rhumb::Summarize(t.time).mean_abs);
    std::printf("\n%45s", "loo ");
    for (auto& t : loo) std::printf(" %6.1f", 100*rhumb::Summarize(t.time).mean_abs);
    std::printf("\n"); fflush(stdout);
  }
}

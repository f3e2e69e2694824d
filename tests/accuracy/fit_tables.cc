// SPDX-License-Identifier: Apache-2.0
// fit_tables DIR [FAMILY]: for each published data set, fits the runs below a tenth of the largest
// compute, predicts the rest, and prints error, coverage of 90% intervals and their width beside
// that of the naive residual-only interval.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "planner/fit/backtest.h"
#include "planner/fit/choose_form.h"
#include "planner/fit/forms.h"
#include "tests/accuracy/fit_data_sets.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: fit_tables DIR [FAMILY]\n");
    return 2;
  }
  const std::string family = argc > 2 ? argv[2] : "chinchilla";
  std::printf("%-32s %5s %5s %8s %8s %9s %9s %9s\n", family.c_str(), "train", "test", "error",
              "bias", "coverage", "width", "naive");
  double coverage = 0, width = 0, naive = 0, error = 0;
  int sets = 0;
  for (const rhumb::accuracy::FitDataSet& set : rhumb::accuracy::FitDataSets()) {
    const auto observations = rhumb::accuracy::ReadFitDataSet(argv[1], set);
    if (!observations.ok()) {
      std::printf("%-32s %s\n", set.name.c_str(),
                  std::string(observations.status().message()).c_str());
      continue;
    }
    std::vector<rhumb::Observation> kept;
    for (const auto& o : observations->observations) {
      if (o.schedule_fraction.value_or(1) >= 0.999) kept.push_back(o);
    }
    const auto rows = rhumb::MakeRows(kept);
    const auto split = rhumb::SplitAt(*rows, rhumb::RollOutAxis::kCompute,
                                      rows->log_flops.maxCoeff() - std::log(10.0));
    rhumb::FitOptions options;
    const rhumb::Rows train = rhumb::SelectRows(*rows, split->train);
    const rhumb::Rows test = rhumb::SelectRows(*rows, split->test);
    rhumb::BacktestOptions backtest;
    absl::StatusOr<rhumb::FormSpec> spec = absl::NotFoundError("no such family");
    if (family == "auto") {
      auto choice = rhumb::ChooseForm(train, options, nullptr);
      spec = choice.ok() ? absl::StatusOr<rhumb::FormSpec>(choice->spec) : choice.status();
    } else if (const rhumb::Form* form = rhumb::FindForm(family); form != nullptr) {
      spec = rhumb::MakeSpec(*form, options);
    }
    if (!spec.ok()) {
      std::fprintf(stderr, "%s: %s\n", family.c_str(),
                   std::string(spec.status().message()).c_str());
      return 2;
    }
    const auto rivals = rhumb::RivalsOf(*spec, train);
    const auto result = rhumb::BacktestOn(*spec, rivals, train, test, backtest);
    if (!result.ok()) {
      std::printf("%-32s %5d %5d %s\n", set.name.c_str(), train.run_count, test.run_count,
                  std::string(result.status().message()).c_str());
      continue;
    }
    std::printf("%-32s %5d %5d %7.2f%% %+7.2f%% %8.1f%% %8.2f%% %8.2f%%", set.name.c_str(),
                result->train_count, result->test_count, 100 * result->mean_abs_error_fraction,
                100 * result->bias_fraction, 100 * result->coverage,
                100 * result->mean_interval_fraction, 100 * result->mean_naive_interval_fraction);
    if (family == "auto") std::printf("  %s", spec->name.c_str());
    std::printf("\n");
    std::fflush(stdout);
    ++sets;
    coverage += result->coverage;
    width += result->mean_interval_fraction;
    naive += result->mean_naive_interval_fraction;
    error += result->mean_abs_error_fraction;
  }
  std::printf("%-32s %5s %5s %7.2f%% %8s %8.1f%% %8.2f%% %8.2f%%\n", "mean of sets", "", "",
              100 * error / sets, "", 100 * coverage / sets, 100 * width / sets,
              100 * naive / sets);
  return 0;
}

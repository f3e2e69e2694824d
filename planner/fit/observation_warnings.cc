// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/observation_warnings.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/fit/draws.h"
#include "planner/laws/chinchilla.h"
#include "planner/units.h"

namespace rhumb {
namespace {

constexpr double kSuspectFactor = 3;
constexpr double kHighLoss = 20;
constexpr double kLowLoss = 0.1;

}  // namespace

std::vector<std::pair<std::string, std::string>> ObservationWarnings(
    absl::Span<const Observation> observations) {
  std::vector<std::pair<std::string, std::string>> warnings;
  std::vector<double> log_ratios, losses;
  std::set<std::tuple<double, double, double, double, std::string>> seen;
  int copies = 0;
  for (const Observation& row : observations) {
    if (row.training_flops.has_value()) {
      log_ratios.push_back(
          std::log(*row.training_flops) -
          std::log(kTrainingFlopsPerParamToken * row.param_count * row.token_count));
    }
    losses.push_back(row.loss_nats);
    copies +=
        !seen.emplace(row.param_count, row.token_count,
                      row.unique_token_count.value_or(row.token_count), row.loss_nats, row.run)
             .second;
  }
  if (!log_ratios.empty()) {
    const double ratio = Quantile(log_ratios, 0.5);
    if (std::abs(ratio + std::log(kPetaflopDayFlops)) < std::log(kSuspectFactor)) {
      warnings.emplace_back("FLOPS_LOOK_LIKE_PF_DAYS",
                            "training_flops is about 6ND / 8.64e19: it seems to be given in "
                            "petaflop/s-days; multiply by 8.64e19");
    } else if (std::abs(ratio) > std::log(kSuspectFactor)) {
      warnings.emplace_back(
          "FLOPS_DIFFER_FROM_6ND",
          absl::StrFormat("training_flops is %.3g times 6ND in the median: check the unit, and "
                          "which parameters and tokens are counted",
                          std::exp(ratio)));
    }
  }
  if (copies > 0) {
    warnings.emplace_back("DUPLICATE_ROWS",
                          absl::StrCat(copies,
                                       " rows repeat another row exactly; copies add weight "
                                       "to the fit and no run to its uncertainty"));
  }
  const double median = Quantile(losses, 0.5);
  if (median > kHighLoss || median < kLowLoss) {
    warnings.emplace_back(
        "LOSS_UNIT_DOUBTFUL",
        absl::StrFormat("the median loss is %.3g; losses are taken as nats per token, not as "
                        "perplexity, and not summed over tokens",
                        median));
  }
  return warnings;
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/observation_warnings.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/fit/draws.h"
#include "planner/laws/chinchilla.h"
#include "planner/units.h"

namespace rhumb {
namespace {

using Warnings = std::vector<std::pair<std::string, std::string>>;

constexpr double kSuspectFactor = 3;
// The smallest model of Kaplan et al. 2020 has 768 parameters, their smallest data set 22 million
// tokens; a study has larger ones as well. In millions no model is above two million.
constexpr double kLeastLargestParams = 2e3;
constexpr double kLeastLargestTokens = 1e6;
// Neighbours of a sorted ladder of sizes lie closer than this; units do not.
constexpr double kUnitGap = 300;
// Published runs lie between 0.03 (Hoffmann et al. 2022) and some 1e5 tokens a parameter.
// Different token counts of a size that runs of their own hardly have.
constexpr double kManyLengths = 15;
constexpr double kLeastTokensPerParam = 0.1;
constexpr double kMostTokensPerParam = 1e6;
constexpr double kMixedFlops = 100;
constexpr double kLowLoss = 0.1;
// ln 260,000: guessing among all entries of the largest usual vocabulary.
constexpr double kGuessingLoss = 12.5;
// A model that only counts how often tokens occur reaches about 7.5 nats on text.
constexpr double kUnigramLoss = 8;
// A perplexity falls as steeply as L times the elasticity of the loss. Losses of 4.5 nats and more
// belong to small models far from any floor, where d ln L / d ln C is -0.05 (Kaplan et al. 2020,
// eq. 1.3) to -0.12 (runs of Porian et al. 2024 under a warm-up too long for them).
constexpr double kSteepLoss = 4.5;
constexpr double kSteepElasticity = -0.18;

struct CountColumn {
  const char* code;
  const char* field;
  const char* what;
  double least_largest;
};

void WarnOfCounts(const CountColumn& column, std::vector<double> counts, Warnings& warnings) {
  std::sort(counts.begin(), counts.end());
  if (counts.back() < column.least_largest) {
    warnings.emplace_back(
        column.code,
        absl::StrFormat("no %s is above %.3g, less than any %s: they seem to be given in millions "
                        "or billions; multiply by 1e6 or 1e9",
                        column.field, counts.back(), column.what));
    return;
  }
  for (size_t i = 0; i + 1 < counts.size(); ++i) {
    if (counts[i + 1] < kUnitGap * counts[i]) continue;
    warnings.emplace_back(
        column.code,
        absl::StrFormat("%s jumps from %.3g to %.3g with nothing between (%d of %d rows below): "
                        "some rows seem to be given in another unit",
                        column.field, counts[i], counts[i + 1], i + 1, counts.size()));
    return;
  }
}

void WarnOfFlops(const std::vector<double>& log_ratios, Warnings& warnings) {
  if (log_ratios.empty()) return;
  const double near = std::log(kSuspectFactor);
  const auto count_if = [&](auto&& is) {
    return std::count_if(log_ratios.begin(), log_ratios.end(), is);
  };
  const auto in_pf_days =
      count_if([&](double ratio) { return std::abs(ratio + std::log(kPetaflopDayFlops)) < near; });
  if (in_pf_days > 0) {
    warnings.emplace_back(
        "FLOPS_LOOK_LIKE_PF_DAYS",
        absl::StrCat("training_flops of ", in_pf_days, " of ", log_ratios.size(),
                     " rows is about 6ND / 8.64e19: it seems to be given in petaflop/s-days; "
                     "multiply by 8.64e19"));
    return;
  }
  std::vector<double> sorted = log_ratios;
  const double median = Quantile(sorted, 0.5);
  const auto apart =
      count_if([&](double ratio) { return std::abs(ratio - median) > std::log(kMixedFlops); });
  if (apart > 0) {
    warnings.emplace_back(
        "FLOPS_UNITS_MIXED",
        absl::StrFormat("training_flops of %d of %d rows is more than 100 times away from what the "
                        "others are of 6ND (%.3g in the median): check their unit",
                        apart, log_ratios.size(), std::exp(median)));
  } else if (std::abs(median) > near) {
    warnings.emplace_back(
        "FLOPS_DIFFER_FROM_6ND",
        absl::StrFormat("training_flops is %.3g times 6ND in the median: check the unit, and "
                        "which parameters and tokens are counted",
                        std::exp(median)));
  }
}

// Slope of ln L over ln 6ND by least squares; nothing where the compute is one.
std::optional<double> LossElasticityIn(absl::Span<const Observation> observations) {
  double x_sum = 0, y_sum = 0;
  const auto count = static_cast<double>(observations.size());
  const auto log_compute = [](const Observation& row) {
    return std::log(row.param_count) + std::log(row.token_count);
  };
  for (const Observation& row : observations) {
    x_sum += log_compute(row);
    y_sum += std::log(row.loss_nats);
  }
  double xx = 0, xy = 0;
  for (const Observation& row : observations) {
    const double x = log_compute(row) - x_sum / count;
    xx += x * x;
    xy += x * (std::log(row.loss_nats) - y_sum / count);
  }
  // A tenth of a decade or less shows no slope.
  if (!(xx > 0.05 * count)) return std::nullopt;
  return xy / xx;
}

void WarnOfLosses(absl::Span<const Observation> observations, Warnings& warnings) {
  constexpr char kCode[] = "LOSS_UNIT_DOUBTFUL";
  constexpr char kTaken[] =
      "losses are taken as nats per token, not as perplexity (take its logarithm), and not summed "
      "over tokens";
  std::vector<double> losses;
  losses.reserve(observations.size());
  for (const Observation& row : observations) losses.push_back(row.loss_nats);
  const double median = Quantile(losses, 0.5);
  const auto guessing =
      std::count_if(losses.begin(), losses.end(), [](double loss) { return loss > kGuessingLoss; });
  const std::optional<double> elasticity = LossElasticityIn(observations);
  if (median < kLowLoss) {
    warnings.emplace_back(kCode, absl::StrFormat("the median loss is %.3g; %s", median, kTaken));
  } else if (guessing > 0) {
    warnings.emplace_back(
        kCode, absl::StrFormat("%d of %d losses are above %.1f, worse than guessing among 260,000 "
                               "tokens, the largest %.3g; %s",
                               guessing, losses.size(), kGuessingLoss, losses.back(), kTaken));
  } else if (median > kUnigramLoss) {
    warnings.emplace_back(
        kCode,
        absl::StrFormat("the median loss is %.3g, worse than that of a model that only counts how "
                        "often each token occurs (about 7.5); %s",
                        median, kTaken));
  } else if (median > kSteepLoss && elasticity.has_value() && *elasticity < kSteepElasticity) {
    warnings.emplace_back(
        kCode,
        absl::StrFormat("the losses are large (%.3g in the median) and fall as C^%.2f, about "
                        "three times as steeply as losses do; %s",
                        median, *elasticity, kTaken));
  }
}

// Many lengths of each of a few sizes, and no row says which run it is of.
void WarnOfCheckpoints(absl::Span<const Observation> observations, Warnings& warnings) {
  std::map<double, std::set<double>> lengths;
  for (const Observation& row : observations) {
    if (!row.run.empty()) return;
    lengths[row.param_count].insert(row.token_count);
  }
  std::vector<double> counts;
  for (const auto& [size, tokens] : lengths) counts.push_back(static_cast<double>(tokens.size()));
  const double usual = Quantile(counts, 0.5);
  if (usual < kManyLengths) return;
  warnings.emplace_back(
      "ROWS_LOOK_LIKE_CHECKPOINTS",
      absl::StrFormat("%d sizes have %.0f lengths each in the median and no row names its run: "
                      "checkpoints of one run err together and have not come down yet; say which "
                      "is which in a column run, and how far in schedule_fraction",
                      lengths.size(), usual));
}

}  // namespace

Warnings ObservationWarnings(absl::Span<const Observation> observations) {
  Warnings warnings;
  if (observations.empty()) return warnings;
  std::vector<double> params, tokens, ratios, log_flops_ratios;
  std::set<std::tuple<double, double, double, double, std::string>> seen;
  int copies = 0;
  for (const Observation& row : observations) {
    params.push_back(row.param_count);
    tokens.push_back(row.token_count);
    ratios.push_back(row.token_count / row.param_count);
    if (row.training_flops.has_value()) {
      log_flops_ratios.push_back(
          std::log(*row.training_flops) -
          std::log(kTrainingFlopsPerParamToken * row.param_count * row.token_count));
    }
    copies +=
        !seen.emplace(row.param_count, row.token_count,
                      row.unique_token_count.value_or(row.token_count), row.loss_nats, row.run)
             .second;
  }
  WarnOfCounts({.code = "PARAM_COUNT_UNIT_DOUBTFUL",
                .field = "param_count",
                .what = "language model has",
                .least_largest = kLeastLargestParams},
               params, warnings);
  WarnOfCounts({.code = "TOKEN_COUNT_UNIT_DOUBTFUL",
                .field = "token_count",
                .what = "language model is trained on",
                .least_largest = kLeastLargestTokens},
               tokens, warnings);
  const double ratio = Quantile(ratios, 0.5);
  if (warnings.empty() && (ratio < kLeastTokensPerParam || ratio > kMostTokensPerParam)) {
    warnings.emplace_back(
        "TOKENS_PER_PARAM_DOUBTFUL",
        absl::StrFormat("the median run has %.3g tokens per parameter: param_count or token_count "
                        "seems to be given in another unit (thousands, millions, billions)",
                        ratio));
  }
  WarnOfFlops(log_flops_ratios, warnings);
  if (copies > 0) {
    warnings.emplace_back("DUPLICATE_ROWS",
                          absl::StrCat(copies,
                                       " rows repeat another row exactly; copies add weight "
                                       "to the fit and no run to its uncertainty"));
  }
  WarnOfLosses(observations, warnings);
  WarnOfCheckpoints(observations, warnings);
  return warnings;
}

}  // namespace rhumb

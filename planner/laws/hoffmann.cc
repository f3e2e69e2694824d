// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/hoffmann.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

namespace rhumb {

double HoffmannParamCount(const HoffmannShape& shape) {
  const double d = shape.hidden_size;
  return shape.num_layers * (5 * d * d + 2 * d * shape.ffn_size + 15 * d) + 2 * d +
         shape.vocab_size * d;
}

double HoffmannTrainingFlopsPerSequence(const HoffmannShape& shape) {
  const double d = shape.hidden_size, s = shape.sequence_length;
  const double projections = 6 * s * d * d + 2 * s * d * d;  // queries, keys, values; output
  const double attention =
      4 * s * s * d + 3 * shape.num_heads * s * s;  // logits, reduction; softmax
  const double ffn = 4 * s * d * shape.ffn_size;
  return 3 * shape.num_layers * (projections + attention + ffn);
}

double HoffmannFlopsRatio(const HoffmannShape& shape) {
  return HoffmannTrainingFlopsPerSequence(shape) /
         (6 * HoffmannParamCount(shape) * shape.sequence_length);
}

absl::Span<const HoffmannRow> HoffmannTable3() {
  static constexpr HoffmannRow kRows[] = {{4e8, 1.92e19},   {1e9, 1.21e20},   {1e10, 1.23e22},
                                          {67e9, 5.76e23},  {175e9, 3.85e24}, {280e9, 9.90e24},
                                          {520e9, 3.43e25}, {1e12, 1.27e26},  {1e13, 1.30e28}};
  return kRows;
}

absl::Span<const HoffmannRow> HoffmannTableA3Approach2() {
  static constexpr HoffmannRow kRows[] = {{4e8, 1.84e19},   {1e9, 1.20e20},   {1e10, 1.32e22},
                                          {67e9, 6.88e23},  {175e9, 4.54e24}, {280e9, 1.18e25},
                                          {520e9, 4.19e25}, {1e12, 1.59e26},  {1e13, 1.75e28}};
  return kRows;
}

double Evaluate(const PowerLaw& law, double training_flops) {
  return law.prefactor * std::pow(training_flops, law.exponent);
}

absl::StatusOr<PowerLaw> FitPowerLaw(absl::Span<const HoffmannRow> rows) {
  double mean_x = 0, mean_y = 0;
  for (const HoffmannRow& row : rows) {
    if (!(row.param_count > 0 && row.training_flops > 0) ||
        !std::isfinite(row.param_count + row.training_flops)) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "a row has param_count %g and training_flops %g; both must be positive and "
          "finite",
          row.param_count, row.training_flops));
    }
    mean_x += std::log(row.training_flops) / rows.size();
    mean_y += std::log(row.param_count) / rows.size();
  }
  double xx = 0, xy = 0;
  for (const HoffmannRow& row : rows) {
    const double x = std::log(row.training_flops) - mean_x;
    xx += x * x;
    xy += x * (std::log(row.param_count) - mean_y);
  }
  if (!(xx > 1e-12)) {
    return absl::InvalidArgumentError("a power law needs rows of at least two training_flops");
  }
  const double exponent = xy / xx;
  return PowerLaw{.prefactor = std::exp(mean_y - exponent * mean_x), .exponent = exponent};
}

}  // namespace rhumb

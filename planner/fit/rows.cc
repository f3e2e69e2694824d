// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/rows.h"

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/laws/chinchilla.h"

namespace rhumb {
namespace {

// What no unit explains: a count in trillions is still above 1e-6, all text ever written is below
// 1e18 tokens, and nothing has trained for 1e40 FLOPs, nor for 1e-12 petaflop/s-days. A loss summed
// over all tokens is below 1e18. What is merely odd is warned of (observation_warnings.h).
constexpr PossibleRange kCountRange = {1e-6, 1e18};
constexpr PossibleRange kFlopsRange = {1e-12, 1e40};
constexpr PossibleRange kLossRange = {1e-9, 1e18};

}  // namespace

std::optional<PossibleRange> PossibleRangeOf(absl::string_view field) {
  if (field == "param_count" || field == "token_count" || field == "unique_token_count" ||
      field == "step_count") {
    return kCountRange;
  }
  if (field == "training_flops") return kFlopsRange;
  if (field == "loss_nats") return kLossRange;
  return std::nullopt;
}

namespace {

// Rows read between two questions whether to stop.
constexpr size_t kRowsPerQuestion = 4096;

absl::Status Stopped() { return absl::CancelledError("reading the observations was cancelled"); }

bool IsPositive(double x) { return std::isfinite(x) && x > 0; }

absl::Status CheckRow(const Observation& row, size_t index) {
  const auto bad = [&](const char* field, double value, const char* allowed) {
    return absl::InvalidArgumentError(
        absl::StrCat("observations[", index, "].", field, " is ", value, "; ", allowed));
  };
  constexpr char kPositive[] = "must be a positive finite number";
  if (!IsPositive(row.param_count)) return bad("param_count", row.param_count, kPositive);
  if (!IsPositive(row.token_count)) return bad("token_count", row.token_count, kPositive);
  if (!IsPositive(row.loss_nats)) return bad("loss_nats", row.loss_nats, kPositive);
  if (row.task_metric.has_value() && !std::isfinite(*row.task_metric)) {
    return bad("task_metric", *row.task_metric, "must be a finite number");
  }
  if (!std::isfinite(row.weight) || row.weight < 0) {
    return bad("weight", row.weight, "must be a finite number, 0 or more");
  }
  const std::pair<const char*, const std::optional<double>*> optional_fields[] = {
      {"training_flops", &row.training_flops},
      {"unique_token_count", &row.unique_token_count},
      {"global_batch_tokens", &row.global_batch_tokens},
      {"learning_rate", &row.learning_rate},
      {"step_count", &row.step_count}};
  for (const auto& [field, value] : optional_fields) {
    if (value->has_value() && !IsPositive(**value)) return bad(field, **value, kPositive);
  }
  const std::pair<const char*, std::optional<double>> values[] = {
      {"param_count", row.param_count},
      {"token_count", row.token_count},
      {"loss_nats", row.loss_nats},
      {"training_flops", row.training_flops},
      {"unique_token_count", row.unique_token_count},
      {"step_count", row.step_count}};
  for (const auto& [field, value] : values) {
    const std::optional<PossibleRange> range = PossibleRangeOf(field);
    if (!value.has_value() || !range.has_value()) continue;
    if (*value >= range->least && *value <= range->most) continue;
    return absl::InvalidArgumentError(absl::StrCat("observations[", index, "].", field, " is ",
                                                   *value, "; no run has that: must be from ",
                                                   range->least, " to ", range->most));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Rows> MakeRows(absl::Span<const Observation> observations,
                              const std::function<bool()>& should_stop) {
  if (observations.empty()) return absl::InvalidArgumentError("observations is empty");
  const auto count = static_cast<Eigen::Index>(observations.size());
  Rows rows;
  for (Eigen::ArrayXd* column : {&rows.log_params, &rows.log_tokens, &rows.log_unique_tokens,
                                 &rows.log_flops, &rows.log_steps, &rows.log_loss, &rows.weight}) {
    column->resize(count);
  }
  rows.run.resize(observations.size());
  std::map<std::string, int> runs;
  std::map<std::tuple<double, double, double, double>, int> nameless;
  for (size_t i = 0; i < observations.size(); ++i) {
    if (i % kRowsPerQuestion == 0 && should_stop && should_stop()) return Stopped();
    const Observation& row = observations[i];
    if (absl::Status status = CheckRow(row, i); !status.ok()) return status;
    const auto at = static_cast<Eigen::Index>(i);
    rows.log_params[at] = std::log(row.param_count);
    rows.log_tokens[at] = std::log(row.token_count);
    const double unique = row.unique_token_count.value_or(row.token_count);
    rows.log_unique_tokens[at] =
        unique < row.token_count ? std::log(unique) : std::numeric_limits<double>::infinity();
    rows.log_flops[at] =
        row.training_flops.has_value()
            ? std::log(*row.training_flops)
            : std::log(kTrainingFlopsPerParamToken) + rows.log_params[at] + rows.log_tokens[at];
    rows.log_steps[at] = row.step_count.has_value() ? std::log(*row.step_count)
                                                    : std::numeric_limits<double>::quiet_NaN();
    rows.log_loss[at] = std::log(row.loss_nats);
    rows.weight[at] = row.weight;
    const int next = rows.run_count;
    const int run =
        row.run.empty()
            ? nameless.try_emplace({row.param_count, row.token_count, unique, row.loss_nats}, next)
                  .first->second
            : runs.try_emplace(row.run, next).first->second;
    rows.run[i] = run;
    if (run == next) ++rows.run_count;
  }
  return rows;
}

Rows SelectRows(const Rows& rows, absl::Span<const int> indices) {
  return *SelectRows(rows, indices, nullptr);
}

absl::StatusOr<Rows> SelectRows(const Rows& rows, absl::Span<const int> indices,
                                const std::function<bool()>& should_stop) {
  const auto count = static_cast<Eigen::Index>(indices.size());
  Rows selected;
  const std::pair<const Eigen::ArrayXd*, Eigen::ArrayXd*> columns[] = {
      {&rows.log_params, &selected.log_params},
      {&rows.log_tokens, &selected.log_tokens},
      {&rows.log_unique_tokens, &selected.log_unique_tokens},
      {&rows.log_flops, &selected.log_flops},
      {&rows.log_steps, &selected.log_steps},
      {&rows.log_loss, &selected.log_loss},
      {&rows.weight, &selected.weight}};
  for (const auto& [from, to] : columns) {
    if (should_stop && should_stop()) return Stopped();
    to->resize(count);
    for (Eigen::Index i = 0; i < count; ++i) (*to)[i] = (*from)[indices[static_cast<size_t>(i)]];
  }
  std::vector<int> renumbered(static_cast<size_t>(rows.run_count), -1);
  selected.run.reserve(indices.size());
  for (const int index : indices) {
    int& run = renumbered[static_cast<size_t>(rows.run[static_cast<size_t>(index)])];
    if (run < 0) run = selected.run_count++;
    selected.run.push_back(run);
  }
  return selected;
}

}  // namespace rhumb

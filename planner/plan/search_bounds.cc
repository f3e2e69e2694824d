// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/search_bounds.h"

#include <algorithm>

#include "planner/units.h"

namespace rhumb {
namespace {

constexpr int kBatchRounds = 2;

}  // namespace

std::optional<SearchBounds::Target> SearchBounds::TargetOf(double affordable) const {
  const std::optional<double>& target = problem_.question().target_loss_nats;
  Target best;
  if (size_.fixed_tokens.has_value()) {
    best.token_count = *size_.fixed_tokens;
  } else if (problem_.metric() == Metric::kLoss) {
    best.token_count = affordable;
  } else if (target.has_value()) {
    const std::optional<double> needed = problem_.loss().BestCaseTokens(size_.law, *target);
    if (!needed.has_value()) return std::nullopt;
    best.token_count = *needed;
  }
  if (best.token_count * kBoundSlack > affordable) return std::nullopt;
  if (problem_.metric() == Metric::kLoss) {
    best.loss_nats = problem_.loss().BestCase(size_.law, best.token_count);
    if (target.has_value() && best.loss_nats * kBoundSlack > *target) return std::nullopt;
  }
  return best;
}

template <typename Bound>
std::optional<BestCase> SearchBounds::WithBatches(std::optional<BestCase> best, double gpu_count,
                                                  const Bound& bound) const {
  if (curve_ == nullptr) return best;
  // A worse loss has a smaller critical batch, which makes the loss worse again.
  for (int i = 0; i < kBatchRounds && best.has_value(); ++i) {
    const double gpu_seconds = curve_->Least(LimitsOf(*best), gpu_count);
    if (gpu_seconds == kUnlimited) return std::nullopt;
    best = bound(std::max(gpu_seconds, gpu_seconds_per_token_));
  }
  return best;
}

std::optional<BestCase> SearchBounds::OfPlaces(const Place& smallest, const Place& largest) const {
  const auto bound = [&](double gpu_seconds) { return OfPlaces(smallest, largest, gpu_seconds); };
  return WithBatches(bound(gpu_seconds_per_token_), static_cast<double>(smallest.gpu_count), bound);
}

std::optional<BestCase> SearchBounds::OfPlace(const SizeAtPlace& at, const Place& place) const {
  const double gpus = static_cast<double>(place.gpu_count);
  const auto bound = [&](double gpu_seconds) { return OfPlace(at, place, gpu_seconds / gpus); };
  return WithBatches(bound(gpu_seconds_per_token_), gpus, bound);
}

std::optional<BestCase> SearchBounds::OfPlaces(const Place& smallest, const Place& largest,
                                               double gpu_seconds_per_token) const {
  const PlanQuestion& q = problem_.question();
  const double fewest = static_cast<double>(smallest.gpu_count);
  const double most = static_cast<double>(largest.gpu_count);
  OverheadModel overheads;
  if (!q.mfu.has_value()) {
    // Less is lost without failures and the more nodes write checkpoints.
    overheads = MakeOverheadModel(size_.total_params, 1, largest.node_count, 0,
                                  q.startup_seconds.value_or(kStartupSeconds));
  }
  problem_.AdaptOverheads(largest.pool_index, overheads);
  // Hours bind each GPU; money and GPU-hours all together, and every one of them starts up.
  const double per_train_second = overheads.wall_per_train_second();
  const double start_gpu_seconds = fewest * overheads.startup_seconds;
  const double max_wall_seconds = problem_.MaxWallSeconds(overheads);
  const double max_gpu_seconds = problem_.MaxGpuSeconds(largest.pool_index);
  const double train_gpu_seconds =
      std::min(most * overheads.TrainSeconds(max_wall_seconds),
               (max_gpu_seconds - start_gpu_seconds) / per_train_second);
  if (train_gpu_seconds <= 0) return std::nullopt;
  const std::optional<Target> best =
      TargetOf(std::min(size_.max_tokens, train_gpu_seconds / gpu_seconds_per_token));
  if (!best.has_value()) return std::nullopt;
  const double work_gpu_seconds = best->token_count * gpu_seconds_per_token;
  const double least_train_seconds = work_gpu_seconds / most * slack();
  double gpu_seconds = start_gpu_seconds + per_train_second * work_gpu_seconds;
  double wall_seconds = overheads.WallSeconds(least_train_seconds);
  const bool in_jobs = overheads.job_limit_seconds < kUnlimited;
  if (in_jobs) {
    gpu_seconds += fewest * static_cast<double>(overheads.JobCount(least_train_seconds) - 1) *
                   overheads.job_change_seconds();
  }
  // A place that cannot spend all tokens spends its time or the money to the end, and may reach the
  // same loss as far as ranks can tell.
  if (problem_.metric() == Metric::kLoss && !size_.fixed_tokens.has_value()) {
    if (in_jobs) {
      gpu_seconds = std::min(gpu_seconds, LeastSpent(smallest, largest, max_wall_seconds));
      wall_seconds = std::min(wall_seconds, gpu_seconds / most);
    } else {
      gpu_seconds = std::min({gpu_seconds, fewest * max_wall_seconds, max_gpu_seconds});
    }
  }
  const GpuPool& pool = q.pools[static_cast<size_t>(largest.pool_index)];
  Spending spending;
  spending.token_count = best->token_count * slack();
  spending.wall_seconds = wall_seconds * slack();
  spending.gpu_hours = gpu_seconds / kSecondsPerHour * slack();
  spending.usd = spending.gpu_hours * pool.price_usd_per_gpu_hour.value_or(0) * slack();
  spending.inference_usd = InferenceUsd(q, pool, size_.active_params) * slack();
  Rank rank = RankOfSpending(problem_, size_, best->loss_nats, spending);
  rank.gpu_count = smallest.gpu_count;
  rank.pool_index = largest.pool_index;
  return BestCase{rank, best->token_count};
}

double SearchBounds::LeastSpent(const Place& smallest, const Place& largest,
                                double max_wall_seconds) const {
  const PlanQuestion& q = problem_.question();
  OverheadModel overheads;
  if (!q.mfu.has_value()) {
    // The fewer the nodes, the longer a checkpoint, and so the change of a job.
    overheads = MakeOverheadModel(size_.total_params, 1, smallest.node_count, 0,
                                  q.startup_seconds.value_or(kStartupSeconds));
  }
  problem_.AdaptOverheads(largest.pool_index, overheads);
  const double fewest = static_cast<double>(smallest.gpu_count);
  const double most = static_cast<double>(largest.gpu_count);
  const double max_gpu_seconds = problem_.MaxGpuSeconds(largest.pool_index);
  // Money that buys more than one job buys one at least, and all but what would only restart.
  double by_money = std::min(max_gpu_seconds, fewest * overheads.job_limit_seconds);
  if (overheads.max_job_count > 1) {
    by_money = std::max(by_money, max_gpu_seconds - most * overheads.job_change_seconds());
  }
  return std::min(fewest * overheads.UsedSeconds(max_wall_seconds), by_money);
}

std::optional<BestCase> SearchBounds::OfPlace(const SizeAtPlace& at, const Place& place,
                                              double seconds_per_token) const {
  const double train = at.overheads.TrainSeconds(at.max_wall_seconds);
  if (train <= 0) return std::nullopt;
  const std::optional<Target> best =
      TargetOf(std::min(size_.max_tokens, train / seconds_per_token));
  if (!best.has_value()) return std::nullopt;
  const double wall =
      at.overheads.WallSeconds(best->token_count * seconds_per_token * slack()) * slack();
  return BestCase{
      RankOf(problem_, size_, at, place, best->loss_nats, best->token_count * slack(), wall),
      best->token_count};
}

BatchLimits SearchBounds::LimitsOf(const BestCase& best) const {
  const PlanQuestion& q = problem_.question();
  BatchLimits limits;
  if (q.global_batch_tokens.has_value()) {
    limits.largest_tokens = static_cast<double>(*q.global_batch_tokens);
    return limits;
  }
  if (q.max_global_batch_tokens.has_value()) {
    limits.largest_tokens = static_cast<double>(*q.max_global_batch_tokens);
    return limits;
  }
  // Fixed tokens are spent whatever the batch: its overhead costs loss, not time. But the choice of
  // a batch allows none beyond its cap, which falls with the loss of ever larger batches; none is
  // smaller than a sequence.
  if (size_.fixed_tokens.has_value()) {
    const double tokens = *size_.fixed_tokens;
    const double sequence = static_cast<double>(size_.shape.sequence_length);
    const double critical =
        q.law.family == LawFamily::kDataConstrained
            ? problem_.loss().CriticalBatch(size_.law, tokens,
                                            problem_.loss().BestCase(size_.law, tokens))
            : problem_.loss().At(size_.law, tokens, sequence).critical_batch_tokens;
    limits.largest_tokens =
        std::max(std::min(kMaxBatchOverCritical * critical, tokens) / kBoundSlack, 1.0);
    return limits;
  }
  // A rule that reads tokens has no largest B_crit for a target loss, and those that read N or the
  // loss otherwise are not told apart from it.
  const bool spends_all = problem_.metric() == Metric::kLoss;
  const std::optional<double>& target = q.target_loss_nats;
  const bool by_loss = q.batch_rule == BatchRule::kKaplan2020 || q.noise_scale_tokens.has_value();
  // Where the data-constrained law damps N with D, overhead does not bound the loss that simply.
  if (q.law.family == LawFamily::kDataConstrained) return limits;
  if (!spends_all && !(target.has_value() && by_loss)) return limits;
  const double loss = spends_all ? best.rank.metric : *target;
  limits.critical_tokens =
      problem_.loss().CriticalBatch(size_.law, best.token_count, loss) / kBoundSlack;
  limits.reference_tokens = problem_.loss().ReferenceBatch(limits.critical_tokens);
  limits.largest_tokens = std::max(kMaxBatchOverCritical * limits.critical_tokens, 1.0);
  return limits;
}

}  // namespace rhumb

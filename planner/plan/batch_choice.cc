// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/batch_choice.h"

#include <algorithm>
#include <cmath>

namespace rhumb {
namespace {

// Slack of whole-step rounding, so that a token count that is a whole number of steps stays one.
constexpr double kStepSlack = 1e-12;
constexpr int64_t kMostSteps = int64_t{1} << 53;
// Below so many steps rounding may decide feasibility far from the best batch, and every batch is
// looked at (if there are not too many).
constexpr double kFewSteps = 4096;
// Rounding so few steps takes a share of the tokens that may leave no loss to promise.
constexpr int64_t kFewestSteps = 16;
constexpr int64_t kMostScanned = 65536;
// Above that, so many neighbours of the best batch are looked at where rounding alone forbids it.
constexpr int kMostNeighbours = 1024;
constexpr double kLimitSlack = 1 + 1e-9;

// One evaluation without feasibility: the curves that bisection walks on.
struct Point {
  double tokens = 0;
  BatchedLossValue loss;
  double train = 0, wall = 0;  // seconds
};

class Chooser {
 public:
  Chooser(const Problem& problem, const Size& size, const SizeAtPlace& at, const BatchSpace& space)
      : problem_(problem), size_(size), at_(at), space_(space) {}

  double BatchTokens(int64_t micro_batches) const {
    return static_cast<double>(micro_batches) *
           static_cast<double>(space_.sequences_per_micro_batch * space_.sequence_length);
  }

  double SecondsPerToken(int64_t micro_batches) const {
    // Without fixed seconds a token takes the same whatever the batch: said exactly, or rounding
    // would break ties.
    if (space_.step.fixed_seconds == 0) {
      return space_.step.per_micro_batch_seconds / BatchTokens(1);
    }
    return space_.step.StepSeconds(micro_batches) / BatchTokens(micro_batches);
  }

  bool SpendsAll() const { return problem_.metric() == Metric::kLoss; }

  // nullopt only if the target loss is out of reach at this batch.
  std::optional<Point> At(int64_t micro_batches) const {
    const double batch = BatchTokens(micro_batches);
    const double seconds = problem_.has_hardware() ? SecondsPerToken(micro_batches) : 0;
    Point point;
    const std::optional<double>& target = problem_.question().target_loss_nats;
    if (size_.fixed_tokens.has_value()) {
      point.tokens = *size_.fixed_tokens;
    } else if (SpendsAll()) {
      point.tokens = size_.max_tokens;
      if (problem_.has_hardware() && at_.max_wall_seconds < kUnlimited) {
        const double train = std::max(0.0, at_.overheads.TrainSeconds(at_.max_wall_seconds));
        point.tokens = std::min(point.tokens, train / seconds);
      }
    } else if (target.has_value()) {
      const std::optional<double> tokens = problem_.loss().TokensFor(size_.law, *target, batch);
      if (!tokens.has_value()) return std::nullopt;
      // Reaching the target takes whole steps; less than one is one.
      point.tokens = std::max(*tokens, batch);
      if (point.tokens == *tokens) {
        point.loss.loss_nats = *target;
        point.loss.critical_batch_tokens =
            problem_.loss().CriticalBatch(size_.law, point.tokens, *target);
        point.loss.token_overhead =
            problem_.loss().Overhead(batch, point.loss.critical_batch_tokens);
      }
    } else {
      point.tokens = batch;
    }
    if (point.loss.loss_nats == 0 && point.tokens > 0) {
      point.loss = problem_.loss().At(size_.law, point.tokens, batch);
    }
    if (problem_.has_hardware()) {
      point.train = point.tokens * seconds;
      point.wall = at_.overheads.WallSeconds(point.train);
    }
    return point;
  }

  std::optional<BatchChoice> Feasible(int64_t micro_batches, const Point& point) const {
    const PlanQuestion& q = problem_.question();
    const double batch = BatchTokens(micro_batches);
    if (!(point.tokens >= batch * (1 - kStepSlack))) return std::nullopt;
    // Given or not: there is no loss to promise.
    if (!(point.loss.critical_batch_tokens > 0)) return std::nullopt;
    if (!q.global_batch_tokens.has_value() && batch > BatchCap(point)) return std::nullopt;
    if (!InBounds(micro_batches)) return std::nullopt;
    const double steps = point.tokens / batch;
    if (!(steps < static_cast<double>(kMostSteps))) return std::nullopt;
    const bool round_down = SpendsAll() || size_.fixed_tokens.has_value();
    BatchChoice choice;
    choice.micro_batches = micro_batches;
    choice.token_count = point.tokens;
    choice.loss = point.loss;
    choice.wall_seconds = point.wall;
    choice.step_count = static_cast<int64_t>(round_down ? std::floor(steps * (1 + kStepSlack))
                                                        : std::ceil(steps * (1 - kStepSlack)));
    choice.step_count = std::max<int64_t>(choice.step_count, 1);
    // Hard constraints hold for the tokens asked for and for the whole steps they become.
    const double tokens = static_cast<double>(choice.step_count) * batch;
    if (std::max(tokens, point.tokens) > size_.max_tokens * kLimitSlack) return std::nullopt;
    if (choice.step_count < kFewestSteps &&
        !(problem_.loss().At(size_.law, tokens, batch).critical_batch_tokens > 0)) {
      return std::nullopt;
    }
    if (problem_.has_hardware()) {
      const double wall = at_.overheads.WallSeconds(static_cast<double>(choice.step_count) *
                                                    space_.step.StepSeconds(micro_batches));
      if (std::max(wall, point.wall) > at_.max_wall_seconds * kLimitSlack) return std::nullopt;
    }
    if (q.target_loss_nats.has_value() && (SpendsAll() || size_.fixed_tokens.has_value())) {
      const double loss = problem_.loss().At(size_.law, tokens, batch).loss_nats;
      if (loss > *q.target_loss_nats * kLimitSlack) return std::nullopt;
    }
    return choice;
  }

  // Whether whole steps could meet every limit that the real tokens of `point` miss by no more than
  // two steps' worth.
  bool NearlyFeasible(int64_t micro_batches, const Point& point) const {
    const double slack = 1 + 2 / std::max(1.0, point.tokens / BatchTokens(micro_batches));
    const std::optional<double>& target = problem_.question().target_loss_nats;
    // Of the train time, as a step less may spare a whole job's restart.
    const double least_wall = at_.overheads.WallSeconds(point.train / slack);
    return point.tokens <= size_.max_tokens * slack &&
           least_wall <= at_.max_wall_seconds * kLimitSlack &&
           (!target.has_value() || point.loss.loss_nats <= *target * slack);
  }

  // Whether the real tokens of `point` meet every limit, which whole steps cannot without.
  bool MeetsLimits(const Point& point) const {
    const std::optional<double>& target = problem_.question().target_loss_nats;
    return point.tokens <= size_.max_tokens * kLimitSlack &&
           point.wall <= at_.max_wall_seconds * kLimitSlack &&
           (!target.has_value() || point.loss.loss_nats <= *target * kLimitSlack);
  }

  // The best feasible of the multiples from `first` to `last` near `start`, from where the
  // objective rises to both sides: better ones first, until one is feasible or none can be.
  std::optional<BatchChoice> BestNear(int64_t start, int64_t first, int64_t last) const {
    const auto point_at = [&](int64_t j) -> std::optional<Point> {
      if (j < first || j > last) return std::nullopt;
      std::optional<Point> point = At(j * space_.micro_batch_multiple);
      if (point.has_value() && !MeetsLimits(*point)) point.reset();
      return point;
    };
    int64_t below = start - 1, above = start;
    std::optional<Point> low = point_at(below), high = point_at(above);
    for (int i = 0; i < kMostNeighbours && (low.has_value() || high.has_value()); ++i) {
      const bool up = high.has_value() && (!low.has_value() || PrimaryOf(*high) <= PrimaryOf(*low));
      const int64_t j = up ? above : below;
      const std::optional<BatchChoice> choice =
          Feasible(j * space_.micro_batch_multiple, up ? *high : *low);
      if (choice.has_value()) return choice;
      if (up) {
        high = point_at(++above);
      } else {
        low = point_at(--below);
      }
    }
    return std::nullopt;
  }

  // The best feasible of the multiples from `first` to `last` by looking at every one, for runs of
  // so few steps that rounding decides what is feasible and no curve is monotone.
  std::optional<BatchChoice> BestOfAll(int64_t first, int64_t last) const {
    std::optional<BatchChoice> best;
    double least = kUnlimited;
    double least_wall = kUnlimited;
    for (int64_t j = first; j <= last; ++j) {
      const int64_t micro_batches = j * space_.micro_batch_multiple;
      const std::optional<Point> point = At(micro_batches);
      if (!point.has_value()) continue;
      const std::optional<BatchChoice> choice = Feasible(micro_batches, *point);
      if (!choice.has_value()) continue;
      const double value = PrimaryOf(*point);
      if (value < least || (value == least && choice->wall_seconds <= least_wall)) {
        least = value;
        least_wall = choice->wall_seconds;
        best = choice;
      }
    }
    return best;
  }

  // Largest batch that is taken at `point` unless it is fixed: 4 B_crit, or what the question says
  // where a batch has a loss at all.
  double BatchCap(const Point& point) const {
    const std::optional<int64_t>& most = problem_.question().max_global_batch_tokens;
    if (!most.has_value()) return kMaxBatchOverCritical * point.loss.critical_batch_tokens;
    return point.loss.critical_batch_tokens > 0 ? static_cast<double>(*most) : 0;
  }

  bool InBounds(int64_t micro_batches) const {
    const PlanQuestion& q = problem_.question();
    const double batch = BatchTokens(micro_batches);
    return batch >= static_cast<double>(q.min_global_batch_tokens.value_or(0)) &&
           (!q.max_global_batch_tokens.has_value() ||
            batch <= static_cast<double>(*q.max_global_batch_tokens));
  }

  // What is minimised first; +infinity where nothing can be evaluated.
  double Primary(int64_t micro_batches) const {
    const std::optional<Point> point = At(micro_batches);
    if (!point.has_value()) return kUnlimited;
    if (SpendsAll() && !(point->tokens >= BatchTokens(micro_batches) * (1 - kStepSlack))) {
      return kUnlimited;
    }
    return PrimaryOf(*point);
  }

  double PrimaryOf(const Point& point) const {
    switch (problem_.metric()) {
      case Metric::kLoss:
        return point.loss.loss_nats;
      case Metric::kFlops:
      case Metric::kLifetimeFlops:
        return point.tokens;
      default:
        return problem_.has_hardware() ? point.wall : point.tokens;
    }
  }

  double Wall(int64_t micro_batches) const {
    const std::optional<Point> point = At(micro_batches);
    return point.has_value() ? point->wall : kUnlimited;
  }

  const Problem& problem_;
  const Size& size_;
  const SizeAtPlace& at_;
  const BatchSpace& space_;
};

// Smallest j in [first, last] with pred(j), or last + 1; pred is monotone false ... true.
template <typename Pred>
int64_t FirstTrue(int64_t first, int64_t last, Pred pred) {
  int64_t low = first, high = last + 1;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (pred(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

double UnitTokens(const BatchSpace& space) {
  return static_cast<double>(space.micro_batch_multiple * space.sequences_per_micro_batch *
                             space.sequence_length);
}

// Smallest batch that the question allows.
int64_t FirstMultiple(const Problem& problem, const BatchSpace& space) {
  const std::optional<int64_t>& least = problem.question().min_global_batch_tokens;
  if (!least.has_value()) return 1;
  const double multiples = std::ceil(static_cast<double>(*least) / UnitTokens(space));
  return std::max<int64_t>(1, static_cast<int64_t>(multiples));
}

// Largest batch worth looking at: 4 B_crit at the lowest loss this size can reach here, or what the
// question allows.
int64_t LastMultiple(const Problem& problem, const Size& size, const SizeAtPlace& at,
                     const BatchSpace& space) {
  const double unit = UnitTokens(space);
  double tokens = size.fixed_tokens.value_or(size.max_tokens);
  if (problem.has_hardware() && at.max_wall_seconds < kUnlimited) {
    const double train = std::max(0.0, at.overheads.TrainSeconds(at.max_wall_seconds));
    const double per_token =
        space.step.per_micro_batch_seconds /
        static_cast<double>(space.sequences_per_micro_batch * space.sequence_length);
    tokens = std::min(tokens, train / per_token);
  }
  // Without any limit on tokens the loss tends to its floor; 1e30 tokens are there to rounding.
  tokens = std::min(tokens, 1e30);
  if (!(tokens > 0)) return 0;
  const std::optional<int64_t>& most = problem.question().max_global_batch_tokens;
  const double largest = most.has_value()
                             ? static_cast<double>(*most)
                             : kMaxBatchOverCritical *
                                   problem.loss().CriticalBatch(
                                       size.law, tokens, problem.loss().BestCase(size.law, tokens));
  const double cap = std::min(largest, tokens * (1 + 1e-9));
  const double by_memory =
      static_cast<double>(space.max_micro_batches / space.micro_batch_multiple);
  return static_cast<int64_t>(std::min({cap / unit, by_memory, 1e15}));
}

}  // namespace

std::optional<BatchChoice> EvaluateBatch(const Problem& problem, const Size& size,
                                         const SizeAtPlace& at, const BatchSpace& space,
                                         int64_t micro_batches) {
  const Chooser chooser(problem, size, at, space);
  const std::optional<Point> point = chooser.At(micro_batches);
  if (!point.has_value()) return std::nullopt;
  return chooser.Feasible(micro_batches, *point);
}

std::optional<BatchChoice> ChooseBatch(const Problem& problem, const Size& size,
                                       const SizeAtPlace& at, const BatchSpace& space) {
  if (space.fixed_micro_batches.has_value()) {
    const int64_t micro_batches = *space.fixed_micro_batches;
    if (micro_batches < 1 || micro_batches % space.micro_batch_multiple != 0 ||
        micro_batches > space.max_micro_batches) {
      return std::nullopt;
    }
    return EvaluateBatch(problem, size, at, space, micro_batches);
  }
  const Chooser chooser(problem, size, at, space);
  const int64_t multiple = space.micro_batch_multiple;
  const int64_t first = FirstMultiple(problem, space);
  int64_t last = LastMultiple(problem, size, at, space);
  if (last < first) return std::nullopt;
  const auto capped = [&](int64_t j) {
    const std::optional<Point> point = chooser.At(j * multiple);
    return !point.has_value() || chooser.BatchTokens(j * multiple) > chooser.BatchCap(*point);
  };
  if (capped(last)) last = FirstTrue(first, last, capped) - 1;
  // Reaching a target takes more tokens the larger the batch: none beyond those that suffice.
  const auto too_many = [&](int64_t m) {
    const std::optional<Point> point = chooser.At(m * multiple);
    return !point.has_value() || point->tokens > size.max_tokens;
  };
  const bool for_target = !chooser.SpendsAll() && !size.fixed_tokens.has_value();
  if (for_target && last >= first && too_many(last)) last = FirstTrue(first, last, too_many) - 1;
  if (last < first) return std::nullopt;

  // Unimodal with flat stretches only at the bottom: the last j before the curve rises.
  const auto rises = [&](int64_t j) {
    return j >= last || chooser.Primary((j + 1) * multiple) > chooser.Primary(j * multiple);
  };
  int64_t best = std::min(FirstTrue(first, last, rises), last);
  const std::optional<BatchChoice> choice =
      EvaluateBatch(problem, size, at, space, best * multiple);
  if (choice.has_value()) return choice;

  // The best batch for the objective misses a limit. Nothing is feasible if the fastest one misses
  // it by more than rounding to whole steps explains.
  const auto wall_rises = [&](int64_t j) {
    return j >= last || chooser.Wall((j + 1) * multiple) > chooser.Wall(j * multiple);
  };
  const int64_t fastest =
      problem.has_hardware() ? std::min(FirstTrue(first, last, wall_rises), last) : best;
  const std::optional<Point> at_fastest = chooser.At(fastest * multiple);
  if (!at_fastest.has_value() || !chooser.NearlyFeasible(fastest * multiple, *at_fastest)) {
    return std::nullopt;
  }
  const double steps = at_fastest->tokens / chooser.BatchTokens(fastest * multiple);
  if (steps < kFewSteps && last - first < kMostScanned) {
    return chooser.BestOfAll(first, last);
  }
  const auto in_time = [&](int64_t j) {
    return chooser.Wall(j * multiple) <= at.max_wall_seconds * kLimitSlack;
  };
  if (in_time(best)) return chooser.BestNear(best, first, last);
  // Too slow: the smallest larger batch that is fast enough, then those beyond.
  if (fastest <= best || !in_time(fastest)) return std::nullopt;
  best += FirstTrue(1, fastest - best, [&](int64_t more) { return in_time(best + more); });
  return chooser.BestNear(best, best, last);
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
// The layouts of one size at one place: the innermost loops of the search. Bounds only skip what
// provably cannot win.
#ifndef RHUMB_PLANNER_PLAN_PLACE_SEARCH_H_
#define RHUMB_PLANNER_PLAN_PLACE_SEARCH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "planner/plan/batch_limits.h"
#include "planner/plan/candidate.h"
#include "planner/plan/cost_cache.h"
#include "planner/plan/layout_space.h"
#include "planner/plan/problem.h"
#include "planner/plan/search.h"
#include "planner/plan/search_bounds.h"
#include "planner/plan/slice_table.h"

namespace rhumb {

// The best so far, and what became of the layouts looked at.
class SearchProgress {
 public:
  // Keeps the best `most` candidates, of which the search is to find as many.
  explicit SearchProgress(size_t most = 1) : most_(most) {}

  int64_t entered_count = 0;  // layouts of the places searched
  int64_t evaluated_count = 0;
  int64_t pruned_count = 0;  // of those entered
  std::vector<TightPlace> tight_places;

  const std::vector<Candidate>& best() const { return best_; }  // best first
  // Whether nothing that ranks no better than `bound` would be kept.
  bool IsHopeless(const Rank& bound) const {
    return best_.size() == most_ && best_.back().rank.AsTuple() < bound.AsTuple();
  }
  // Whether it is kept.
  bool Offer(const Candidate& candidate) {
    if (best_.size() == most_) {
      if (!Better(candidate, best_.back())) return false;
      best_.pop_back();
    }
    best_.insert(std::upper_bound(best_.begin(), best_.end(), candidate, Better), candidate);
    return true;
  }

 private:
  size_t most_;
  std::vector<Candidate> best_;
};

class PlaceSearch {
 public:
  // `best_case` is a bound of all layouts of the size at `place`. All arguments must outlive this.
  PlaceSearch(const Problem& problem, int size_index, SizeInPool& shared, const Place& place,
              const BestCase& best_case, SearchProgress& progress);

  // Looks at every layout until `is_done`.
  void Run(const std::function<bool()>& is_done);

 private:
  void SearchDegrees(const Degrees& degrees);
  // Keeps those micro-batches in `kept` that may win with an exchange and the figures of `cells`,
  // where the cell of the i-th micro-batch is cells[i * stride].
  void KeepPromising(const Degrees& degrees, const SliceTable::Cell* cells, size_t stride,
                     const ExchangeSeconds& exchange, std::vector<size_t>& kept);
  // Seconds that a token takes at least, whatever the batch.
  double LeastSecondsOf(const Degrees& degrees, const SliceTable::Cell& cell,
                        const ExchangeSeconds& exchange, int64_t micro_batch) const;
  void SearchZeroStage(const Degrees& degrees, const SliceTable::Slice& slice, size_t zero);
  void SearchRecompute(const Degrees& degrees, const SliceTable::Slice& slice, size_t mode,
                       Layout layout);
  size_t LayoutsPerMicroBatch(const Degrees& degrees) const;
  StepCost StepOf(const Layout& layout, const SliceTable::Slice& slice, size_t cell) const;
  // Whether a layout that takes no less than `seconds_per_token` could still win. Bounds worsen
  // with seconds per token: once some are hopeless, all more are.
  bool MayWin(double seconds_per_token);
  double SmallestBatch(const Degrees& degrees, int64_t micro_batch) const;
  // Weights, gradients and optimizer of the fullest stage: the same for every micro-batch,
  // recompute mode and number of virtual stages.
  double StatesBytes(const Layout& layout) const;
  // A layout that no time bound forbids needs so many bytes or more, or with so many could run
  // otherwise.
  void NoteTooLarge(double bytes);

  const Problem& problem_;
  const int size_index_;
  const Size& size_;
  SizeInPool& shared_;
  const SearchBounds bounds_;
  const Place& place_;
  const SizeAtPlace at_;
  const BatchLimits limits_;
  SearchProgress& progress_;
  double hopeless_seconds_ = kUnlimited;
  double promising_seconds_ = 0;  // up to which layouts may win, as far as known
  // Indices of micro-batch sizes that may win: with the degrees at hand, of them with the ZeRO
  // stage, of them with the recompute mode.
  std::vector<size_t> in_degrees_, in_zero_stage_, in_mode_;
  const StageShares* stages_ = nullptr;  // of the degrees at hand
  double skew_share_ = 0;                // likewise
  ExchangeSeconds exchange_;             // of the degrees and ZeRO stage at hand
  std::optional<bool> states_fit_;       // likewise; looked at when first needed
  double least_refused_bytes_ = kUnlimited;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_PLACE_SEARCH_H_

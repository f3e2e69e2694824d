// SPDX-License-Identifier: Apache-2.0
// The layouts of one size at one place: the innermost loops of the search. Bounds only skip what
// provably cannot win.
#ifndef RHUMB_PLANNER_PLAN_PLACE_SEARCH_H_
#define RHUMB_PLANNER_PLAN_PLACE_SEARCH_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "planner/plan/batch_limits.h"
#include "planner/plan/candidate.h"
#include "planner/plan/cost_cache.h"
#include "planner/plan/layout_space.h"
#include "planner/plan/problem.h"
#include "planner/plan/search_bounds.h"
#include "planner/plan/slice_table.h"

namespace rhumb {

// The best so far, and what became of the layouts looked at.
struct SearchProgress {
  std::optional<Candidate> best;
  int64_t entered_count = 0;  // layouts of the places searched
  int64_t evaluated_count = 0;
  int64_t pruned_count = 0;  // of those entered

  bool IsHopeless(const Rank& bound) const {
    return best.has_value() && best->rank.AsTuple() < bound.AsTuple();
  }
  // Whether it is the best so far.
  bool Offer(const Candidate& candidate) {
    if (best.has_value() && !Better(candidate, *best)) return false;
    best = candidate;
    return true;
  }
};

class PlaceSearch {
 public:
  // `best_case` is a bound of all layouts of the size at `place`. All arguments must outlive this.
  PlaceSearch(const Problem& problem, int size_index, SizeInPool& shared, const Place& place,
              const BestCase& best_case, SearchProgress& progress);

  // Looks at every layout until `is_done`.
  void Run(const std::function<bool()>& is_done);

 private:
  enum class Fit { kUnknown, kFits, kTooLarge };

  void SearchDegrees(const Degrees& degrees);
  // Micro-batches that may win by their work alone, in some recompute mode.
  void FindPromising(const Degrees& degrees, const SliceTable::Slice& slice);
  // Seconds that a token takes at least, by the work of the stages and the batch it comes in.
  double LeastSecondsOf(const Degrees& degrees, const SliceTable::Cell& cell,
                        int64_t micro_batch) const;
  void SearchZeroStage(const Degrees& degrees, const SliceTable::Slice& slice, size_t mode,
                       size_t zero);
  StepCost StepOf(const Layout& layout, const SliceTable::Slice& slice, size_t cell, size_t zero);
  // Whether a layout that takes no less than `seconds_per_token` could still win. Bounds worsen
  // with seconds per token: once some are hopeless, all more are.
  bool MayWin(double seconds_per_token);
  double SmallestBatch(const Degrees& degrees, int64_t micro_batch) const;
  // Weights, gradients and optimizer of the fullest stage: the same for every micro-batch,
  // recompute mode and number of virtual stages.
  bool StatesFit(const Layout& layout) const;

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
  double promising_seconds_ = 0;           // up to which layouts may win, as far as known
  std::vector<size_t> promising_;          // indices of micro-batch sizes
  std::vector<size_t> promising_in_mode_;  // those of them that a recompute mode leaves
  const StageShares* stages_ = nullptr;    // of the degrees at hand
  // Of the degrees at hand, by index of ZeRO stage; filled when first needed.
  std::array<std::optional<ExchangeSeconds>, 4> exchange_;
  std::array<std::optional<bool>, 4> states_fit_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_PLACE_SEARCH_H_

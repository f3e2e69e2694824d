// SPDX-License-Identifier: Apache-2.0
// Evidence that a stream of yes-or-no observations has changed, at any time, with a bound on how
// often a stream that never changes is called changed, however long it gets.
//
// The capital of a gambler who stakes a share of it on "exceeded", at odds that are fair or worse
// for him while P(exceeded | past) <= p0, is a supermartingale. A part w_k of the first capital 1
// is held back until observation k and bet from then on, so that no change point needs to be
// guessed: the sum is a supermartingale from 1 too, and passes 1 / alpha with probability at most
// alpha (Ville 1939). Source: Shin, Ramdas & Rinaldo 2022, arXiv:2203.03532. The weights
// w_k ~ 1 / (k (ln k)^2) are a choice of ours: a late change costs little more than ln k.
#ifndef RHUMB_PLANNER_TRACK_EVIDENCE_H_
#define RHUMB_PLANNER_TRACK_EVIDENCE_H_

#include <array>
#include <cstdint>

namespace rhumb {

// One stream that is judged by several thresholds at once, smallest first; the capital is split
// evenly between them. Plain state: copying it copies the test.
class Evidence {
 public:
  static constexpr int kLevelCount = 3;
  // Highest share of observations that exceed each level while nothing is wrong: p0.
  static constexpr std::array<double, kLevelCount> kHealthyFraction = {0.05, 0.01, 0.003};

  // The next observation: how many of the levels it exceeded, 0 to kLevelCount. True if the
  // evidence begins to grow with it: where a change would lie.
  bool Observe(int exceeded_level_count);

  // ln of the capital, at most -infinity before the first observation. A change is called at
  // ln(1 / alpha).
  double LogCapital() const;

  // Forgets what has been won, not what has been staked: the bound holds for all calls together.
  void Restart();

 private:
  std::array<double, kLevelCount> log_capital_ = {-1e300, -1e300, -1e300};
  double growth_ = 0;  // Page's statistic of the lowest level: since it was last 0
  int64_t count_ = 0;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_EVIDENCE_H_

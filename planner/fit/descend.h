// SPDX-License-Identifier: Apache-2.0
// From one start to a minimum inside the bounds: the ladder of losses, the parameters held at their
// limits. Not the choice among starts (fit.h) and not the steps (minimize.h).
#ifndef RHUMB_PLANNER_FIT_DESCEND_H_
#define RHUMB_PLANNER_FIT_DESCEND_H_

#include <vector>

#include "planner/fit/fit.h"
#include "planner/fit/minimize.h"
#include "planner/fit/objective.h"
#include "planner/fit/parameter_space.h"
#include "planner/fit/rows.h"

namespace rhumb {

// How the loss asked for is approached. The ladder (squares first, then ever narrower Huber losses)
// leads to the best minimum as a rule; the straight way ends in the nearest.
enum class Approach { kLadder, kStraight };

struct Descent {
  ParameterVector phi;  // in the space that it ended in
  Expansion expansion;
  MinimizeSummary summary;
  HuberLoss loss;  // the last one
};

struct BoundedDescent {
  ParameterSpace space;  // the whole space, less what is held at a bound
  ParameterVector theta;
  Descent descent;
};

// Descends in one objective from any number of starts. `objective`, `rows`, `options` and `whole`
// must outlive it; the loss of `objective` is changed.
class Descender {
 public:
  Descender(Objective& objective, const Rows& rows, const FitOptions& options,
            const ParameterSpace& whole)
      : objective_(objective), rows_(rows), options_(options), whole_(whole) {}

  // Whatever it ends as: descent.summary.termination says whether that is a minimum.
  BoundedDescent From(const ParameterVector& start, Approach approach);

  // Down the ladder from one of many starts. Each start is brought down to a minimum of the squares
  // by itself. What comes after depends on that minimum alone, so starts that share it share the
  // rest of the way, which is walked once. A minimum that leaves a parameter without effect is
  // shared with none, for the ladder gives such a parameter back its value at the start.
  BoundedDescent FromOneOfMany(const ParameterVector& start);

 private:
  // The way of `start` from a place it has come to; parameters that end without effect get their
  // values at `start` back.
  BoundedDescent GoOn(const ParameterVector& start, const ParameterVector& from, Approach approach);
  BoundedDescent WithinBounds(const ParameterVector& start, const ParameterVector& from,
                              Approach approach);
  bool LeavesABound(const BoundedDescent& found);

  Objective& objective_;
  const Rows& rows_;
  const FitOptions& options_;
  const ParameterSpace& whole_;

  // Minima of the squares that paths of FromOneOfMany lead through.
  struct Junction {
    ParameterVector phi;
    Expansion expansion;
    BoundedDescent end;
  };
  std::vector<Junction> junctions_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_DESCEND_H_

// SPDX-License-Identifier: Apache-2.0
// Questions that the tests of planner/plan share, and random ones that are small enough to
// enumerate.
#ifndef RHUMB_TESTS_PLANNER_PLAN_QUESTION_FIXTURES_H_
#define RHUMB_TESTS_PLANNER_PLAN_QUESTION_FIXTURES_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "planner/plan/plan.h"
#include "planner/plan/question.h"

namespace rhumb::testing_support {

// Numbers of a fixed sequence (splitmix64): the same on every standard library, unlike std's
// distributions.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t Roll();
  double Uniform(double low, double high);
  double LogUniform(double low, double high);
  bool Chance(double probability) { return Uniform(0, 1) < probability; }
  template <typename T>
  T Pick(std::initializer_list<T> values) {
    return *(values.begin() + Roll() % values.size());
  }

 private:
  uint64_t state_;
};

// The default law and framework, nothing else set.
PlanQuestion EmptyQuestion();

// `count` GPUs of a catalogue type, `per_node` to a node, without a price.
GpuPool MakePool(absl::string_view gpu_type, int64_t count, int64_t per_node);

// A dense gated decoder; hidden = heads x head_dim, FFN 8/3 hidden rounded to 64, sequence 2048.
ModelShape MakeShape(int64_t layers, int64_t heads, int64_t kv_heads, int64_t head_dim);

// 10 layers, 10 heads of 64: 0.05B parameters; trains anywhere.
ModelShape SmallShape();

// SmallShape on 12 A100s of 40 GB with 6 to a node, two days, noise scale 256Ki tokens: a few
// thousand candidates.
PlanQuestion SmallQuestion();

// MakePlan's answer, which must be OK.
Plan PlanOf(const PlanQuestion& question);

// Pool of a feasible plan whose pools were named by NamePools.
void NamePools(PlanQuestion& question);
int PoolIndexOf(const Plan& plan);

// What is compared between plans: choice, batch, tokens, and nothing derived. Exact, for messages
// and equality.
std::string Choice(const Plan& plan);

// A valid question whose candidates number from hundreds to tens of thousands. Covers both law
// families, every objective, one or two pools of 6, 12, 24 or 96 GPUs, heads that do not divide,
// mixtures of experts, prices or none, fixed batches, memory caps, repeated data and effective MFUs
// under which all layouts tie.
PlanQuestion RandomQuestion(uint64_t seed);

}  // namespace rhumb::testing_support

#endif  // RHUMB_TESTS_PLANNER_PLAN_QUESTION_FIXTURES_H_

// SPDX-License-Identifier: Apache-2.0
// Decisions over several forms: which of them holds is part of the error.
#include "planner/fit/decisions.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "planner/fit/draws.h"
#include "planner/fit/fit.h"
#include "planner/fit/form.h"
#include "planner/fit/form_spec.h"
#include "planner/fit/law_answer.h"
#include "planner/fit/prediction.h"
#include "tests/matchers.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

using testing_support::IsOk;

constexpr double kFlops = 1e23;
constexpr double kLevel = 0.9;

struct Drawn {
  FitResult fit;
  ParameterDraws draws;
};
Drawn Draw(const Form& form, const Rows& rows, const FitOptions& options = {}) {
  Drawn drawn = {.fit = FitForm(form, rows, options).value(), .draws = {}};
  drawn.draws = DrawParameters(drawn.fit, options, rows, {.draw_count = 200, .seed = 3}).value();
  return drawn;
}
Rows GridRows() { return MakeRows(GridRuns(TrueLaw(), 8, 6, 0.004, 2)).value(); }
FitOptions Tied() {
  FitOptions options;
  options.tied = {{"alpha", "beta"}};
  return options;
}
FormDraws Of(const Drawn& drawn, double weight) {
  return {.fit = &drawn.fit, .draws = &drawn.draws, .weight = weight};
}
double Width(const Decision& decision) {
  return std::log(decision.interval.high / decision.interval.low);
}
void ExpectSame(const Decision& one, const Decision& other) {
  EXPECT_EQ(one.value, other.value);
  EXPECT_EQ(one.interval.low, other.interval.low);
  EXPECT_EQ(one.interval.high, other.interval.high);
}

TEST(ComputeForLossTest, TheLeastComputeForALossIsThatOfTheOptimumThere) {
  const Drawn plain = Draw(ChinchillaForm(), GridRows());
  const auto at = DecideAtCompute({Of(plain, 1)}, kFlops, kLevel);
  const auto least = ComputeForLoss({Of(plain, 1)}, at->loss_nats.value, kLevel);
  ASSERT_TRUE(least.has_value());
  EXPECT_NEAR(least->value / kFlops, 1, 1e-6);
  EXPECT_LT(least->interval.low, kFlops);
  EXPECT_GT(least->interval.high, kFlops);
}

// Draws whose floor lies above the loss never reach it: the interval must not forget them.
TEST(ComputeForLossTest, ALossNearTheFloorMayTakeAnyCompute) {
  const Drawn plain = Draw(ChinchillaForm(), GridRows());
  const ChinchillaLaw law = *ToChinchillaLaw(ChinchillaForm(), plain.fit.theta);
  const auto near = ComputeForLoss({Of(plain, 1)}, law.irreducible_loss_nats + 0.002, kLevel);
  EXPECT_TRUE(std::isfinite(near->value));
  EXPECT_TRUE(std::isinf(near->interval.high));
  const auto below = ComputeForLoss({Of(plain, 1)}, law.irreducible_loss_nats - 0.01, kLevel);
  EXPECT_TRUE(std::isinf(below->value));
}

TEST(MixtureTest, AFormOfAllTheWeightDecidesAlone) {
  const Drawn plain = Draw(ChinchillaForm(), GridRows());
  const Drawn tied = Draw(ChinchillaForm(), GridRows(), Tied());
  const auto mixed = DecideAtCompute({Of(plain, 1), Of(tied, 0)}, kFlops, kLevel);
  const auto alone = DecideAtCompute({Of(plain, 1)}, kFlops, kLevel);
  ExpectSame(mixed->param_count, alone->param_count);
  ExpectSame(mixed->token_count, alone->token_count);
  ExpectSame(mixed->loss_nats, alone->loss_nats);
}

TEST(MixtureTest, OfOneFormTheIntervalIsThatOfItsDraws) {
  const Drawn plain = Draw(ChinchillaForm(), GridRows());
  const auto read_a = [](const Form&, const ParameterVector& theta) { return theta[0]; };
  ExpectSame(MixtureInterval({Of(plain, 0.3)}, kLevel, false, read_a),
             DecisionInterval(plain.fit, plain.draws, kLevel, false,
                              [](const ParameterVector& theta) { return theta[0]; }));
}

TEST(MixtureTest, IsNoNarrowerThanItsNarrowestForm) {
  const Drawn plain = Draw(ChinchillaForm(), GridRows());
  const Drawn tied = Draw(ChinchillaForm(), GridRows(), Tied());
  const auto one = DecideAtCompute({Of(plain, 1)}, kFlops, kLevel);
  const auto other = DecideAtCompute({Of(tied, 1)}, kFlops, kLevel);
  for (const double weight : {0.1, 0.5, 0.9}) {
    const auto mixed = DecideAtCompute({Of(plain, weight), Of(tied, 1 - weight)}, kFlops, kLevel);
    for (const auto field : {&ComputeDecisions::param_count, &ComputeDecisions::token_count,
                             &ComputeDecisions::tokens_per_param, &ComputeDecisions::loss_nats}) {
      EXPECT_GE(Width(*mixed.*field), std::min(Width(*one.*field), Width(*other.*field)));
    }
  }
}

// Far apart and of equal weight: the lowest 5% of both are the lowest 10% of one.
TEST(MixtureTest, FormsThatDisagreeSpanFromOneToTheOther) {
  const Drawn plain = Draw(ChinchillaForm(), GridRows());
  Drawn moved = plain;
  moved.fit.theta[1] += 3;  // ln B: more tokens for every model
  moved.draws.thetas.col(1).array() += 3;
  const auto one = DecideAtCompute({Of(plain, 1)}, kFlops, 0.8);
  const auto other = DecideAtCompute({Of(moved, 1)}, kFlops, 0.8);
  const auto mixed = DecideAtCompute({Of(plain, 1), Of(moved, 1)}, kFlops, kLevel);
  ASSERT_LT(other->param_count.interval.high, one->param_count.interval.low);
  EXPECT_NEAR(mixed->param_count.interval.low / other->param_count.interval.low, 1, 0.02);
  EXPECT_NEAR(mixed->param_count.interval.high / one->param_count.interval.high, 1, 0.02);
  EXPECT_EQ(mixed->param_count.value, one->param_count.value);
}

// The same draws in two parts of unlike weight are the same distribution.
TEST(MixtureTest, WeighsDrawsAndNotTheirNumber) {
  const Drawn plain = Draw(ChinchillaForm(), GridRows());
  Drawn thrice = plain;
  thrice.draws.thetas = plain.draws.thetas.replicate(3, 1);
  thrice.draws.stretch.insert(thrice.draws.stretch.end(), 400, plain.draws.stretch.front());
  const auto alone = DecideAtCompute({Of(plain, 1)}, kFlops, kLevel);
  const auto mixed = DecideAtCompute({Of(plain, 0.7), Of(thrice, 0.3)}, kFlops, kLevel);
  EXPECT_NEAR(Width(mixed->param_count) / Width(alone->param_count), 1, 0.02);
}

TEST(MixtureTest, AFormWithoutAnOptimumIsLeftOut) {
  const Drawn plain = Draw(ChinchillaForm(), GridRows());
  const Drawn overtraining = Draw(OvertrainingForm(), GridRows());
  const auto mixed = DecideAtCompute({Of(plain, 0.2), Of(overtraining, 0.8)}, kFlops, kLevel);
  ExpectSame(mixed->param_count, DecideAtCompute({Of(plain, 1)}, kFlops, kLevel)->param_count);
  EXPECT_FALSE(
      DecideAtCompute({Of(overtraining, 0.8), Of(plain, 0.2)}, kFlops, kLevel).has_value());
}

Predictor Predict(const FormSpec& spec, const Rows& rows) {
  return Predictor::Create(spec, RivalsOf(spec, rows), rows, {.draw_count = 200, .seed = 42})
      .value();
}

// A law whose weight `is_wanted`, fitted to the first of some noises that gives one: which noise
// does, rounding decides.
template <typename Wanted>
std::optional<Predictor> PredictorOfWeight(const Wanted& is_wanted) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Rows rows = MakeRows(GridRuns(TrueLaw(), 6, 6, 0.003, seed)).value();
    Predictor predictor = Predict(MakeSpec(ChinchillaForm(), {}).value(), rows);
    if (is_wanted(predictor.law().weight)) return predictor;
  }
  return std::nullopt;
}

// On so small a grid the tied form is nearly right and often earns nearly all of the weight.
TEST(FormsOfDecisionsTest, ALawOfLittleWeightStillCountsHalf) {
  const auto predictor = PredictorOfWeight([](double weight) { return weight < 0.5; });
  ASSERT_TRUE(predictor.has_value());
  const std::vector<FormDraws> forms = FormsOfDecisions(*predictor);
  ASSERT_EQ(forms.size(), predictor->members().size());
  EXPECT_EQ(forms[0].weight, 0.5);
  double rivals = 0;
  for (size_t k = 1; k < forms.size(); ++k) rivals += forms[k].weight;
  EXPECT_NEAR(rivals, 0.5, 1e-12);
}

TEST(FormsOfDecisionsTest, ALawOfMoreThanHalfTheWeightKeepsIt) {
  const auto predictor = PredictorOfWeight([](double weight) { return weight > 0.5; });
  ASSERT_TRUE(predictor.has_value());
  EXPECT_EQ(FormsOfDecisions(*predictor)[0].weight, predictor->law().weight);
}

TEST(FormsOfDecisionsTest, AFitAnswersTheirIntervalsExactly) {
  const std::vector<Observation> runs = GridRuns(TrueLaw(), 6, 6, 0.003, 1);
  const auto fit = FitLaw({.observations = runs}, {.bootstrap_count = 200, .seed = 42});
  ASSERT_THAT(fit, IsOk());
  ASSERT_GE(fit->form_weights.size(), 2u);
  const Predictor predictor =
      Predict(MakeSpec(ChinchillaForm(), {}).value(), MakeRows(runs).value());
  const auto expected =
      DecideAtCompute(FormsOfDecisions(predictor), fit->decisions[2].training_flops, fit->level);
  EXPECT_EQ(fit->decisions[2].param_count_interval.low, expected->param_count.interval.low);
  EXPECT_EQ(fit->decisions[2].param_count_interval.high, expected->param_count.interval.high);
  EXPECT_EQ(fit->decisions[2].loss_interval.high, expected->loss_nats.interval.high);
}

}  // namespace
}  // namespace rhumb

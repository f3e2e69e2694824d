// SPDX-License-Identifier: Apache-2.0
// What every published law owes: provenance, exact gradients, an inverse, an optimum that no other
// split beats. Values of single laws: published_values_test.cc.
#include "planner/laws/published_law.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;
using ::testing::ElementsAre;

// Points of everyday use: one of two or three values for each variable, in all combinations.
std::vector<double> TypicalValues(const std::string& variable) {
  static const std::map<std::string, std::vector<double>> kValues = {
      {"param_count", {3e7, 7e9}},
      {"token_count", {2e9, 3e11}},
      {"unique_token_count", {1e9, 5e10}},
      {"training_flops", {1e18, 3e22}},
      {"step_count", {2e3, 1e5}},
      {"loss_nats", {2.1, 4.0}},
      {"expert_count", {1, 16, 300}},
      {"granularity", {1, 12}},
      {"sparsity_fraction", {0.1, 0.93}},
      {"weight_bits", {3, 8}},
      {"activation_bits", {4, 16}},
      {"cache_bits", {3, 8}},
      {"finetuning_character_count", {1e6, 1e9}},
      {"tokens_per_param", {5, 200}}};
  return kValues.at(variable);
}

std::vector<LawInputs> TypicalPoints(const PublishedLaw& law) {
  std::vector<LawInputs> points = {{}};
  for (const LawVariable& variable : law.variables) {
    std::vector<LawInputs> longer;
    for (const LawInputs& point : points) {
      for (const double value : TypicalValues(variable.name)) {
        longer.push_back(point);
        longer.back()[variable.name] = value;
      }
    }
    points = longer;
  }
  return points;
}

class EveryLawTest : public ::testing::TestWithParam<PublishedLaw> {};

TEST_P(EveryLawTest, StatesWhatItIs) {
  const PublishedLaw& law = GetParam();
  EXPECT_FALSE(law.family.empty());
  EXPECT_FALSE(law.quantity.empty());
  EXPECT_FALSE(law.unit.empty());
  EXPECT_FALSE(law.form.empty());
  EXPECT_FALSE(law.conventions.empty());
  EXPECT_FALSE(law.source.empty());
  EXPECT_FALSE(law.constants.empty());
  EXPECT_NE(law.verification, VerificationStatus::kMemory);
  ASSERT_FALSE(law.variables.empty());
  ASSERT_LE(law.variables.size(), kMaxLawVariables);
  for (const LawVariable& variable : law.variables) {
    EXPECT_FALSE(variable.unit.empty()) << variable.name;
    EXPECT_LT(variable.min, variable.max) << variable.name;
  }
}

TEST_P(EveryLawTest, GradientIsTheCentralDifference) {
  for (const LawInputs& point : TypicalPoints(GetParam())) {
    const auto gradient = Gradient(GetParam(), point);
    ASSERT_THAT(gradient, IsOk());
    for (const auto& [name, value] : point) {
      if (value == 1) continue;  // the edge of the range has no left side
      constexpr double kStep = 1e-5;
      LawInputs right = point, left = point;
      right[name] = value * std::exp(kStep);
      left[name] = value * std::exp(-kStep);
      const double numeric = (*Value(GetParam(), right) - *Value(GetParam(), left)) / (2 * kStep);
      const double scale = std::abs(*Value(GetParam(), point));
      EXPECT_NEAR(gradient->at(name), numeric, 1e-6 * std::abs(numeric) + 1e-9 * scale) << name;
    }
  }
}

TEST_P(EveryLawTest, SolveForGivesBackEveryVariableItCanInvert) {
  for (const LawInputs& point : TypicalPoints(GetParam())) {
    const double value = *Value(GetParam(), point);
    const LawInputs gradient = *Gradient(GetParam(), point);
    for (const LawVariable& variable : GetParam().variables) {
      if (!variable.monotone) continue;
      const double slope = std::abs(gradient.at(variable.name));
      if (slope < 1e-6 * std::abs(value)) continue;  // flat there: the value tells nothing apart
      const auto solved = SolveFor(GetParam(), variable.name, value, point);
      ASSERT_THAT(solved, IsOk());
      EXPECT_THAT(*solved,
                  RelativelyNear(point.at(variable.name), 1e-13 + 1e-14 * std::abs(value) / slope))
          << variable.name;
    }
  }
}

// The sign of the slope in a monotone variable is one along its range at given others.
TEST_P(EveryLawTest, MonotoneVariablesHaveSlopesOfOneSign) {
  for (const LawInputs& point : TypicalPoints(GetParam())) {
    for (const LawVariable& variable : GetParam().variables) {
      if (!variable.monotone) continue;
      double least = 0, most = 0;
      for (int i = 1; i < 60; ++i) {
        LawInputs moved = point;
        moved[variable.name] = variable.min > 0
                                   ? variable.min * std::pow(variable.max / variable.min, i / 60.0)
                                   : variable.max * i / 60.0;
        const auto gradient = Gradient(GetParam(), moved);
        ASSERT_THAT(gradient, IsOk());
        least = std::min(least, gradient->at(variable.name));
        most = std::max(most, gradient->at(variable.name));
      }
      EXPECT_TRUE(least == 0 || most == 0) << variable.name << " " << least << " " << most;
    }
  }
}

TEST_P(EveryLawTest, OutOfRangeInputsAreNamedWithTheAllowedRange) {
  for (const LawVariable& variable : GetParam().variables) {
    LawInputs point = TypicalPoints(GetParam()).front();
    point[variable.name] = variable.max * 1.01;
    EXPECT_THAT(Value(GetParam(), point),
                StatusIs(absl::StatusCode::kInvalidArgument, variable.name + " is "));
    point[variable.name] = std::nan("");
    EXPECT_THAT(Value(GetParam(), point),
                StatusIs(absl::StatusCode::kInvalidArgument, variable.name + " is nan"));
  }
}

std::string TestName(const ::testing::TestParamInfo<PublishedLaw>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}
INSTANTIATE_TEST_SUITE_P(Registry, EveryLawTest, ::testing::ValuesIn(PublishedLaws()), TestName);

TEST(PublishedLawTest, NamesAreUnique) {
  std::set<std::string> names;
  for (const PublishedLaw& law : PublishedLaws()) names.insert(law.name);
  EXPECT_EQ(names.size(), PublishedLaws().size());
}

TEST(PublishedLawTest, EveryLawOfThePlannerIsInTheList) {
  for (const Law& law : LawCatalog()) {
    const PublishedLaw* published = FindPublishedLaw(law.name);
    ASSERT_NE(published, nullptr) << law.name;
    EXPECT_EQ(published->planner_law, &law);
  }
}

TEST(PublishedLawTest, AnUnknownVariableListsTheKnownOnes) {
  EXPECT_THAT(Value(*FindPublishedLaw("kaplan2020-nd"),
                    {{"param_count", 1e9}, {"token_count", 1e10}, {"expert_count", 8}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "expert_count is no variable of kaplan2020-nd; it takes param_count, "
                       "token_count"));
}

TEST(PublishedLawTest, AMissingVariableIsNamed) {
  EXPECT_THAT(Value(*FindPublishedLaw("besiroglu2024"), {{"param_count", 1e9}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "token_count is missing"));
}

TEST(PublishedLawTest, KaplansLearningRateIsRefusedFromTenBillionParametersOn) {
  const PublishedLaw& law = *FindPublishedLaw("kaplan2020-lr");
  EXPECT_THAT(Value(law, {{"param_count", 1e10}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "param_count is 1e+10; kaplan2020-lr allows 1 to 1e+10 (excluded)"));
  EXPECT_THAT(Value(law, {{"param_count", 9.9e9}}), IsOk());
}

TEST(PublishedLawTest, AbsentUniqueTokensMeanFreshTokens) {
  const PublishedLaw& law = *FindPublishedLaw("muennighoff2023-c4");
  const LawInputs fresh = {{"param_count", 1e9}, {"token_count", 1e11}};
  LawInputs stated = fresh;
  stated["unique_token_count"] = 1e11;
  EXPECT_EQ(*Value(law, fresh), *Value(law, stated));
  // The defaulted variable moves with the one it follows.
  const LawInputs gradient = *Gradient(law, fresh);
  EXPECT_EQ(gradient.count("unique_token_count"), 0u);
  const LawInputs more = {{"param_count", 1e9}, {"token_count", 1e11 * std::exp(1e-5)}};
  EXPECT_NEAR(gradient.at("token_count"), (*Value(law, more) - *Value(law, fresh)) / 1e-5, 1e-5);
}

TEST(PublishedLawTest, AnUnreachableTargetNamesWhatIsReached) {
  EXPECT_THAT(
      SolveFor(*FindPublishedLaw("besiroglu2024"), "token_count", 1.5, {{"param_count", 1e10}}),
      StatusIs(absl::StatusCode::kOutOfRange, "target is 1.5"));
}

TEST(PublishedLawTest, AVariableWithoutMonotonyIsNotSolvedFor) {
  EXPECT_THAT(SolveFor(*FindPublishedLaw("abnar2025-sparse"), "sparsity_fraction", 2.3,
                       {{"param_count", 1e10}, {"token_count", 1e11}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "not monotone in sparsity_fraction"));
}

TEST(PublishedLawTest, FractionsAreSolvedForDownToZero) {
  const PublishedLaw& law = *FindPublishedLaw("frantar2023-sparse");
  const LawInputs dense = {{"param_count", 1e8}, {"token_count", 1e11}, {"sparsity_fraction", 0}};
  EXPECT_NEAR(*SolveFor(law, "sparsity_fraction", *Value(law, dense), dense), 0, 1e-12);
}

TEST(PublishedLawTest, ALawWithoutAnOptimumSaysSo) {
  EXPECT_THAT(OptimumForFlops(*FindPublishedLaw("kaplan2020-nd"), 1e21),
              StatusIs(absl::StatusCode::kFailedPrecondition, "kaplan2020-nd defines no optimum"));
}

TEST(PublishedLawTest, AnOptimumAsksForTheVariablesItDoesNotChoose) {
  EXPECT_THAT(OptimumForFlops(*FindPublishedLaw("ludziejewski2025-moe"), 1e21),
              StatusIs(absl::StatusCode::kInvalidArgument, "expert_count is missing"));
  EXPECT_THAT(OptimumForFlops(*FindPublishedLaw("besiroglu2024"), -1),
              StatusIs(absl::StatusCode::kInvalidArgument, "training_flops is -1"));
}

// Every law with N and D among what its optimum chooses: no other N within the same N D product
// does better.
TEST(PublishedLawTest, NoOtherSplitOfTheBudgetBeatsAnOptimum) {
  int checked = 0;
  for (const PublishedLaw& law : PublishedLaws()) {
    if (law.optimum_chooses != std::vector<std::string>{"param_count", "token_count"}) continue;
    LawInputs others = {{"expert_count", 8},
                        {"sparsity_fraction", 0.5},
                        {"granularity", 4},
                        {"unique_token_count", 25e9}};
    for (auto it = others.begin(); it != others.end();) {
      const bool known = std::any_of(law.variables.begin(), law.variables.end(),
                                     [&](const LawVariable& v) { return v.name == it->first; });
      it = known ? std::next(it) : others.erase(it);
    }
    const auto best = OptimumForFlops(law, 1e22, others);
    ASSERT_THAT(best, IsOk());
    EXPECT_THAT(best->value, RelativelyNear(*Value(law, best->point), 1e-12)) << law.name;
    for (int i = -60; i <= 60; ++i) {
      LawInputs other = best->point;
      other["param_count"] *= std::exp(i / 20.0);
      other["token_count"] *= std::exp(-i / 20.0);
      EXPECT_GE(*Value(law, other), best->value * (1 - 1e-14)) << law.name;
    }
    ++checked;
  }
  EXPECT_GE(checked, 13);
}

TEST(PublishedLawTest, ExtrapolationNamesTheVariablesOutsideOfTheData) {
  EXPECT_THAT(ExtrapolatedVariables(*FindPublishedLaw("kaplan2020-nd"),
                                    {{"param_count", 1e12}, {"token_count", 1e10}}),
              ElementsAre("param_count"));
}

TEST(PublishedLawTest, TheStatusOfVerificationHasWords) {
  EXPECT_EQ(VerificationText(FindPublishedLaw("kaplan2020-n")->verification),
            "checked against the paper's text");
  EXPECT_EQ(VerificationText(FindPublishedLaw("clark2022-hash")->verification),
            "read in a secondary source");
}

}  // namespace
}  // namespace rhumb

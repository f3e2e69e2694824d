// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/catalog.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "Eigen/Dense"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/chinchilla.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::RelativelyNear;

TEST(CatalogTest, NamesAreUnique) {
  std::set<std::string> names;
  for (const Law& law : LawCatalog()) names.insert(law.name);
  EXPECT_EQ(names.size(), LawCatalog().size());
}

TEST(CatalogTest, EveryLawIsValidAndStatesItsProvenance) {
  for (const Law& law : LawCatalog()) {
    EXPECT_TRUE(ValidateChinchillaLaw(law.constants).ok()) << law.name;
    EXPECT_FALSE(law.source.empty()) << law.name;
    EXPECT_FALSE(law.tokenizer.empty()) << law.name;
    EXPECT_FALSE(law.dataset.empty()) << law.name;
  }
}

TEST(CatalogTest, TheDefaultLawComesFirst) {
  EXPECT_EQ(LawCatalog().front().name, kDefaultLawName);
}

TEST(CatalogTest, AnUnknownNameFindsNothing) { EXPECT_EQ(FindLaw("besiroglu"), nullptr); }

// Hoffmann et al. 2022, arXiv:2203.15556: the TeX source holds e^.5267228, printed as 1.69.
TEST(CatalogTest, HoffmannIsUnrounded) {
  EXPECT_THAT(FindLaw("hoffmann2022")->constants.irreducible_loss_nats,
              RelativelyNear(1.6933736809989528, 1e-15));
  EXPECT_THAT(FindLaw("hoffmann2022")->constants.b, RelativelyNear(410.7228269450398, 1e-14));
}

TEST(CatalogTest, MuennighoffCarriesItsRepetition) {
  const Law& law = *FindLaw("muennighoff2023-c4");
  EXPECT_EQ(law.family, LawFamily::kDataConstrained);
  ASSERT_TRUE(law.repetition.has_value());
  EXPECT_EQ(law.repetition->data_decay_epochs, 15.387756);
  EXPECT_THAT(law.constants.a, RelativelyNear(520.8249516599187, 1e-14));
}

// The refit's optimum at 1e21 FLOPs beside its covariance: L 2.30445485, N 2.7917e9.
TEST(CatalogTest, TheHuberRefitHasItsPublishedOptimum) {
  const FrontierPoint best = OptimumForCompute(FindLaw("besiroglu2024-huber")->constants, 1e21);
  EXPECT_THAT(best.loss_nats, RelativelyNear(2.3044548500748223, 1e-9));
  EXPECT_THAT(best.param_count, RelativelyNear(2791737454.8197813, 1e-6));
}

TEST(CatalogTest, OnlyTheBesirogluLawsCarryACovariance) {
  for (const Law& law : LawCatalog()) {
    EXPECT_EQ(law.covariance.has_value(), law.name.rfind("besiroglu2024", 0) == 0) << law.name;
  }
}

// laws of (ln A, alpha) and (ln B, beta) are nearly collinear: correlations .999 and 1.000.
TEST(CatalogTest, TheCovarianceIsPositiveDefiniteAndStronglyCorrelated) {
  const auto& values = FindLaw("besiroglu2024")->covariance->values;
  Eigen::Matrix<double, 5, 5> matrix;
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 5; ++j) matrix(i, j) = values(i, j);
  }
  EXPECT_EQ(matrix, matrix.transpose());
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix<double, 5, 5>> solver(matrix);
  EXPECT_GT(solver.eigenvalues().minCoeff(), 0);
  EXPECT_GT(matrix(0, 3) / std::sqrt(matrix(0, 0) * matrix(3, 3)), 0.998);
  EXPECT_GT(matrix(1, 4) / std::sqrt(matrix(1, 1) * matrix(4, 4)), 0.9985);
}

// L(C, M) = E + (a M^eta + b M^-eta) C^-eta, Gadre et al. 2024, arXiv:2403.08540, at C = 1e21, M
// = 20.
TEST(CatalogTest, GadreInChinchillaFormHasTheLossOfItsOwnForm) {
  const double n = std::sqrt(1e21 / 6 / 20);
  EXPECT_THAT(ExpectedLoss(FindLaw("gadre2024-redpajama")->constants, n, 20 * n),
              RelativelyNear(2.6051017601753856, 1e-9));
}

}  // namespace
}  // namespace rhumb

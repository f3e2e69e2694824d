// SPDX-License-Identifier: Apache-2.0
// The kernel of every processor and the wide one give the same sums and the same fits.
#include "planner/fit/chinchilla_kernel.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/fit/chinchilla_objective.h"
#include "planner/fit/forms.h"
#include "planner/fit/minimize.h"
#include "planner/fit/variable_projection.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

constexpr double kAlike = 1e-12;

// 1, 127, 128, 129 rows: around a whole block.
Rows SomeRows(int count) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 13, 10, 0.005, 1);
  runs.resize(static_cast<size_t>(count));
  return MakeRows(runs).value();
}

ParameterVector NearTheLaw() {
  ParameterVector theta(5);
  theta << std::log(480.0), std::log(2100.0), std::log(1.8), 0.35, 0.372;
  return theta;
}

// In double loops as on paper, terms summed in long double.
long double PlainValue(const Rows& rows, const ParameterVector& theta, const HuberLoss& loss,
                       bool on_loss) {
  long double sum = 0;
  for (int i = 0; i < rows.size(); ++i) {
    const double predicted = std::exp(theta[0] - theta[3] * rows.log_params[i]) +
                             std::exp(theta[1] - theta[4] * rows.log_tokens[i]) +
                             std::exp(theta[2]);
    const double r =
        on_loss ? predicted - std::exp(rows.log_loss[i]) : std::log(predicted) - rows.log_loss[i];
    sum += static_cast<long double>(rows.weight[i]) * loss.Value(r);
  }
  return sum;
}

void ExpectAlike(const Expansion& one, const Expansion& other) {
  EXPECT_NEAR(one.value, other.value, kAlike * other.value);
  EXPECT_NEAR(one.squared_residuals, other.squared_residuals, kAlike * other.squared_residuals);
  // Entries cancel; Cauchy and Schwarz bound what they are sums of.
  for (int i = 0; i < 5; ++i) {
    const double scale = std::sqrt(other.gram(i, i) * other.squared_residuals);
    EXPECT_NEAR(one.gradient[i], other.gradient[i], kAlike * scale) << i;
    for (int j = 0; j < 5; ++j) {
      const double size = std::sqrt(other.gram(i, i) * other.gram(j, j));
      EXPECT_NEAR(one.gram(i, j), other.gram(i, j), kAlike * size) << i << "," << j;
      EXPECT_NEAR(one.hessian(i, j), other.hessian(i, j), 4 * kAlike * size) << i << "," << j;
    }
  }
}

class ChinchillaKernelTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Rows, ChinchillaKernelTest, testing::Values(1, 3, 5, 127, 128, 129, 130));

TEST_P(ChinchillaKernelTest, BothGiveTheSameSums) {
  if (WideChinchillaKernel() == nullptr) GTEST_SKIP() << "this processor has one kernel";
  const Rows rows = SomeRows(GetParam());
  for (const ResidualKind kind : {ResidualKind::kLogLoss, ResidualKind::kLoss}) {
    for (const double delta : {1e-3, 1e-2, std::numeric_limits<double>::infinity()}) {
      Expansion one, other;
      auto wide = MakeChinchillaObjective(rows, kind, WideChinchillaKernel());
      auto narrow = MakeChinchillaObjective(rows, kind, &SumChinchillaBaseline);
      wide->SetLoss({delta});
      narrow->SetLoss({delta});
      wide->Expand(NearTheLaw(), one);
      narrow->Expand(NearTheLaw(), other);
      ExpectAlike(one, other);
    }
  }
}

TEST_P(ChinchillaKernelTest, TheValueIsThatOfThePlainSum) {
  const Rows rows = SomeRows(GetParam());
  for (const bool on_loss : {false, true}) {
    for (const double delta : {1e-3, std::numeric_limits<double>::infinity()}) {
      const HuberLoss loss{delta};
      auto objective = MakeChinchillaObjective(
          rows, on_loss ? ResidualKind::kLoss : ResidualKind::kLogLoss, &SumChinchillaBaseline);
      objective->SetLoss(loss);
      Expansion at;
      objective->Expand(NearTheLaw(), at);
      const auto expected = static_cast<double>(PlainValue(rows, NearTheLaw(), loss, on_loss));
      // A residual is a difference of two logarithms near 1.
      EXPECT_NEAR(at.value, expected, 1e-11 * expected);
    }
  }
}

TEST(ChinchillaKernelFitTest, BothEndInTheSameMinimum) {
  if (WideChinchillaKernel() == nullptr) GTEST_SKIP() << "this processor has one kernel";
  const Rows rows = SomeRows(130);
  Expansion at[2];
  ParameterVector theta[2];
  const ChinchillaKernel kernels[] = {&SumChinchillaBaseline, WideChinchillaKernel()};
  for (int k = 0; k < 2; ++k) {
    auto objective = MakeChinchillaObjective(rows, ResidualKind::kLogLoss, kernels[k]);
    objective->SetLoss({1e-3});
    theta[k] = ProjectedStarts(rows).front();
    EXPECT_TRUE(IsMinimum(Minimize(*objective, {}, theta[k], at[k]).termination));
  }
  EXPECT_NEAR(at[0].value, at[1].value, kAlike * at[0].value);
  // The constants lie along a valley 1e5 times as long as it is wide.
  EXPECT_LT((theta[0] - theta[1]).cwiseQuotient(theta[0]).cwiseAbs().maxCoeff(), 1e-9);
}

TEST(ChinchillaKernelFitTest, ALossThatOverflowsIsNotFinite) {
  const Rows rows = SomeRows(5);
  ParameterVector theta = NearTheLaw();
  theta[0] = 800;
  Expansion at;
  MakeChinchillaObjective(rows, ResidualKind::kLogLoss, BestChinchillaKernel())->Expand(theta, at);
  EXPECT_FALSE(std::isfinite(at.value) && at.gradient.allFinite());
}

#ifdef RHUMB_WIDE_KERNEL_OBJECT
TEST(ChinchillaKernelFitTest, TheWideOneCallsTheVectorFunctions) {
  std::ifstream file(RHUMB_WIDE_KERNEL_OBJECT, std::ios::binary);
  const std::string object((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
  EXPECT_THAT(object, testing::HasSubstr("_ZGVdN4v_exp"));
  EXPECT_THAT(object, testing::HasSubstr("_ZGVdN4v_log"));
}
#endif

}  // namespace
}  // namespace rhumb

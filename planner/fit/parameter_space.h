// SPDX-License-Identifier: Apache-2.0
// The parameters that are free to move: fixed, tied and bounded ones taken out.
#ifndef RHUMB_PLANNER_FIT_PARAMETER_SPACE_H_
#define RHUMB_PLANNER_FIT_PARAMETER_SPACE_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/fit/form.h"
#include "planner/fit/objective.h"
#include "planner/fit/parameters.h"

namespace rhumb {

// ln of a constant that is fixed at zero: its term is below the rounding of any loss.
inline constexpr double kLogOfZero = -100;
// Greatest values to fix ln of a constant or an exponent at.
inline constexpr double kMaxFixedLog = 300;
inline constexpr double kMaxFixedExponent = 20;

// theta = base + basis * phi; `basis` is 0/1, a column per free parameter or tied group.
class ParameterSpace {
 public:
  // Bounds may be infinite on either side. InvalidArgument names a symbol the form lacks, a value
  // that is not finite (or negative where a logarithm is fitted), a fixed value out of range,
  // bounds that are empty, or two tied symbols whose fixed values or bounds exclude each other.
  static absl::StatusOr<ParameterSpace> Create(
      const Form& form, const std::map<std::string, double>& fixed,
      const std::map<std::string, std::pair<double, double>>& bounds,
      const std::vector<std::pair<std::string, std::string>>& tied);

  int FreeCount() const { return static_cast<int>(basis_.cols()); }
  ParameterVector Theta(const ParameterVector& phi) const { return base_ + basis_ * phi; }
  // The nearest point of the space: tied parameters take their mean, bounded ones the limit.
  ParameterVector Phi(const ParameterVector& theta) const;
  const ParameterMatrix& basis() const { return basis_; }
  // True if theta is phi: nothing fixed, tied or held.
  bool IsWhole() const { return basis_.rows() == basis_.cols(); }

  bool IsFree(int parameter) const { return basis_.row(parameter).cwiseAbs().sum() > 0; }
  double lowest(int parameter) const { return lowest_[parameter]; }
  double highest(int parameter) const { return highest_[parameter]; }

  // The same space with one more parameter held at a value (with all that are tied to it).
  ParameterSpace Holding(int parameter, double theta) const;

 private:
  ParameterVector base_;
  ParameterMatrix basis_;
  ParameterVector lowest_, highest_;  // on theta
};

// The objective as a function of phi. The inner objective must outlive it.
class ReducedObjective final : public Objective {
 public:
  ReducedObjective(Objective& inner, const ParameterSpace& space) : inner_(inner), space_(space) {}

  int ParameterCount() const override { return space_.FreeCount(); }
  void Expand(const ParameterVector& phi, Expansion& expansion) const override;
  void SetLoss(const HuberLoss& loss) override { inner_.SetLoss(loss); }
  double RoundingFloor() const override { return inner_.RoundingFloor(); }

 private:
  Objective& inner_;
  const ParameterSpace& space_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_PARAMETER_SPACE_H_

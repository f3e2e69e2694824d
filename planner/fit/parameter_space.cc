// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/parameter_space.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rhumb {
namespace {

absl::StatusOr<int> IndexOf(const Form& form, const std::string& symbol, const char* field) {
  const std::vector<ParameterInfo>& parameters = form.parameters();
  for (size_t j = 0; j < parameters.size(); ++j) {
    if (parameters[j].symbol == symbol) return static_cast<int>(j);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      field, " names ", symbol, ", which ", form.name(), " does not have; its constants are ",
      absl::StrJoin(parameters, ", ", [](std::string* out, const ParameterInfo& info) {
        out->append(info.symbol);
      })));
}

absl::StatusOr<double> ToTheta(const ParameterInfo& info, double value, const char* field) {
  if (!std::isfinite(value) || (info.is_log && value < 0)) {
    return absl::InvalidArgumentError(absl::StrCat(field, " gives ", info.symbol, " = ", value,
                                                   "; must be a finite number",
                                                   info.is_log ? ", 0 or more" : ""));
  }
  if (!info.is_log) return value;
  // A constant of zero takes its term out of the law: its logarithm is far below any data.
  return value > 0 ? std::log(value) : kLogOfZero;
}

// One side of bounds: an infinite one is open.
absl::StatusOr<double> SideToTheta(const ParameterInfo& info, double value) {
  return std::isinf(value) ? value : ToTheta(info, value, "bounds");
}

// A fixed value: beyond these the law over- or underflows at any size.
absl::StatusOr<double> FixedToTheta(const ParameterInfo& info, double value) {
  absl::StatusOr<double> theta = ToTheta(info, value, "fixed");
  if (!theta.ok()) return theta;
  if (info.is_log ? *theta < kLogOfZero || *theta > kMaxFixedLog
                  : *theta <= 0 || *theta > kMaxFixedExponent) {
    return absl::InvalidArgumentError(absl::StrCat(
        "fixed gives ", info.symbol, " = ", value, "; must be ",
        info.is_log ? absl::StrCat("0 or have a logarithm from ", kLogOfZero, " to ", kMaxFixedLog)
                    : absl::StrCat("above 0 and at most ", kMaxFixedExponent)));
  }
  return theta;
}

// Whether the thetas of two tied parameters can be equal inside the bounds of both.
absl::Status CheckTiedBounds(const std::vector<ParameterInfo>& parameters,
                             const std::vector<int>& group, const ParameterVector& lowest,
                             const ParameterVector& highest) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    for (size_t j = i + 1; j < parameters.size(); ++j) {
      const auto a = static_cast<Eigen::Index>(i), b = static_cast<Eigen::Index>(j);
      if (group[i] != group[j] ||
          std::max(lowest[a], lowest[b]) <= std::min(highest[a], highest[b])) {
        continue;
      }
      return absl::InvalidArgumentError(absl::StrCat("bounds of ", parameters[i].symbol, " and ",
                                                     parameters[j].symbol,
                                                     ", which are tied, have no value in common"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ParameterSpace> ParameterSpace::Create(
    const Form& form, const std::map<std::string, double>& fixed,
    const std::map<std::string, std::pair<double, double>>& bounds,
    const std::vector<std::pair<std::string, std::string>>& tied) {
  const std::vector<ParameterInfo>& parameters = form.parameters();
  const int count = static_cast<int>(parameters.size());
  ParameterSpace space;
  space.base_ = ParameterVector::Zero(count);
  space.lowest_.resize(count);
  space.highest_.resize(count);
  for (int j = 0; j < count; ++j) {
    space.lowest_[j] = parameters[static_cast<size_t>(j)].lowest_theta;
    space.highest_[j] = parameters[static_cast<size_t>(j)].highest_theta;
  }
  // Tied parameters share the group of the first of them.
  std::vector<int> group(static_cast<size_t>(count));
  std::iota(group.begin(), group.end(), 0);
  for (const auto& [first, second] : tied) {
    const absl::StatusOr<int> a = IndexOf(form, first, "tied");
    if (!a.ok()) return a.status();
    const absl::StatusOr<int> b = IndexOf(form, second, "tied");
    if (!b.ok()) return b.status();
    const int from = group[static_cast<size_t>(*b)], to = group[static_cast<size_t>(*a)];
    std::replace(group.begin(), group.end(), from, to);
  }
  for (const auto& [symbol, range] : bounds) {
    const absl::StatusOr<int> j = IndexOf(form, symbol, "bounds");
    if (!j.ok()) return j.status();
    const ParameterInfo& info = parameters[static_cast<size_t>(*j)];
    const absl::StatusOr<double> low = SideToTheta(info, range.first);
    if (!low.ok()) return low.status();
    const absl::StatusOr<double> high = SideToTheta(info, range.second);
    if (!high.ok()) return high.status();
    space.lowest_[*j] = std::max(space.lowest_[*j], *low);
    space.highest_[*j] = std::min(space.highest_[*j], *high);
    if (!(space.lowest_[*j] <= space.highest_[*j])) {
      return absl::InvalidArgumentError(absl::StrCat("bounds of ", symbol, " are empty: [",
                                                     range.first, ", ", range.second, "]"));
    }
  }
  const absl::Status common = CheckTiedBounds(parameters, group, space.lowest_, space.highest_);
  if (!common.ok()) return common;
  std::vector<bool> held(static_cast<size_t>(count), false);
  for (const auto& [symbol, value] : fixed) {
    const absl::StatusOr<int> j = IndexOf(form, symbol, "fixed");
    if (!j.ok()) return j.status();
    const absl::StatusOr<double> theta = FixedToTheta(parameters[static_cast<size_t>(*j)], value);
    if (!theta.ok()) return theta.status();
    for (int i = 0; i < count; ++i) {
      if (group[static_cast<size_t>(i)] != group[static_cast<size_t>(*j)]) continue;
      const std::string& other = parameters[static_cast<size_t>(i)].symbol;
      if (held[static_cast<size_t>(i)] && space.base_[i] != *theta) {
        // Held by a symbol that came before: the one that is fixed itself says which value.
        if (fixed.count(other) == 0) continue;
        return absl::InvalidArgumentError(
            absl::StrCat("fixed gives ", other, " = ", fixed.at(other), " and ", symbol, " = ",
                         value, ", which are tied: their values must be equal"));
      }
      const auto range = bounds.find(other);
      if (i != *j && range != bounds.end() &&
          !(space.lowest_[i] <= *theta && *theta <= space.highest_[i])) {
        return absl::InvalidArgumentError(absl::StrCat(
            "fixed gives ", symbol, " = ", value, ", outside of the bounds [", range->second.first,
            ", ", range->second.second, "] of ", other, ", which is tied to it"));
      }
      held[static_cast<size_t>(i)] = true;
      space.base_[i] = *theta;
    }
  }
  std::vector<int> leaders;
  for (int i = 0; i < count; ++i) {
    const int leader = group[static_cast<size_t>(i)];
    if (held[static_cast<size_t>(i)]) continue;
    if (std::find(leaders.begin(), leaders.end(), leader) == leaders.end()) {
      leaders.push_back(leader);
    }
  }
  space.basis_ = ParameterMatrix::Zero(count, static_cast<int>(leaders.size()));
  for (int i = 0; i < count; ++i) {
    if (held[static_cast<size_t>(i)]) continue;
    const auto column = std::find(leaders.begin(), leaders.end(), group[static_cast<size_t>(i)]);
    space.basis_(i, static_cast<int>(column - leaders.begin())) = 1;
  }
  return space;
}

ParameterVector ParameterSpace::Phi(const ParameterVector& theta) const {
  ParameterVector phi(basis_.cols());
  for (int k = 0; k < basis_.cols(); ++k) {
    double sum = 0, low = -std::numeric_limits<double>::infinity(), high = -low;
    int members = 0;
    for (int i = 0; i < basis_.rows(); ++i) {
      if (basis_(i, k) == 0) continue;
      sum += theta[i];
      low = std::max(low, lowest_[i]);
      high = std::min(high, highest_[i]);
      ++members;
    }
    phi[k] = std::clamp(sum / members, low, std::max(low, high));
  }
  return phi;
}

ParameterSpace ParameterSpace::Holding(int parameter, double theta) const {
  ParameterSpace space = *this;
  int column = 0;
  basis_.row(parameter).maxCoeff(&column);
  for (int i = 0; i < basis_.rows(); ++i) {
    if (basis_(i, column) != 0) space.base_[i] = theta;
  }
  space.basis_.resize(basis_.rows(), basis_.cols() - 1);
  for (int k = 0, to = 0; k < basis_.cols(); ++k) {
    if (k != column) space.basis_.col(to++) = basis_.col(k);
  }
  return space;
}

void ReducedObjective::Expand(const ParameterVector& phi, Expansion& expansion) const {
  if (space_.IsWhole()) {
    inner_.Expand(phi, expansion);
    return;
  }
  inner_.Expand(space_.Theta(phi), expansion);
  const ParameterMatrix& basis = space_.basis();
  expansion.gradient = (basis.transpose() * expansion.gradient).eval();
  expansion.hessian = (basis.transpose() * expansion.hessian * basis).eval();
  expansion.gram = (basis.transpose() * expansion.gram * basis).eval();
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "planner/track/curve_posterior.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "Eigen/Cholesky"
#include "Eigen/Core"

namespace rhumb {
namespace {

using Eigen::ArrayXd;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Matrix3 = Eigen::Matrix3d;
using Vector3 = Eigen::Vector3d;

// Nodes of what the form is not linear in. Between neighbours the answer moves by less than its
// deviation.
constexpr std::array<double, 7> kExponents = {0.1, 0.2, 0.35, 0.55, 0.85, 1.3, 2};
constexpr std::array<double, 5> kErrors = {0.001, 0.0025, 0.006, 0.015, 0.04};
// Of a known schedule; an unknown one is uncertain enough.
constexpr std::array<double, 2> kAnnealingPowers = {1, 0.5};
constexpr std::array<double, 3> kNoiseShares = {1, 0.3, 0.1};

double LogNormalWeight(double value, double log_mean, double log_std) {
  const double z = (std::log(value) - log_mean) / log_std;
  return -z * z / 2;
}

// The clocks of a schedule at the points and at the end.
struct Clock {
  ArrayXd log_area;    // ln(S1(x) / S1(1))
  ArrayXd annealed;    // a(1) - a(x)
  ArrayXd distance;    // of d between x and the end
  MatrixXd distances;  // between points
};

// Share annealed at a rate: linear in the rate, or with most of its gain at low rates.
double Annealed(const LearningRateSchedule& schedule, double fraction, double power) {
  return 1 - std::pow(1 - AnnealedShare(schedule, fraction), power);
}

Clock ClockOf(const std::vector<CurvePoint>& points, const LearningRateSchedule& schedule,
              double power) {
  const Eigen::Index count = static_cast<Eigen::Index>(points.size());
  const double area = RateArea(schedule, 1);
  const double end = Annealed(schedule, 1, power);
  Clock clock = {ArrayXd(count), ArrayXd(count), ArrayXd(count), MatrixXd(count, count)};
  for (Eigen::Index i = 0; i < count; ++i) {
    const double fraction = points[static_cast<size_t>(i)].fraction;
    clock.log_area[i] = std::log(RateArea(schedule, fraction) / area);
    clock.annealed[i] = end - Annealed(schedule, fraction, power);
  }
  clock.distance = clock.annealed - clock.log_area;
  for (Eigen::Index i = 0; i < count; ++i) {
    clock.distances.col(i) = (clock.distance - clock.distance[i]).abs().matrix();
  }
  return clock;
}

struct Belief {
  double mean = 0, std = 0, log_weight = 0;
};

std::vector<Belief> BeliefsOfFinalLoss(const std::optional<FinalLossPrior>& prior, double scale,
                                       const CurveModel& model) {
  const Belief free = {model.free_mean * scale, model.free_std * scale,
                       prior.has_value() ? std::log(model.unrelated_prior_share) : 0};
  if (!prior.has_value()) return {free};
  return {{prior->mean_nats, prior->std_nats,
           std::log(1 - model.wrong_prior_share - model.unrelated_prior_share)},
          {prior->mean_nats, prior->std_nats * model.wrong_prior_factor,
           std::log(model.wrong_prior_share)},
          free};
}

// Gaussian regression on (F, A, C) with correlated errors, for one covariance.
class Regression {
 public:
  Regression(const std::vector<CurvePoint>& points, const Clock& clock, double error_std,
             const CurveModel& model, double noise_share)
      : error_variance_(error_std * error_std) {
    const Eigen::Index count = static_cast<Eigen::Index>(points.size());
    // The form is of late training: its error grows towards the start.
    const VectorXd growth = (1 + model.error_growth * clock.distance).matrix() * error_std;
    MatrixXd covariance = (clock.distances.array() / -model.error_length).exp().matrix();
    covariance = (growth.asDiagonal() * covariance * growth.asDiagonal()).eval();
    losses_.resize(count);
    for (Eigen::Index i = 0; i < count; ++i) {
      const CurvePoint& point = points[static_cast<size_t>(i)];
      const double std = point.std_nats * noise_share;
      covariance(i, i) += std * std;
      losses_[i] = point.loss_nats;
    }
    factor_.compute(covariance);
    log_determinant_ = 2 * MatrixXd(factor_.matrixL()).diagonal().array().log().sum();
    to_end_ = Whiten(
        ((clock.distance / -model.error_length).exp() * growth.array() * error_std).matrix());
    losses_ = Whiten(losses_);
    level_ = Whiten(VectorXd::Ones(count));
    annealed_ = Whiten(clock.annealed.matrix());
  }

  VectorXd Whiten(const VectorXd& column) const { return factor_.matrixL().solve(column); }

  // `data_term`: Whiten((S1/S1(1))^-alpha - 1). The weight is a logarithm, without constants that
  // all parts share.
  NormalPart Predict(const VectorXd& data_term, const Belief& final_loss, double scale,
                     const CurveModel& model) const {
    const Vector3 mean(final_loss.mean, model.data_term_mean * scale, model.annealing_mean * scale);
    const Vector3 std(final_loss.std, model.data_term_std * scale, model.annealing_std * scale);
    MatrixXd columns(losses_.size(), 3);
    columns << level_, data_term, annealed_;
    const VectorXd rest = losses_ - columns * mean;
    // In units of the prior's deviations, so that the matrix is well scaled.
    const MatrixXd scaled = columns * std.asDiagonal();
    const Matrix3 precision = Matrix3::Identity() + scaled.transpose() * scaled;
    const Eigen::LLT<Matrix3> solver(precision);
    const Vector3 right = scaled.transpose() * rest;
    const Vector3 moved = solver.solve(right);
    const Vector3 open = Vector3(std[0], 0, 0) - scaled.transpose() * to_end_;
    const double log_precision = 2 * Matrix3(solver.matrixL()).diagonal().array().log().sum();
    NormalPart part;
    part.mean = mean[0] + std[0] * moved[0] + to_end_.dot(rest - scaled * moved);
    part.std = std::sqrt(std::max(error_variance_ - to_end_.squaredNorm(), 0.0) +
                         open.dot(solver.solve(open)));
    part.weight = final_loss.log_weight -
                  (rest.squaredNorm() - right.dot(moved) + log_precision + log_determinant_) / 2;
    return part;
  }

 private:
  double error_variance_ = 0;
  double log_determinant_ = 0;
  Eigen::LLT<MatrixXd> factor_;
  VectorXd losses_, level_, annealed_, to_end_;
};

// A part for each node and belief, weights still logarithms.
void AddParts(const std::vector<CurvePoint>& points, const Clock& clock,
              const std::vector<Belief>& beliefs, size_t noise_count, const CurveModel& model,
              std::vector<NormalPart>& parts) {
  const double scale = points.back().loss_nats;
  std::array<VectorXd, kExponents.size()> data_terms;
  for (size_t k = 0; k < kExponents.size(); ++k) {
    data_terms[k] = ((clock.log_area * -kExponents[k]).exp() - 1).matrix();
  }
  for (const double error : kErrors) {
    const double error_weight = LogNormalWeight(error, model.log_error_mean, model.log_error_std);
    for (size_t noise = 0; noise < noise_count; ++noise) {
      const Regression regression(points, clock, error * scale, model, kNoiseShares[noise]);
      for (size_t k = 0; k < kExponents.size(); ++k) {
        const double weight = error_weight + LogNormalWeight(kExponents[k], model.log_exponent_mean,
                                                             model.log_exponent_std);
        const VectorXd data_term = regression.Whiten(data_terms[k]);
        for (const Belief& belief : beliefs) {
          parts.push_back(regression.Predict(data_term, belief, scale, model));
          parts.back().weight += weight;
        }
      }
    }
  }
}

// Turns logarithms of weights from `begin` on into shares of 1, and returns the logarithm of their
// sum.
double Normalise(std::vector<NormalPart>& parts, size_t begin) {
  double highest = parts[begin].weight, sum = 0;
  for (size_t i = begin; i < parts.size(); ++i) highest = std::max(highest, parts[i].weight);
  for (size_t i = begin; i < parts.size(); ++i) {
    parts[i].weight = std::exp(parts[i].weight - highest);
    sum += parts[i].weight;
  }
  for (size_t i = begin; i < parts.size(); ++i) parts[i].weight /= sum;
  return highest + std::log(sum);
}

}  // namespace

std::vector<NormalPart> PosteriorOfFinalLoss(const std::vector<CurvePoint>& points,
                                             const std::vector<LearningRateSchedule>& schedules,
                                             const std::optional<FinalLossPrior>& prior,
                                             bool noise_is_bound, const CurveModel& model) {
  const double scale = points.back().loss_nats;
  const std::vector<Belief> beliefs = BeliefsOfFinalLoss(prior, scale, model);
  const size_t noise_count = noise_is_bound ? kNoiseShares.size() : 1;
  const size_t power_count = schedules.size() == 1 ? kAnnealingPowers.size() : 1;
  std::vector<NormalPart> parts;
  std::vector<double> evidence;  // of each schedule, logarithms
  std::vector<size_t> ends;
  for (const LearningRateSchedule& schedule : schedules) {
    const size_t begin = parts.size();
    for (size_t power = 0; power < power_count; ++power) {
      AddParts(points, ClockOf(points, schedule, kAnnealingPowers[power]), beliefs, noise_count,
               model, parts);
    }
    evidence.push_back(Normalise(parts, begin));
    ends.push_back(parts.size());
  }
  // How well a schedule explains the past is weak evidence of it, since the form errs by more than
  // schedules differ there: half of the weight stays where it was.
  const double highest = *std::max_element(evidence.begin(), evidence.end());
  double sum = 0;
  for (const double each : evidence) sum += std::exp(each - highest);
  for (size_t k = 0, i = 0; k < evidence.size(); ++k) {
    const double share =
        (std::exp(evidence[k] - highest) / sum + 1.0 / static_cast<double>(evidence.size())) / 2;
    for (; i < ends[k]; ++i) parts[i].weight *= share;
  }
  std::erase_if(parts, [](const NormalPart& part) { return part.weight < 1e-7; });
  return parts;
}

double QuantileOf(const std::vector<NormalPart>& parts, double probability) {
  double low = parts.front().mean, high = low, total = 0;
  for (const NormalPart& part : parts) {
    low = std::min(low, part.mean - 9 * part.std);
    high = std::max(high, part.mean + 9 * part.std);
    total += part.weight;
  }
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    double below = 0;
    for (const NormalPart& part : parts) {
      below += part.weight * std::erfc((part.mean - middle) / (part.std * std::numbers::sqrt2)) / 2;
    }
    (below < probability * total ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace rhumb

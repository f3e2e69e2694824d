// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/prediction.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "planner/laws/loss_model.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// Fewest runs per parameter that a rival needs, and that a roll-out trains on.
constexpr double kRunsPerParameter = 1.6;
// Rivals below this weight are not drawn.
constexpr double kLeastWeight = 0.01;
// Share of one form in decisions.
constexpr double kLeastDecisionWeight = 0.5;

// The rows moved along constant D/N to `log_factor` more compute.
Rows Moved(const Rows& rows, const Eigen::ArrayXd& log_factor) {
  Rows moved = rows;
  moved.log_params += 0.5 * log_factor;
  moved.log_tokens += 0.5 * log_factor;
  moved.log_unique_tokens += 0.5 * log_factor;
  moved.log_steps += 0.5 * log_factor;
  moved.log_flops += log_factor;
  return moved;
}

// Weight of a rival against the law: the ratio of the marginal likelihoods of their roll-out
// errors, one normal error of unknown scale (prior 1/sigma) an origin, which is the ratio of their
// rms to the number of origins.
double RolledOutWeight(const std::vector<std::vector<OriginOutcome>>& outcomes, size_t rival) {
  double law_squares = 0, rival_squares = 0;
  int count = 0;
  bool law_was_tried = false;
  for (const std::vector<OriginOutcome>& origin : outcomes) {
    law_was_tried = law_was_tried || origin[0].fitted;
    if (!origin[0].fitted || !origin[rival].fitted) continue;
    law_squares += origin[0].error.square().mean();
    rival_squares += origin[rival].error.square().mean();
    ++count;
  }
  // A rival that could not be tried where the law could has earned nothing.
  if (count == 0) return law_was_tried ? 0 : 1;
  if (!(rival_squares > 0)) return 1;
  return std::pow(law_squares / rival_squares, 0.5 * count);
}

// The origins without runs to predict that went wrong: how far off a form is on those says nothing.
std::vector<Origin> WithoutGross(std::vector<Origin> origins, const FitResult& fit,
                                 const Rows& rows) {
  const Eigen::ArrayXd residual = rows.log_loss - fit.form->PredictLogLoss(fit.theta, rows);
  const double gross = GrossResidual(residual);
  for (Origin& origin : origins) {
    std::erase_if(origin.test, [&](int row) { return !(std::abs(residual[row]) <= gross); });
  }
  std::erase_if(origins, [](const Origin& origin) { return origin.test.empty(); });
  return origins;
}

// The form that counts at least half in decisions.
size_t HalfOf(const std::vector<FormSpec>& specs, bool is_chosen) {
  if (!is_chosen || specs[0].form != &ChinchillaForm() || specs[0].options.tied.empty()) return 0;
  for (size_t s = 1; s < specs.size(); ++s) {
    if (specs[s].form == &ChinchillaForm() && specs[s].options.tied.empty()) return s;
  }
  return 0;
}

// Weights that sum to 1 with that of `one` raised to a half, the others in proportion.
std::vector<double> WithOneAtLeastHalf(std::vector<double> weights, size_t one) {
  if (weights[one] >= kLeastDecisionWeight) return weights;
  const double scale = (1 - kLeastDecisionWeight) / (1 - weights[one]);
  for (double& weight : weights) weight *= scale;
  weights[one] = kLeastDecisionWeight;
  return weights;
}

}  // namespace

Eigen::ArrayXd LossElasticity(const FitResult& fit, const Rows& at) {
  constexpr double kStep = 0.05;
  const Eigen::ArrayXd step = Eigen::ArrayXd::Constant(at.size(), kStep);
  return (fit.form->PredictLogLoss(fit.theta, Moved(at, -step)) -
          fit.form->PredictLogLoss(fit.theta, Moved(at, step))) /
         (2 * kStep);
}

absl::StatusOr<Predictor> Predictor::Create(const FormSpec& law,
                                            const std::vector<FormSpec>& rivals, const Rows& rows,
                                            const PredictorOptions& options) {
  std::vector<FormSpec> specs = {law};
  for (const FormSpec& rival : rivals) {
    if (rows.run_count >= kRunsPerParameter * rival.free_count) specs.push_back(rival);
  }
  const auto min_train =
      static_cast<int>(std::ceil(kRunsPerParameter * std::max(law.free_count, 1)));
  RHUMB_ASSIGN_OR_RETURN(FitResult law_fit, FitForm(*law.form, rows, law.options));
  const std::vector<Origin> origins = WithoutGross(
      MakeOrigins(rows, RollOutAxis::kCompute, min_train, options.max_origins), law_fit, rows);
  RHUMB_ASSIGN_OR_RETURN(const auto outcomes, RollOut(specs, rows, origins,
                                                      {.draw_count = options.rollout_draw_count,
                                                       .seed = options.seed,
                                                       .progress = options.progress}));
  std::vector<double> weights;
  double total = 0;
  for (size_t s = 0; s < specs.size(); ++s) {
    weights.push_back(s == 0 ? 1 : RolledOutWeight(outcomes, s));
    total += weights.back();
  }
  for (double& weight : weights) weight /= total;
  const std::vector<double> decision_weights =
      WithOneAtLeastHalf(weights, HalfOf(specs, options.is_chosen));
  std::vector<Member> members;
  for (size_t s = 0; s < specs.size(); ++s) {
    const double weight = std::max(weights[s], decision_weights[s]);
    if (s > 0 && weight < kLeastWeight) continue;
    absl::StatusOr<FitResult> fit =
        s == 0 ? std::move(law_fit) : FitForm(*specs[s].form, rows, specs[s].options);
    if (absl::IsCancelled(fit.status())) return fit.status();
    if (!fit.ok()) continue;
    const int draw_count =
        s == 0 ? options.draw_count
               : std::max(static_cast<int>(options.draw_count * std::min(weight, 0.5)), 20);
    absl::StatusOr<ParameterDraws> draws = DrawParameters(
        *fit, specs[s].options, rows,
        {.draw_count = draw_count, .seed = options.seed + s, .progress = options.progress});
    if (!draws.ok()) {
      if (s == 0 || absl::IsCancelled(draws.status())) return draws.status();
      continue;
    }
    members.push_back({.spec = specs[s],
                       .fit = *std::move(fit),
                       .draws = *std::move(draws),
                       .weight = weights[s],
                       .rollout_rms = RollOutRms(outcomes, s),
                       .decision_weight = decision_weights[s]});
  }
  double kept = 0, kept_of_decisions = 0;
  for (const Member& member : members) {
    kept += member.weight;
    kept_of_decisions += member.decision_weight;
  }
  for (Member& member : members) {
    member.weight /= kept;
    member.decision_weight /= kept_of_decisions;
  }

  ResidualPool residuals(members.front().fit, rows);
  Predictor predictor(std::move(members), std::move(residuals));
  predictor.max_log_flops_ = rows.log_flops.maxCoeff();
  predictor.draw_count_ = options.draw_count;
  predictor.seed_ = options.seed;
  double squares = kPriorOrigins * kPriorSlopeError * kPriorSlopeError;
  double degrees = kPriorOrigins;
  for (size_t o = 0; o < origins.size(); ++o) {
    const OriginOutcome& own = outcomes[o][0];
    if (!own.fitted) continue;
    const Rows test = SelectRows(rows, origins[o].test);
    const Eigen::ArrayXd reach = test.log_flops - origins[o].train_max;
    const Eigen::ArrayXd fall = reach * LossElasticity(predictor.law().fit, test);
    // The spread of what the forms said at this origin.
    Eigen::ArrayXd variance = Eigen::ArrayXd::Zero(test.size());
    double admitted = 0;
    for (size_t s = 0; s < specs.size(); ++s) {
      const OriginOutcome& other = outcomes[o][s];
      if (!other.fitted) continue;
      variance += weights[s] * (other.deviation.square() + (other.error - own.error).square());
      admitted += weights[s];
    }
    variance = variance / admitted + own.residual_std * own.residual_std;
    const double explained = fall.square().sum();
    if (!(explained > 0)) continue;
    squares += std::max((own.error.square() - variance).sum() / explained, 0.0);
    ++degrees;
  }
  predictor.slope_error_ = std::sqrt(squares / degrees);
  predictor.slope_degrees_ = degrees;
  return predictor;
}

std::vector<RunPrediction> Predictor::Predict(const Rows& at, double level, Weights weights) const {
  const auto weight_of = [weights](const Member& member) {
    return weights == Weights::kRollOut ? member.weight : member.decision_weight;
  };
  const FitResult& fit = law().fit;
  const Eigen::ArrayXd predicted = fit.form->PredictLogLoss(fit.theta, at);
  const Eigen::ArrayXd reach = (at.log_flops - max_log_flops_).max(0.0);
  // The slope at the edge of the data, not out there: a formula that levels off too early would
  // otherwise vouch for itself.
  const Eigen::ArrayXd slope = LossElasticity(fit, Moved(at, -reach)).abs();
  const Eigen::ArrayXd extrapolation = slope_error_ * slope * reach;

  Random random(seed_ ^ 0x9E3779B9u);
  Eigen::MatrixXd values(draw_count_, at.size());
  Eigen::MatrixXd own(draw_count_, at.size());
  Eigen::ArrayXd form_variance = Eigen::ArrayXd::Zero(at.size());
  std::vector<Eigen::ArrayXd> centers;  // of each member
  for (const Member& member : members_) {
    centers.push_back(member.fit.form->PredictLogLoss(member.fit.theta, at));
    form_variance += weight_of(member) * (centers.back() - predicted).square();
  }
  size_t which = 0;
  double filled = weight_of(members_[0]);
  for (int k = 0; k < draw_count_; ++k) {
    while (which + 1 < members_.size() && k + 0.5 > filled * draw_count_) {
      filled += weight_of(members_[++which]);
    }
    const auto pick = [&](const Member& member) -> Eigen::Index {
      return k % member.draws.thetas.rows();
    };
    const Member& member = members_[which];
    const auto drawn = [&](size_t of) -> Eigen::ArrayXd {
      const Member& from = members_[of];
      const Eigen::Index m = pick(from);
      const Eigen::ArrayXd& center = centers[of];
      return center +
             from.draws.stretch[static_cast<size_t>(m)] *
                 (from.fit.form->PredictLogLoss(from.draws.thetas.row(m).transpose(), at) - center);
    };
    own.row(k) = drawn(0);
    if (which == 0) {
      values.row(k) = own.row(k);
    } else {
      values.row(k) = drawn(which);
    }
    const double drift = random.Normal() * DrawStudentScale(random, slope_degrees_);
    const double scale = member.draws.student_scale[static_cast<size_t>(pick(member))];
    for (Eigen::Index i = 0; i < at.size(); ++i) {
      values(k, i) += scale * residuals_.Draw(random) + drift * extrapolation[i];
    }
  }

  const double tail = 0.5 * (1 - level);
  const double naive = StandardNormalQuantile(1 - tail) * residuals_.std();
  std::vector<RunPrediction> predictions;
  for (Eigen::Index i = 0; i < at.size(); ++i) {
    std::vector<double> column(values.col(i).data(), values.col(i).data() + draw_count_);
    std::vector<double> alone(own.col(i).data(), own.col(i).data() + draw_count_);
    RunPrediction& prediction = predictions.emplace_back();
    prediction.log_loss = predicted[i];
    prediction.low = Quantile(column, tail);
    prediction.high = Quantile(column, 1 - tail);
    prediction.naive_low = predicted[i] - naive;
    prediction.naive_high = predicted[i] + naive;
    prediction.parameter_std = 0.5 * (Quantile(alone, 0.84) - Quantile(alone, 0.16));
    prediction.form_std = std::sqrt(form_variance[i]);
    prediction.residual_std = residuals_.std();
    prediction.extrapolation_std = extrapolation[i];
  }
  return predictions;
}

}  // namespace rhumb

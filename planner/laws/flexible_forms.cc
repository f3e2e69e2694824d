// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/flexible_forms.h"

#include <cmath>

namespace rhumb {

double FarseerLoss(const FarseerConstants& k, double param_count, double token_count) {
  const double endless_data = std::exp(k.a3 * std::pow(param_count, k.gamma) + k.b3);
  const double log_prefactor = k.a2 * std::pow(param_count, k.beta) + k.b2;
  const double data_exponent = std::exp(k.a1 * std::pow(param_count, k.alpha) + k.b1);
  return endless_data + std::exp(log_prefactor - data_exponent * std::log(token_count));
}

double Evaluate(const BrokenPowerLaw& law, double x) {
  double log_term = -law.exponent * std::log(x);
  for (const PowerLawBreak& at : law.breaks) {
    // ln(1 + e^z) without overflow: a sharp break raises x/d to a large power.
    const double z = std::log(x / at.position) / at.sharpness;
    const double softplus = z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
    log_term -= at.exponent_change * at.sharpness * softplus;
  }
  return law.floor + law.prefactor * std::exp(log_term);
}

AnnealedLoss PredictAnnealedLoss(const AnnealingConstants& k,
                                 absl::Span<const double> learning_rates) {
  AnnealedLoss result;
  double momentum = 0;
  double previous = learning_rates.front();
  for (const double rate : learning_rates) {
    momentum = k.momentum_decay * momentum + (previous - rate);
    result.forward_area += rate;
    result.annealing_area += momentum;
    previous = rate;
  }
  result.loss_nats = k.floor_loss_nats + k.prefactor * std::pow(result.forward_area, -k.exponent) -
                     k.annealing_gain * result.annealing_area;
  return result;
}

}  // namespace rhumb

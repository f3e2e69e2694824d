// SPDX-License-Identifier: Apache-2.0
#include "client/cli/planner_law.h"

#include <utility>

#include "client/cli/format.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/law_covariance.h"

namespace rhumb::cli {
namespace {

std::optional<double> Constant(const v1::Law& message, const char* symbol) {
  const auto found = message.constants().find(symbol);
  if (found == message.constants().end()) return std::nullopt;
  return found->second;
}

std::optional<LawCovariance> CovarianceOf(const v1::Law& message) {
  LawCovariance covariance;
  covariance.parameters.assign(message.covariance_parameters().begin(),
                               message.covariance_parameters().end());
  covariance.source = message.covariance_source();
  const int count = message.covariance_parameters_size();
  if (count == 0 || message.covariance_size() != count * count) return std::nullopt;
  covariance.values.resize(count, count);
  for (int i = 0; i < count * count; ++i) {
    covariance.values(i / count, i % count) = message.covariance(i);
  }
  if (!ValidateLawCovariance(covariance).ok()) return std::nullopt;
  return covariance;
}

}  // namespace

std::optional<Law> PlannerLaw(const v1::Law& message) {
  const std::optional<double> a = Constant(message, "A"), b = Constant(message, "B");
  const std::optional<double> alpha = Constant(message, "alpha"), beta = Constant(message, "beta");
  if (!message.planable() || !a.has_value() || !b.has_value() || !alpha.has_value() ||
      !beta.has_value()) {
    return std::nullopt;
  }
  Law law;
  law.name = BareName(message.name());
  law.version = message.version();
  law.constants = {.irreducible_loss_nats = Constant(message, "E").value_or(0),
                   .a = *a,
                   .b = *b,
                   .alpha = *alpha,
                   .beta = *beta,
                   .interaction_exponent = Constant(message, "gamma").value_or(1)};
  if (!ValidateChinchillaLaw(law.constants).ok()) return std::nullopt;
  const std::optional<double> r_d = Constant(message, "R_D"), r_n = Constant(message, "R_N");
  if (r_d.has_value() && r_n.has_value()) {
    law.family = LawFamily::kDataConstrained;
    law.repetition = RepetitionConstants{.data_decay_epochs = *r_d, .param_decay = *r_n};
  }
  law.covariance = CovarianceOf(message);
  if (message.has_residual_log_std()) law.residual_log_std = message.residual_log_std();
  if (message.has_min_training_flops()) law.box.min_training_flops = message.min_training_flops();
  if (message.has_max_training_flops()) law.box.max_training_flops = message.max_training_flops();
  if (message.has_min_param_count()) law.box.min_param_count = message.min_param_count();
  if (message.has_max_param_count()) law.box.max_param_count = message.max_param_count();
  return law;
}

}  // namespace rhumb::cli

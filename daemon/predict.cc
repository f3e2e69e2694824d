// SPDX-License-Identifier: Apache-2.0
#include "daemon/predict.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daemon/convert.h"
#include "daemon/resolve.h"
#include "daemon/validate.h"
#include "planner/laws/loss_model.h"
#include "planner/plan/batched_loss.h"

namespace rhumb::daemon {
namespace {

constexpr double kDefaultLevel = 0.9;

std::string Short(double value) { return absl::StrFormat("%.3g", value); }

void Warn(v1::PredictLossResponse& response, const std::string& code, const std::string& text) {
  auto* warning = response.add_warnings();
  warning->set_code(code);
  warning->set_text(text);
}

void Assume(v1::PredictLossResponse& response, const std::string& field, const std::string& value,
            const std::string& source) {
  auto* assumption = response.add_assumptions();
  assumption->set_field(field);
  assumption->set_value(value);
  assumption->set_source(source);
}

void WarnOfExtrapolation(const Law& law, double param_count, const TokenUse& use,
                         v1::PredictLossResponse& response) {
  const Extrapolation far = FindExtrapolation(law, param_count, use);
  if (far.training_flops_high || far.training_flops_low) {
    Warn(response,
         far.training_flops_ratio.value_or(1) > 100 ? "EXTRAPOLATION_COMPUTE_FAR"
                                                    : "EXTRAPOLATION_COMPUTE",
         absl::StrCat("compute ", Short(6 * param_count * use.token_count),
                      " FLOP lies outside the runs behind ", law.name));
  }
  if (far.param_count_high || far.param_count_low) {
    Warn(response, "EXTRAPOLATION_PARAMS",
         absl::StrCat("N = ", Short(param_count), " lies outside the runs behind ", law.name));
  }
  if (far.tokens_per_param_high || far.tokens_per_param_low) {
    Warn(response, "EXTRAPOLATION_TOKENS_PER_PARAM",
         absl::StrCat("D/N = ", Short(use.token_count / param_count),
                      " lies outside the runs behind ", law.name));
  }
  const double epochs = use.unique_token_count ? use.token_count / *use.unique_token_count : 1;
  for (const double limit : {40.0, 16.0, 4.0}) {
    if (epochs <= limit) continue;
    Warn(response, absl::StrCat("EPOCHS_ABOVE_", limit),
         absl::StrCat(Short(epochs),
                      " epochs: repeats are worth less than new tokens (Muennighoff et al. 2023)"));
    break;
  }
  if (epochs > 1 && law.family != LawFamily::kDataConstrained) {
    Warn(response, "REPETITION_BORROWED",
         absl::StrCat(law.name,
                      " knows no repetition; the value of repeats is that of muennighoff2023-c4"));
  }
}

}  // namespace

absl::StatusOr<v1::PredictLossResponse> AnswerPredictLoss(const v1::PredictLossRequest& request) {
  FieldViolations violations;
  ValidatePredictLossRequest(request, violations);
  const Law law = ResolveLaw(request.law(), "law", violations);
  const BatchRule rule = ResolveBatchRule(request.batch_rule(), violations);
  if (!violations.empty()) return violations.ToStatus();

  std::optional<double> unique_tokens, noise_scale;
  if (request.has_unique_token_count()) unique_tokens = request.unique_token_count();
  if (request.has_noise_scale_tokens()) noise_scale = request.noise_scale_tokens();
  const double param_count = request.param_count(), token_count = request.token_count();
  const BatchedLoss batched(law, unique_tokens, rule, noise_scale);
  const LawSize size = {param_count, param_count};
  BatchedLossValue value;
  if (request.has_global_batch_tokens()) {
    value = batched.At(size, token_count, request.global_batch_tokens());
  } else {
    value.loss_nats = batched.BestCase(size, token_count);
    value.critical_batch_tokens = batched.CriticalBatch(size, token_count, value.loss_nats);
  }
  const TokenUse use = {token_count, unique_tokens, value.token_overhead};

  v1::PredictLossResponse response;
  const double level = request.has_level() ? request.level() : kDefaultLevel;
  response.mutable_loss()->set_mean_nats(value.loss_nats);
  if (const auto interval = PredictLossInterval(law, param_count, use, level)) {
    response.mutable_loss()->set_low_nats(interval->low_nats);
    response.mutable_loss()->set_high_nats(interval->high_nats);
    response.mutable_loss()->set_level(interval->level);
    Assume(response, "loss", "interval of the mean",
           law.covariance->source + "; seed noise and the choice of law are not in it");
  } else {
    Assume(response, "loss", "no interval",
           absl::StrCat("no covariance was published for ", law.name));
  }
  if (!request.has_global_batch_tokens()) {
    Assume(response, "global_batch_tokens", "at or below the batch behind the law",
           "default: no batch was given");
  }
  response.set_critical_batch_tokens(value.critical_batch_tokens);
  response.set_training_flops(6 * param_count * token_count);
  *response.mutable_law() = ToLawUse(law);
  WarnOfExtrapolation(law, param_count, use, response);
  FindNonFinite(response, violations);
  if (!violations.empty()) return absl::InternalError(std::string(violations.ToStatus().message()));
  return response;
}

}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
#include "daemon/predict.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "daemon/convert.h"
#include "daemon/law_lookup.h"
#include "daemon/resolve.h"
#include "daemon/validate.h"
#include "planner/laws/loss_model.h"
#include "planner/laws/published_law.h"
#include "planner/plan/batched_loss.h"
#include "planner/status_macros.h"

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

// A published law that is not one of N and D for the loss; null for all others.
const PublishedLaw* FindOtherLaw(absl::string_view name) {
  name = absl::StripPrefix(name, "laws/");
  const PublishedLaw* law = FindPublishedLaw(absl::StripSuffix(name, "@1"));
  return law != nullptr && law->planner_law == nullptr ? law : nullptr;
}

// What the request gives, by the names of variables. A name given twice is a violation.
LawInputs InputsOf(const v1::PredictLossRequest& request, FieldViolations& violations) {
  LawInputs inputs;
  if (request.has_param_count()) inputs["param_count"] = request.param_count();
  if (request.has_token_count()) inputs["token_count"] = request.token_count();
  if (request.has_unique_token_count()) inputs["unique_token_count"] = request.unique_token_count();
  if (request.has_training_flops()) inputs["training_flops"] = request.training_flops();
  if (request.has_global_batch_tokens()) {
    inputs["global_batch_tokens"] = request.global_batch_tokens();
  }
  for (const auto& [name, value] : request.inputs()) {
    if (!inputs.emplace(name, value).second) {
      violations.Add(absl::StrCat("inputs[", name, "]"), "is given by a field of its own too");
    }
  }
  return inputs;
}

std::string DefaultOf(const LawVariable& variable) {
  return variable.default_value ? Short(*variable.default_value)
                                : absl::StrCat("the value of ", variable.defaults_to);
}

bool HasDefault(const LawVariable& variable) {
  return variable.default_value.has_value() || !variable.defaults_to.empty();
}

// One violation for each input that is missing or that the law does not know.
void CheckInputs(const PublishedLaw& law, const LawInputs& inputs, FieldViolations& violations) {
  const auto path = [](const std::string& name) {
    const bool has_field = v1::PredictLossRequest::descriptor()->FindFieldByName(name) != nullptr;
    return has_field ? name : absl::StrCat("inputs[", name, "]");
  };
  for (const LawVariable& variable : law.variables) {
    const auto given = inputs.find(variable.name);
    if (given == inputs.end()) {
      if (!HasDefault(variable)) {
        violations.Add(path(variable.name),
                       absl::StrCat("must be given: ", law.name, " needs ", VariableNames(law)));
      }
      continue;
    }
    const bool above =
        variable.max_excluded ? given->second >= variable.max : given->second > variable.max;
    if (given->second < variable.min || above) {
      violations.Add(path(variable.name),
                     absl::StrCat("must be from ", Short(variable.min), " to ",
                                  variable.max_excluded ? "below " : "", Short(variable.max),
                                  " for ", law.name, ", got ", Short(given->second)));
    }
  }
  for (const auto& [name, value] : inputs) {
    const bool known = std::any_of(law.variables.begin(), law.variables.end(),
                                   [&](const LawVariable& v) { return v.name == name; });
    if (!known) {
      violations.Add(path(name), absl::StrCat("is no variable of ", law.name, ", which predicts ",
                                              law.quantity, " from ", VariableNames(law)));
    }
  }
}

absl::StatusOr<v1::PredictLossResponse> PredictPublished(const PublishedLaw& law,
                                                         const v1::PredictLossRequest& request) {
  FieldViolations violations;
  const LawInputs inputs = InputsOf(request, violations);
  CheckInputs(law, inputs, violations);
  if (!request.batch_rule().empty() || request.has_noise_scale_tokens()) {
    violations.Add(request.batch_rule().empty() ? "noise_scale_tokens" : "batch_rule",
                   absl::StrCat("is for laws of param_count and token_count; ", law.name,
                                " predicts from ", VariableNames(law)));
  }
  if (!violations.empty()) return violations.ToStatus();
  const absl::StatusOr<double> value = Value(law, inputs);
  if (!value.ok()) return FieldError("inputs", value.status().message());

  v1::PredictLossResponse response;
  response.set_output(law.quantity);
  response.set_output_unit(law.unit);
  response.set_value(*value);
  if (law.quantity == "loss") response.mutable_loss()->set_mean_nats(*value);
  *response.mutable_law() = ToLawUse(law);
  if (const auto flops = inputs.find("training_flops"); flops != inputs.end()) {
    response.set_training_flops(flops->second);
  }
  for (const LawVariable& variable : law.variables) {
    if (HasDefault(variable) && inputs.count(variable.name) == 0) {
      Assume(response, variable.name, DefaultOf(variable), "default of the law");
    }
  }
  Assume(response, law.quantity, "no interval",
         absl::StrCat("no covariance was published for ", law.name));
  for (const std::string& name : ExtrapolatedVariables(law, inputs)) {
    const auto given = inputs.find(name);
    Warn(response, "EXTRAPOLATION",
         absl::StrCat(name, given == inputs.end() ? "" : " = " + Short(given->second),
                      " lies outside the data behind ", law.name));
  }
  FindNonFinite(response, violations);
  if (!violations.empty()) return absl::InternalError(std::string(violations.ToStatus().message()));
  return response;
}

// A law of N and D has both, and nothing else.
void RequireCounts(const v1::PredictLossRequest& request, const std::string& law,
                   FieldViolations& violations) {
  if (!request.has_param_count()) violations.Add("param_count", "must be given");
  if (!request.has_token_count()) violations.Add("token_count", "must be given");
  const std::string not_of =
      absl::StrCat("is not what ", law, " predicts from: param_count and token_count");
  if (request.has_training_flops()) violations.Add("training_flops", not_of);
  for (const auto& [name, value] : request.inputs()) {
    violations.Add(absl::StrCat("inputs[", name, "]"), not_of);
  }
}

}  // namespace

absl::StatusOr<v1::PredictLossResponse> AnswerPredictLoss(const v1::PredictLossRequest& request,
                                                          Store& store) {
  FieldViolations violations;
  ValidatePredictLossRequest(request, violations);
  const PublishedLaw* published = FindOtherLaw(request.law());
  if (published != nullptr) {
    if (!violations.empty()) return violations.ToStatus();
    return PredictPublished(*published, request);
  }
  RHUMB_ASSIGN_OR_RETURN(const Law law, ResolveLaw(request.law(), "law", store, violations));
  const BatchRule rule = ResolveBatchRule(request.batch_rule(), violations);
  RequireCounts(request, law.name, violations);
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
  if (const auto run = PredictRunInterval(law, param_count, use, level)) {
    response.mutable_run_loss()->set_mean_nats(value.loss_nats);
    response.mutable_run_loss()->set_low_nats(run->low_nats);
    response.mutable_run_loss()->set_high_nats(run->high_nats);
    response.mutable_run_loss()->set_level(run->level);
  }
  response.set_output("loss");
  response.set_output_unit("nats/token");
  response.set_value(value.loss_nats);
  response.set_critical_batch_tokens(value.critical_batch_tokens);
  response.set_training_flops(6 * param_count * token_count);
  *response.mutable_law() = ToLawUse(law);
  WarnOfExtrapolation(law, param_count, use, response);
  FindNonFinite(response, violations);
  if (!violations.empty()) return absl::InternalError(std::string(violations.ToStatus().message()));
  return response;
}

}  // namespace rhumb::daemon

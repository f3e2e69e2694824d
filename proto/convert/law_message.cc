// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/law_message.h"

#include <google/protobuf/map.h>

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "planner/laws/verification.h"

namespace rhumb::convert {
namespace {

using SymbolValues = google::protobuf::Map<std::string, double>;

constexpr char kChinchilla[] = "chinchilla";
constexpr char kDataConstrained[] = "data-constrained";

const char* FamilyName(LawFamily family) {
  return family == LawFamily::kDataConstrained ? kDataConstrained : kChinchilla;
}

// Standard errors by symbol. Delta method: the covariance of a positive constant is that of its
// logarithm, parameter "ln_A" for "A".
void SetStdErrors(const LawCovariance& covariance, const SymbolValues& constants,
                  SymbolValues& errors) {
  for (size_t i = 0; i < covariance.parameters.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    const double error = std::sqrt(covariance.values(row, row));
    absl::string_view symbol = covariance.parameters[i];
    const bool of_logarithm = absl::ConsumePrefix(&symbol, "ln_");
    const auto constant = constants.find(std::string(symbol));
    if (constant == constants.end()) continue;  // of a form that this law does not have
    errors[constant->first] = of_logarithm ? constant->second * error : error;
  }
}

void SetCovariance(const LawCovariance& covariance, v1::Law& out) {
  for (const std::string& parameter : covariance.parameters) {
    out.add_covariance_parameters(parameter);
  }
  const Eigen::MatrixXd& values = covariance.values;
  for (Eigen::Index i = 0; i < values.rows(); ++i) {
    for (Eigen::Index j = 0; j < values.cols(); ++j) out.add_covariance(values(i, j));
  }
}

void SetBox(const DataBox& box, v1::Law& out) {
  if (box.min_param_count) out.set_min_param_count(*box.min_param_count);
  if (box.max_param_count) out.set_max_param_count(*box.max_param_count);
  if (box.min_training_flops) out.set_min_training_flops(*box.min_training_flops);
  if (box.max_training_flops) out.set_max_training_flops(*box.max_training_flops);
  if (box.min_tokens_per_param) out.set_min_tokens_per_param(*box.min_tokens_per_param);
  if (box.max_tokens_per_param) out.set_max_tokens_per_param(*box.max_tokens_per_param);
  if (box.max_epoch_count) out.set_max_epoch_count(*box.max_epoch_count);
}

DataBox BoxOf(const v1::Law& in) {
  DataBox box;
  if (in.has_min_param_count()) box.min_param_count = in.min_param_count();
  if (in.has_max_param_count()) box.max_param_count = in.max_param_count();
  if (in.has_min_training_flops()) box.min_training_flops = in.min_training_flops();
  if (in.has_max_training_flops()) box.max_training_flops = in.max_training_flops();
  if (in.has_min_tokens_per_param()) box.min_tokens_per_param = in.min_tokens_per_param();
  if (in.has_max_tokens_per_param()) box.max_tokens_per_param = in.max_tokens_per_param();
  if (in.has_max_epoch_count()) box.max_epoch_count = in.max_epoch_count();
  return box;
}

v1::LawVerification ToProto(VerificationStatus status) {
  switch (status) {
    case VerificationStatus::kPaper:
      return v1::LAW_VERIFICATION_PAPER;
    case VerificationStatus::kCode:
      return v1::LAW_VERIFICATION_CODE;
    case VerificationStatus::kSecondary:
      return v1::LAW_VERIFICATION_SECONDARY;
    case VerificationStatus::kMemory:
      break;
  }
  return v1::LAW_VERIFICATION_NONE;
}

v1::LawVariable ToProto(const LawVariable& variable) {
  v1::LawVariable out;
  out.set_name(variable.name);
  out.set_unit(variable.unit);
  out.set_description(variable.meaning);
  if (std::isfinite(variable.min)) out.set_min(variable.min);
  if (std::isfinite(variable.max)) out.set_max(variable.max);
  if (variable.data_min) out.set_data_min(*variable.data_min);
  if (variable.data_max) out.set_data_max(*variable.data_max);
  out.set_defaults_to(variable.defaults_to);
  if (variable.default_value) out.set_default_value(*variable.default_value);
  return out;
}

// What only a description of the law's shape says, for laws that a planner uses.
void DescribeForm(const Law& law, v1::Law& out) {
  out.set_planable(true);
  out.set_output("loss");
  out.set_output_unit("nats/token");
  out.set_form(law.constants.interaction_exponent == 1 ? "E + A N^-alpha + B D^-beta"
                                                       : "E + (A N^-alpha + B D^-beta)^gamma");
  const auto add = [&out](const char* name, const char* unit, const char* description) {
    v1::LawVariable& variable = *out.add_variables();
    variable.set_name(name);
    variable.set_unit(unit);
    variable.set_description(description);
    return &variable;
  };
  v1::LawVariable& params = *add("param_count", "parameters", "N");
  if (law.box.min_param_count) params.set_data_min(*law.box.min_param_count);
  if (law.box.max_param_count) params.set_data_max(*law.box.max_param_count);
  add("token_count", "tokens", "D, processed");
  if (law.repetition) {
    out.set_form(out.form() + " with N and D damped by repetition");
    add("unique_token_count", "tokens", "U, distinct")->set_defaults_to("token_count");
  }
}

}  // namespace

std::optional<ParamCountConvention> FromProto(v1::ParamCountConvention convention) {
  switch (convention) {
    case v1::PARAM_COUNT_CONVENTION_TOTAL:
      return ParamCountConvention::kTotal;
    case v1::PARAM_COUNT_CONVENTION_NON_EMBEDDING:
      return ParamCountConvention::kNonEmbedding;
    default:
      return std::nullopt;
  }
}

std::optional<FlopsConvention> FromProto(v1::FlopsConvention convention) {
  switch (convention) {
    case v1::FLOPS_CONVENTION_SIX_ND:
      return FlopsConvention::kSixNd;
    case v1::FLOPS_CONVENTION_EXACT_CAUSAL:
      return FlopsConvention::kExactCausal;
    case v1::FLOPS_CONVENTION_EXACT_FULL:
      return FlopsConvention::kExactFull;
    default:
      return std::nullopt;
  }
}

v1::ParamCountConvention ToProto(ParamCountConvention convention) {
  return convention == ParamCountConvention::kTotal ? v1::PARAM_COUNT_CONVENTION_TOTAL
                                                    : v1::PARAM_COUNT_CONVENTION_NON_EMBEDDING;
}

v1::FlopsConvention ToProto(FlopsConvention convention) {
  switch (convention) {
    case FlopsConvention::kSixNd:
      return v1::FLOPS_CONVENTION_SIX_ND;
    case FlopsConvention::kExactCausal:
      return v1::FLOPS_CONVENTION_EXACT_CAUSAL;
    case FlopsConvention::kExactFull:
      return v1::FLOPS_CONVENTION_EXACT_FULL;
  }
  return v1::FLOPS_CONVENTION_UNSPECIFIED;
}

v1::Plan::LawUse ToLawUse(const Law& law) {
  v1::Plan::LawUse out;
  out.set_name(law.name);
  out.set_version(law.version);
  out.set_family(FamilyName(law.family));
  out.set_param_count_convention(ToProto(law.param_count_convention));
  out.set_flops_convention(ToProto(law.flops_convention));
  out.set_tokenizer(law.tokenizer);
  out.set_dataset(law.dataset);
  out.set_source(law.source);
  return out;
}

v1::Law ToProto(const Law& law, bool with_covariance) {
  v1::Law out;
  out.set_name("laws/" + law.name);
  out.set_version(law.version);
  out.set_family(FamilyName(law.family));
  out.set_param_count_convention(ToProto(law.param_count_convention));
  out.set_flops_convention(ToProto(law.flops_convention));
  out.set_tokenizer(law.tokenizer);
  out.set_dataset(law.dataset);
  out.set_source(law.source);
  auto& constants = *out.mutable_constants();
  constants["E"] = law.constants.irreducible_loss_nats;
  constants["A"] = law.constants.a;
  constants["B"] = law.constants.b;
  constants["alpha"] = law.constants.alpha;
  constants["beta"] = law.constants.beta;
  if (law.constants.interaction_exponent != 1) {
    constants["gamma"] = law.constants.interaction_exponent;
  }
  if (law.repetition) {
    constants["R_D"] = law.repetition->data_decay_epochs;
    constants["R_N"] = law.repetition->param_decay;
  }
  if (law.covariance) {
    SetStdErrors(*law.covariance, constants, *out.mutable_std_errors());
    out.set_covariance_source(law.covariance->source);
    if (with_covariance) SetCovariance(*law.covariance, out);
  }
  if (law.residual_log_std) out.set_residual_log_std(*law.residual_log_std);
  if (law.reference_batch_tokens) out.set_reference_batch_tokens(*law.reference_batch_tokens);
  SetBox(law.box, out);
  DescribeForm(law, out);
  return out;
}

v1::Law ToProto(const PublishedLaw& law, bool with_covariance) {
  v1::Law out;
  if (law.planner_law != nullptr) {
    out = ToProto(*law.planner_law, with_covariance);
  } else {
    out.set_name("laws/" + law.name);
    out.set_version(1);
    out.set_family(law.family);
    if (law.param_count_convention) {
      out.set_param_count_convention(ToProto(*law.param_count_convention));
    }
    out.set_dataset(law.dataset);
    out.set_source(law.source);
    for (const LawConstant& constant : law.constants) {
      (*out.mutable_constants())[constant.symbol] = constant.value;
    }
    out.set_output(law.quantity);
    out.set_output_unit(law.unit);
  }
  out.set_origin(v1::LAW_ORIGIN_PUBLISHED);
  out.set_verification(ToProto(law.verification));
  out.set_form(law.form);
  out.set_conventions(law.conventions);
  out.clear_variables();
  for (const LawVariable& variable : law.variables) *out.add_variables() = ToProto(variable);
  return out;
}

v1::Plan::LawUse ToLawUse(const PublishedLaw& law) {
  if (law.planner_law != nullptr) return ToLawUse(*law.planner_law);
  v1::Plan::LawUse out;
  out.set_name(law.name);
  out.set_version(1);
  out.set_family(law.family);
  if (law.param_count_convention) {
    out.set_param_count_convention(ToProto(*law.param_count_convention));
  }
  out.set_dataset(law.dataset);
  out.set_source(law.source);
  return out;
}

Law FromProto(const v1::Law& in) {
  Law out;
  out.name = std::string(absl::StripPrefix(in.name(), "laws/"));
  out.version = in.version();
  out.family =
      in.family() == kDataConstrained ? LawFamily::kDataConstrained : LawFamily::kChinchilla;
  out.param_count_convention =
      FromProto(in.param_count_convention()).value_or(ParamCountConvention::kTotal);
  out.flops_convention = FromProto(in.flops_convention()).value_or(FlopsConvention::kSixNd);
  out.tokenizer = in.tokenizer();
  out.dataset = in.dataset();
  out.source = in.source();
  const auto constant = [&in](const char* symbol, double absent) {
    const auto found = in.constants().find(symbol);
    return found != in.constants().end() ? found->second : absent;
  };
  out.constants = {.irreducible_loss_nats = constant("E", 0),
                   .a = constant("A", 0),
                   .b = constant("B", 0),
                   .alpha = constant("alpha", 0),
                   .beta = constant("beta", 0),
                   .interaction_exponent = constant("gamma", 1)};
  if (out.family == LawFamily::kDataConstrained) {
    out.repetition = RepetitionConstants{.data_decay_epochs = constant("R_D", 0),
                                         .param_decay = constant("R_N", 0)};
  }
  const int size = in.covariance_parameters_size();
  if (size > 0 && in.covariance_size() == size * size) {
    LawCovariance& covariance = out.covariance.emplace();
    covariance.parameters.assign(in.covariance_parameters().begin(),
                                 in.covariance_parameters().end());
    covariance.values.resize(size, size);
    for (int i = 0; i < size * size; ++i) covariance.values(i / size, i % size) = in.covariance(i);
    covariance.source = in.covariance_source();
  }
  if (in.has_residual_log_std()) out.residual_log_std = in.residual_log_std();
  if (in.has_reference_batch_tokens()) out.reference_batch_tokens = in.reference_batch_tokens();
  out.box = BoxOf(in);
  return out;
}

bool GivesLossSurface(v1::FitMethod method) {
  return method == v1::FIT_METHOD_UNSPECIFIED || method == v1::FIT_METHOD_VPNLS ||
         method == v1::FIT_METHOD_NLS;
}

}  // namespace rhumb::convert

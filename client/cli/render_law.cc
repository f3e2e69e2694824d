// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_law.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/render_decisions.h"
#include "client/cli/report.h"
#include "client/cli/request_fields.h"
#include "client/config/human_numbers.h"
#include "google/protobuf/util/time_util.h"

namespace rhumb::cli {
namespace {

constexpr double kDefaultLevel = 0.9;

std::string OriginName(v1::LawOrigin origin) {
  const auto* value = v1::LawOrigin_descriptor()->FindValueByNumber(origin);
  return value == nullptr || origin == v1::LAW_ORIGIN_UNSPECIFIED ? "" : EnumChoice(*value);
}

// "N from 4.4e7 to 1.6e10", or one side of it; empty without either.
std::string Range(absl::string_view name, bool has_low, double low, bool has_high, double high,
                  std::string (*format)(double)) {
  if (!has_low && !has_high) return "";
  return JoinParts({std::string(name), has_low ? absl::StrCat("from ", format(low)) : "",
                    has_high ? absl::StrCat("to ", format(high)) : ""},
                   " ");
}

std::string VerificationText(v1::LawVerification verification) {
  switch (verification) {
    case v1::LAW_VERIFICATION_PAPER:
      return "checked against the paper";
    case v1::LAW_VERIFICATION_CODE:
      return "the authors' code or data give these numbers";
    case v1::LAW_VERIFICATION_SECONDARY:
      return "checked against a text that quotes the paper";
    case v1::LAW_VERIFICATION_NONE:
      return "not verified";
    default:
      return "";
  }
}

std::string StoredText(const v1::Law& law) {
  if (!law.has_create_time()) return "";
  return JoinParts(
      {absl::StrCat(OriginName(law.origin()), " ",
                    google::protobuf::util::TimeUtil::ToString(law.create_time()).substr(0, 19),
                    "Z"),
       law.has_owner_uid() ? absl::StrCat("by uid ", law.owner_uid()) : "",
       law.observations().empty() ? "" : absl::StrCat("from ", law.observations())},
      ", ");
}

std::string OptionsText(const v1::LawFitOptions& options) {
  std::vector<std::string> parts = {absl::StrCat("family ", options.family())};
  const auto add_enum = [&](const google::protobuf::EnumDescriptor& type, int number) {
    if (number != 0) parts.push_back(EnumChoice(*type.FindValueByNumber(number)));
  };
  add_enum(*v1::FitMethod_descriptor(), options.method());
  add_enum(*v1::FitLoss_descriptor(), options.loss());
  if (options.has_huber_delta()) {
    parts.push_back(absl::StrFormat("delta %.3g", options.huber_delta()));
  }
  const std::map<std::string, double> fixed(options.fixed().begin(), options.fixed().end());
  for (const auto& [symbol, value] : fixed) {
    parts.push_back(absl::StrFormat("%s = %.6g fixed", symbol, value));
  }
  for (const v1::TiedConstants& tie : options.tied()) {
    parts.push_back(absl::StrCat(tie.symbol(), " = ", tie.to()));
  }
  if (options.has_bootstrap_count()) {
    parts.push_back(Counted(options.bootstrap_count(), "bootstrap"));
  }
  if (options.has_seed()) parts.push_back(absl::StrCat("seed ", options.seed()));
  if (options.has_holdout_above_flops()) {
    parts.push_back(absl::StrFormat("held out above %.3g FLOP", options.holdout_above_flops()));
  }
  if (options.has_holdout_above_params()) {
    parts.push_back(absl::StrCat("held out above ", FormatCount(options.holdout_above_params()),
                                 " parameters"));
  }
  return absl::StrJoin(parts, ", ");
}

void AddVariables(const v1::Law& law, Report& report) {
  const char* label = "Variables";
  for (const v1::LawVariable& variable : law.variables()) {
    report.Row(label,
               JoinParts({absl::StrCat(variable.name(), variable.unit().empty() ? "" : " in ",
                                       variable.unit()),
                          Range("", variable.has_min(), variable.min(), variable.has_max(),
                                variable.max(), FormatScientific),
                          variable.description()},
                         ", "));
    label = "";
  }
}

}  // namespace

Table LawsTable(const std::vector<v1::Law>& laws) {
  Table table;
  table.columns = {{.title = "NAME"},
                   {.title = "FAMILY"},
                   {.title = "N COUNTS"},
                   {.title = "DATASET"},
                   {.title = "INTERVAL"},
                   {.title = "PLANS"},
                   {.title = "ORIGIN"},
                   {.title = "TOKENIZER", .wide_only = true},
                   {.title = "VERSION", .number = true, .wide_only = true},
                   {.title = "SOURCE", .wide_only = true}};
  for (const v1::Law& law : laws) {
    table.rows.push_back({BareName(law.name()), law.family(),
                          ConventionName(law.param_count_convention()), law.dataset(),
                          law.covariance_source().empty() ? "no" : "yes",
                          law.planable() ? "yes" : "no", OriginName(law.origin()), law.tokenizer(),
                          absl::StrCat(law.version()), law.source()});
  }
  return table;
}

std::string RenderLaw(const v1::Law& law, bool wide, const Terminal& terminal) {
  Report report(terminal);
  report.Sentence(absl::StrCat(BareName(law.name()), ", version ", law.version(), ": family ",
                               law.family(), "."),
                  Style::kBold);
  const std::map<std::string, double> constants(law.constants().begin(), law.constants().end());
  std::vector<std::string> texts;
  for (const auto& [symbol, value] : constants) {
    const auto error = law.std_errors().find(symbol);
    texts.push_back(absl::StrCat(
        symbol, " = ", absl::StrFormat("%.6g", value),
        error == law.std_errors().end() ? "" : absl::StrFormat(" +- %.2g", error->second)));
  }
  report.Row("Constants", absl::StrJoin(texts, ", "));
  AddVariables(law, report);
  report.Row("Predicts", law.output().empty() || law.output() == "loss_nats"
                             ? ""
                             : JoinParts({law.output(), law.output_unit()}, " in "));
  const std::string params = ConventionName(law.param_count_convention());
  const std::string flops = ConventionName(law.flops_convention());
  report.Row("Conventions", JoinParts({params.empty() ? "" : absl::StrCat("N ", params),
                                       flops.empty() ? "" : absl::StrCat("FLOP ", flops),
                                       law.planable() ? "loss in nats per token" : ""},
                                      ", "));
  report.Row("Data",
             JoinParts({law.dataset(),
                        law.tokenizer().empty() ? "" : absl::StrCat("tokenizer ", law.tokenizer())},
                       ", "));
  report.Row(
      "Range",
      JoinParts({Range("N", law.has_min_param_count(), law.min_param_count(),
                       law.has_max_param_count(), law.max_param_count(), FormatCount),
                 Range("FLOP", law.has_min_training_flops(), law.min_training_flops(),
                       law.has_max_training_flops(), law.max_training_flops(), FormatScientific),
                 Range("D/N", law.has_min_tokens_per_param(), law.min_tokens_per_param(),
                       law.has_max_tokens_per_param(), law.max_tokens_per_param(), FormatCount),
                 law.has_max_epoch_count()
                     ? absl::StrCat("up to ", FormatRatio(law.max_epoch_count()), " epochs")
                     : ""},
                "; "));
  report.Row("Interval", law.covariance_source().empty() ? "none: no covariance is known"
                                                         : law.covariance_source());
  if (law.has_residual_log_std()) {
    report.Row("Scatter", absl::StrFormat("a run lies %.2f%% from the law (standard deviation)",
                                          100 * law.residual_log_std()));
  }
  if (law.has_slope_error_fraction()) {
    report.Row("Beyond",
               absl::StrFormat("the fall of ln L beyond the data may be wrong by %.0f%% "
                               "(standard deviation, %.3g degrees of freedom)",
                               100 * law.slope_error_fraction(), law.slope_error_degrees()));
  }
  if (law.planable()) AddLawDecisions(law, kDefaultLevel, report);
  report.Row("Stored", StoredText(law));
  if (wide && law.has_fit_options()) report.Row("Fitted with", OptionsText(law.fit_options()));
  if (wide && law.covariance_size() > 0) {
    const int count = law.covariance_parameters_size();
    Table table;
    table.columns = {{.title = "COVARIANCE"}};
    for (const std::string& name : law.covariance_parameters()) {
      table.columns.push_back({.title = name, .number = true});
    }
    for (int i = 0; i < count && law.covariance_size() == count * count; ++i) {
      std::vector<std::string> row = {law.covariance_parameters(i)};
      for (int j = 0; j < count; ++j) {
        row.push_back(absl::StrFormat("%.4g", law.covariance(i * count + j)));
      }
      table.rows.push_back(std::move(row));
    }
    report.Block(RenderTable(table, {}, terminal));
  }
  report.Row("Source", law.source());
  report.Row("Verified", VerificationText(law.verification()));
  return report.text();
}

}  // namespace rhumb::cli

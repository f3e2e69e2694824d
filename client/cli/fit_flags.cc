// SPDX-License-Identifier: Apache-2.0
#include "client/cli/fit_flags.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/request_fields.h"
#include "client/config/human_numbers.h"
#include "client/observations/observation_columns.h"
#include "client/observations/row_filter.h"
#include "planner/fit/fit_law.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

// Texts around the first `separator`; INVALID_ARGUMENT if a side is empty.
absl::StatusOr<std::pair<std::string, std::string>> Sides(absl::string_view text, char separator,
                                                          absl::string_view form) {
  const std::pair<absl::string_view, absl::string_view> sides =
      absl::StrSplit(text, absl::MaxSplits(separator, 1));
  const absl::string_view left = absl::StripAsciiWhitespace(sides.first);
  const absl::string_view right = absl::StripAsciiWhitespace(sides.second);
  if (left.empty() || right.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("expected ", form, ", got \"", text, "\""));
  }
  return std::make_pair(std::string(left), std::string(right));
}

// Calls `add` for each value of the flag, several of which may stand in one list with commas.
void ForEachValue(const Invocation& invocation, const std::string& flag,
                  std::vector<std::string>& wrong,
                  const std::function<absl::Status(absl::string_view)>& add) {
  const auto given = invocation.flags.find(flag);
  if (given == invocation.flags.end()) return;
  for (const std::string& value : given->second) {
    for (const absl::string_view part : absl::StrSplit(value, ',')) {
      const absl::Status status = add(part);
      if (!status.ok()) wrong.push_back(absl::StrCat("--", flag, ": ", status.message()));
    }
  }
}

absl::Status AddFixed(absl::string_view text, v1::LawFitOptions& options) {
  RHUMB_ASSIGN_OR_RETURN(const auto sides, Sides(text, '=', "a constant and its value, as E=1.8"));
  RHUMB_ASSIGN_OR_RETURN(const double value, ParseNumber(sides.second));
  if (!options.mutable_fixed()->insert({sides.first, value}).second) {
    return absl::InvalidArgumentError(absl::StrCat(sides.first, " is fixed twice"));
  }
  return absl::OkStatus();
}

absl::Status AddBound(absl::string_view text, v1::LawFitOptions& options) {
  constexpr absl::string_view kForm = "a constant and its range, as alpha=0.1:0.6";
  RHUMB_ASSIGN_OR_RETURN(const auto sides, Sides(text, '=', kForm));
  RHUMB_ASSIGN_OR_RETURN(const auto ends, Sides(sides.second, ':', kForm));
  v1::Interval range;
  RHUMB_ASSIGN_OR_RETURN(const double low, ParseNumber(ends.first));
  RHUMB_ASSIGN_OR_RETURN(const double high, ParseNumber(ends.second));
  range.set_low(low);
  range.set_high(high);
  if (!options.mutable_bounds()->insert({sides.first, range}).second) {
    return absl::InvalidArgumentError(absl::StrCat(sides.first, " is bounded twice"));
  }
  return absl::OkStatus();
}

absl::Status AddTie(absl::string_view text, v1::LawFitOptions& options) {
  RHUMB_ASSIGN_OR_RETURN(const auto sides, Sides(text, '=', "two constants, as alpha=beta"));
  v1::TiedConstants& tie = *options.add_tied();
  tie.set_symbol(sides.first);
  tie.set_to(sides.second);
  return absl::OkStatus();
}

absl::Status SetHoldout(absl::string_view text, v1::LawFitOptions& options) {
  constexpr absl::string_view kForm = "training_flops>NUMBER or param_count>NUMBER";
  RHUMB_ASSIGN_OR_RETURN(const std::vector<RowCondition> conditions, ParseRowFilter(text));
  for (const RowCondition& condition : conditions) {
    const std::optional<size_t> field = FindField(condition.column);
    const std::string name = field.has_value() ? ObservationFields()[*field].name : "";
    if (condition.comparison != Comparison::kGreater || !condition.is_number ||
        (name != "training_flops" && name != "param_count")) {
      return absl::InvalidArgumentError(absl::StrCat("expected ", kForm, ", got \"", text, "\""));
    }
    if (name == "training_flops") {
      options.set_holdout_above_flops(condition.number);
    } else {
      options.set_holdout_above_params(condition.number);
    }
  }
  return absl::OkStatus();
}

Flag Of(std::string name, std::string field, FlagKind kind, std::string placeholder,
        std::string help, std::string group) {
  return {.name = std::move(name),
          .field = std::move(field),
          .kind = kind,
          .placeholder = std::move(placeholder),
          .help = std::move(help),
          .group = std::move(group)};
}

Flag Repeatable(Flag flag) {
  flag.repeatable = true;
  return flag;
}

Flag Choice(std::string name, std::string field, const google::protobuf::EnumDescriptor& type,
            std::string help, std::string group) {
  Flag flag = Of(std::move(name), std::move(field), FlagKind::kChoice, "NAME", std::move(help),
                 std::move(group));
  flag.choices = EnumChoices(type);
  return flag;
}

absl::Status Joined(const std::vector<std::string>& wrong) {
  return wrong.empty() ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrJoin(wrong, "\n"));
}

}  // namespace

std::vector<Flag> TableFlags() {
  constexpr char kTable[] = "Table";
  constexpr char kData[] = "Data";
  const std::string set = "observation_set.";
  return {
      Repeatable(Of("map", "", FlagKind::kText, "FIELD=COLUMN",
                    "the column that holds a field, as param_count=params_nonemb", kTable)),
      Repeatable(Of("where", "", FlagKind::kText, "CONDITION",
                    "only rows that meet it, as 'in_fit==1 and loss<4'; operators == != < <= > >= "
                    "and ~ !~ (contains, does not)",
                    kTable)),
      Of("skip-bad-rows", "", FlagKind::kSwitch, "",
         "leave rows out that cannot be read, instead of refusing the file", kTable),
      Choice("param-count-convention", set + "param_count_convention",
             *v1::ParamCountConvention_descriptor(), "how the table counts N; default total",
             kData),
      Choice("flops-convention", set + "flops_convention", *v1::FlopsConvention_descriptor(),
             "how it counts C; default six-nd", kData),
      Of("tokenizer", set + "tokenizer", FlagKind::kText, "NAME", "of the losses", kData),
      Of("dataset", set + "dataset", FlagKind::kText, "NAME", "that the losses are measured on",
         kData),
      Of("source", set + "source", FlagKind::kText, "TEXT",
         "where the numbers come from; default the file's name", kData),
  };
}

std::vector<Flag> FitFlags() {
  constexpr char kLaw[] = "Law";
  constexpr char kFit[] = "Fit";
  constexpr char kUncertainty[] = "Uncertainty";
  return {
      Of("name", "name", FlagKind::kText, "NAME",
         "store the law under it, as a new version; without, nothing is stored", kLaw),
      Of("family", "options.family", FlagKind::kText, "FORM",
         absl::StrCat(absl::StrJoin(FormNames(), ", "), " (default ", FormNames().front(),
                      "), or auto: chosen by predicting larger runs from smaller ones"),
         kLaw),
      Choice(
          "method", "options.method", *v1::FitMethod_descriptor(),
          "how constants are found, default vpnls (variable projection); isoflop and envelope give "
          "exponents alone, the last three learning rate and batch, the critical batch, and a "
          "task's metric",
          kFit),
      Choice("loss", "options.loss", *v1::FitLoss_descriptor(), "of residuals; default huber",
             kFit),
      Of("delta", "options.huber_delta", FlagKind::kNumber, "NUMBER",
         "where Huber's loss turns linear, on ln L; default 1e-3", kFit),
      Repeatable(Of("fix", "options.fixed", FlagKind::kText, "SYMBOL=VALUE",
                    "a constant that is known, as E=1.8", kFit)),
      Repeatable(Of("bound", "options.bounds", FlagKind::kText, "SYMBOL=LOW:HIGH",
                    "range of a constant, as alpha=0.1:0.6", kFit)),
      Repeatable(Of("tie", "options.tied", FlagKind::kText, "SYMBOL=SYMBOL",
                    "two constants that are equal, as alpha=beta", kFit)),
      Of("include-mid-schedule", "options.include_mid_schedule", FlagKind::kSwitch, "",
         "also rows whose schedule_fraction is below 1", kFit),
      Of("target-loss", "options.target_loss_nats", FlagKind::kNumber, "NATS",
         "also the least compute that reaches this loss, and its run", kLaw),
      Repeatable(Of("holdout", "", FlagKind::kText, "CONDITION",
                    "runs to predict instead of fit, as 'training_flops>1e21' or 'param_count>1B'",
                    kUncertainty)),
      Of("bootstrap", "options.bootstrap_count", FlagKind::kCount, "N",
         "refits of resampled runs; default 1000, 0: none", kUncertainty),
      Of("level", "options.level", FlagKind::kNumber, "FRACTION",
         "level of every interval; default 0.9", kUncertainty),
      Of("seed", "options.seed", FlagKind::kCount, "N", "of the resampling; default 42",
         kUncertainty),
  };
}

std::vector<Flag> FitOptionFlags() {
  std::vector<Flag> flags = FitFlags();
  flags.erase(std::remove_if(flags.begin(), flags.end(),
                             [](const Flag& flag) { return flag.name == "name"; }),
              flags.end());
  return flags;
}

absl::StatusOr<TableQuestion> ReadTableFlags(const Invocation& invocation) {
  TableQuestion question;
  question.skip_bad_rows = invocation.Has("skip-bad-rows");
  std::vector<std::string> wrong;
  const absl::Status fields = SetFieldsFromFlags(TableFlags(), invocation, 0, question.header);
  if (!fields.ok()) wrong.emplace_back(fields.message());
  ForEachValue(invocation, "map", wrong, [&](absl::string_view text) -> absl::Status {
    RHUMB_ASSIGN_OR_RETURN(const auto sides,
                           Sides(text, '=', "FIELD=COLUMN, as param_count=params_nonemb"));
    if (!question.file.columns.insert(sides).second) {
      return absl::InvalidArgumentError(absl::StrCat(sides.first, " is given twice"));
    }
    return absl::OkStatus();
  });
  // Not split at commas: a condition is one text.
  if (const auto filters = invocation.flags.find("where"); filters != invocation.flags.end()) {
    question.file.filters = filters->second;
  }
  RHUMB_RETURN_IF_ERROR(Joined(wrong));
  return question;
}

absl::StatusOr<v1::FitLawRequest> ReadFitFlags(const Invocation& invocation) {
  v1::FitLawRequest request;
  std::vector<Flag> plain;
  for (const Flag& flag : FitFlags()) {
    if (!flag.repeatable) plain.push_back(flag);
  }
  std::vector<std::string> wrong;
  const absl::Status fields = SetFieldsFromFlags(plain, invocation, 0, request);
  if (!fields.ok()) wrong.emplace_back(fields.message());
  v1::LawFitOptions& options = *request.mutable_options();
  const auto read = [&](const std::string& flag,
                        absl::Status (*add)(absl::string_view, v1::LawFitOptions&)) {
    ForEachValue(invocation, flag, wrong,
                 [&](absl::string_view text) { return add(text, options); });
  };
  read("fix", AddFixed);
  read("bound", AddBound);
  read("tie", AddTie);
  read("holdout", SetHoldout);
  RHUMB_RETURN_IF_ERROR(Joined(wrong));
  return request;
}

}  // namespace rhumb::cli

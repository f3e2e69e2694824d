// SPDX-License-Identifier: Apache-2.0
#include "client/observations/observation_columns.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace rhumb {
namespace {

constexpr size_t kListedColumns = 40;

// "Param Count" and "param-count" are param_count.
std::string Folded(absl::string_view name) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(absl::StripAsciiWhitespace(name)),
                             {{" ", "_"}, {"-", "_"}});
}

// Places of the columns that are `name` once folded.
std::vector<size_t> Matching(const std::vector<std::string>& header, absl::string_view name) {
  std::vector<size_t> places;
  for (size_t i = 0; i < header.size(); ++i) {
    if (Folded(header[i]) == name) places.push_back(i);
  }
  return places;
}

std::string Twice(const std::vector<std::string>& header, const std::vector<size_t>& places) {
  return absl::StrCat("columns ", places[0] + 1, " and ", places[1] + 1, " are both called ",
                      ShownCell(header[places[0]]), "; rename one");
}

// The column of `field` by its names; what is wrong goes to `problems`.
std::optional<size_t> ColumnByName(const std::vector<std::string>& header,
                                   const ObservationField& field,
                                   std::vector<std::string>& problems) {
  const std::vector<size_t> own = Matching(header, field.name);
  if (own.size() > 1) {
    problems.push_back(absl::StrCat(field.name, ": ", Twice(header, own)));
    return std::nullopt;
  }
  if (own.size() == 1) return own[0];
  std::vector<size_t> found;
  for (const std::string& alias : field.aliases) {
    for (const size_t place : Matching(header, alias)) found.push_back(place);
  }
  if (found.size() > 1) {
    std::sort(found.begin(), found.end());
    if (header[found[0]] == header[found[1]]) {
      problems.push_back(absl::StrCat(field.name, ": ", Twice(header, found)));
    } else {
      problems.push_back(absl::StrCat(field.name, ": columns ", ShownCell(header[found[0]]),
                                      " and ", ShownCell(header[found[1]]),
                                      " could both be it; say which with --map ", field.name,
                                      "=COLUMN"));
    }
    return std::nullopt;
  }
  if (found.empty()) return std::nullopt;
  return found[0];
}

}  // namespace

const std::vector<ObservationField>& ObservationFields() {
  static const std::vector<ObservationField>& fields = *new std::vector<ObservationField>{
      {.name = "param_count",
       .aliases = {"params", "n", "num_params", "parameters", "n_params"},
       .required = true,
       .suffixes = true,
       .set = [](double value, Observation& o) { o.param_count = value; }},
      {.name = "token_count",
       .aliases = {"tokens", "d", "num_tokens", "train_tokens", "training_tokens", "n_tokens"},
       .required = true,
       .suffixes = true,
       .set = [](double value, Observation& o) { o.token_count = value; }},
      {.name = "loss_nats",
       .aliases = {"loss", "l", "final_loss", "val_loss", "validation_loss", "eval_loss"},
       .required = true,
       .set = [](double value, Observation& o) { o.loss_nats = value; }},
      {.name = "unique_token_count",
       .aliases = {"unique_tokens", "u"},
       .suffixes = true,
       .set = [](double value, Observation& o) { o.unique_token_count = value; }},
      {.name = "training_flops",
       .aliases = {"flops", "c", "compute", "compute_flops", "train_flops", "flop"},
       .suffixes = true,
       .set = [](double value, Observation& o) { o.training_flops = value; }},
      {.name = "global_batch_tokens",
       .aliases = {"batch_tokens", "batch"},
       .suffixes = true,
       .set = [](double value, Observation& o) { o.global_batch_tokens = value; }},
      {.name = "learning_rate",
       .aliases = {"lr", "peak_lr", "lr_peak", "max_lr"},
       .set = [](double value, Observation& o) { o.learning_rate = value; }},
      {.name = "step_count",
       .aliases = {"steps", "train_steps", "iterations", "iters"},
       .suffixes = true,
       .set = [](double value, Observation& o) { o.step_count = value; }},
      {.name = "schedule_fraction",
       .aliases = {"fraction_of_schedule", "schedule"},
       .range = NumberRange::kShare,
       .set = [](double value, Observation& o) { o.schedule_fraction = value; }},
      {.name = "task_metric",
       .aliases = {"metric", "accuracy", "acc", "score"},
       .range = NumberRange::kAny,
       .set = [](double value, Observation& o) { o.task_metric = value; }},
      {.name = "weight",
       .aliases = {"w"},
       .range = NumberRange::kNotNegative,
       .set = [](double value, Observation& o) { o.weight = value; }},
      {.name = "run", .aliases = {"run_name", "run_id"}},
  };
  return fields;
}

std::string DescribeField(const ObservationField& field) {
  return field.aliases.empty()
             ? field.name
             : absl::StrCat(field.name, " (or ", absl::StrJoin(field.aliases, ", "), ")");
}

std::string ListColumns(const std::vector<std::string>& header) {
  std::vector<std::string> names;
  for (const std::string& name : header) {
    if (names.size() == kListedColumns) {
      names.push_back(absl::StrCat("and ", header.size() - kListedColumns, " more"));
      break;
    }
    // Names that a person can type stand as they are.
    const bool plain =
        !name.empty() && name.size() <= 60 && std::all_of(name.begin(), name.end(), [](char c) {
          return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '"' && c != ',';
        });
    names.push_back(plain ? name : ShownCell(name));
  }
  return absl::StrJoin(names, ", ");
}

absl::StatusOr<size_t> FindColumn(const std::vector<std::string>& header, absl::string_view name) {
  std::vector<size_t> exact, folded;
  for (size_t i = 0; i < header.size(); ++i) {
    if (header[i] == name) exact.push_back(i);
    if (absl::EqualsIgnoreCase(header[i], name)) folded.push_back(i);
  }
  const std::vector<size_t>& places = exact.empty() ? folded : exact;
  if (places.size() > 1) return absl::InvalidArgumentError(Twice(header, places));
  if (places.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no column ", ShownCell(name), "; there are ", ListColumns(header)));
  }
  return places[0];
}

std::optional<size_t> FindField(absl::string_view name) {
  const std::string folded = Folded(name);
  const std::vector<ObservationField>& fields = ObservationFields();
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::vector<std::string>& aliases = fields[i].aliases;
    if (fields[i].name == folded ||
        std::find(aliases.begin(), aliases.end(), folded) != aliases.end()) {
      return i;
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<std::optional<size_t>>> ResolveColumns(
    const std::vector<std::string>& header, const std::map<std::string, std::string>& renamed) {
  const std::vector<ObservationField>& fields = ObservationFields();
  std::vector<std::optional<size_t>> places(fields.size());
  std::vector<bool> settled(fields.size(), false);
  std::vector<std::string> problems;
  for (const auto& [name, column] : renamed) {
    const std::optional<size_t> field = FindField(name);
    if (!field.has_value()) {
      std::vector<std::string> names;
      for (const ObservationField& known : fields) names.push_back(known.name);
      problems.push_back(absl::StrCat("--map ", name, "=", column, ": ", ShownCell(name),
                                      " is not one of ", absl::StrJoin(names, ", ")));
      continue;
    }
    if (settled[*field]) {
      problems.push_back(absl::StrCat("--map: ", fields[*field].name, " is given twice"));
      continue;
    }
    settled[*field] = true;
    const absl::StatusOr<size_t> place = FindColumn(header, column);
    if (place.ok()) {
      places[*field] = *place;
    } else {
      problems.push_back(absl::StrCat("--map ", name, "=", column, ": ", place.status().message()));
    }
  }
  std::vector<std::string> missing;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (settled[i]) continue;
    const size_t before = problems.size();
    places[i] = ColumnByName(header, fields[i], problems);
    if (places[i].has_value() || problems.size() > before) continue;
    if (fields[i].required) missing.push_back(DescribeField(fields[i]));
  }
  if (!missing.empty()) {
    problems.push_back(absl::StrCat("no column ", absl::StrJoin(missing, ", nor "), "; there are ",
                                    ListColumns(header), ". Name one with --map FIELD=COLUMN"));
  }
  // One column for two quantities is a slip of --map; by names alone it cannot happen.
  for (size_t i = 0; i < fields.size(); ++i) {
    for (size_t j = i + 1; j < fields.size(); ++j) {
      if (!places[i].has_value() || places[i] != places[j]) continue;
      if (!settled[j]) {
        places[j].reset();  // --map took it for something else
      } else if (!settled[i]) {
        places[i].reset();
        if (fields[i].required) {
          problems.push_back(absl::StrCat("no column is left for ", fields[i].name,
                                          ": --map gives its column to ", fields[j].name));
        }
      } else {
        problems.push_back(absl::StrCat("--map gives the column ", ShownCell(header[*places[i]]),
                                        " to both ", fields[i].name, " and ", fields[j].name));
      }
      break;
    }
  }
  if (!problems.empty()) return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
  return places;
}

}  // namespace rhumb

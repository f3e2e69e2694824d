// SPDX-License-Identifier: Apache-2.0
#include "tests/accuracy/fit_data_sets.h"

#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "planner/status_macros.h"

namespace rhumb::accuracy {
namespace {

std::optional<double> Number(const CsvRecord& record, const std::string& column) {
  const auto cell = record.find(column);
  double value = 0;
  if (cell == record.end() || !absl::SimpleAtod(cell->second, &value) || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::string Cell(const CsvRecord& record, const std::string& column) {
  const auto cell = record.find(column);
  return cell == record.end() ? "" : cell->second;
}

bool Is(const CsvRecord& record, const std::string& column, const std::string& value) {
  return Cell(record, column) == value;
}

FitDataSet Porian(const std::string& name, const std::string& file, const std::string& hparams,
                  const std::string& warmup, const std::string& decay, const std::string& count) {
  return {.name = name,
          .file = file,
          .params = "params",
          .tokens = "tokens",
          .loss = "loss_nats",
          .flops = "flops_6nd",
          .keep =
              [=](const CsvRecord& record) {
                return Is(record, "hparams", hparams) && Is(record, "warmup", warmup) &&
                       Is(record, "decay", decay) && Is(record, "param_count", count);
              },
          .convention = count == "kaplan" ? ParamCountConvention::kNonEmbedding
                                          : ParamCountConvention::kTotal};
}

}  // namespace

std::vector<FitDataSet> FitDataSets() {
  const std::string porian = "porian2024_refinedweb_isoflop.csv";
  const std::string attention = "porian2024_refinedweb_attnflops_isoflop.csv";
  const auto trained_for_fit = [](const CsvRecord& record) {
    return !absl::StrContains(Cell(record, "name"), "validation-optimal");
  };
  return {
      {.name = "chinchilla240",
       .file = "chinchilla_besiroglu2024.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "loss_nats",
       .flops = "flops",
       .keep = [](const CsvRecord& record) { return Is(record, "in_fit240", "1"); }},
      {.name = "chinchilla-isoflop9",
       .file = "chinchilla_isoflop9_mlscalefit.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "loss_nats",
       .flops = "flops_snapped"},
      {.name = "muennighoff-1epoch",
       .file = "muennighoff2023_repeat.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "loss_nats",
       .keep = [](const CsvRecord& record) { return Number(record, "epochs").value_or(2) <= 1; }},
      {.name = "muennighoff182",
       .file = "muennighoff2023_repeat.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "loss_nats",
       .unique = "unique_tokens",
       .keep = [](const CsvRecord& record) { return Is(record, "in_fit182", "1"); }},
      Porian("porian-base-long-kaplan-nonemb", porian, "base", "long", "kaplan", "kaplan"),
      Porian("porian-base-long-kaplan", porian, "base", "long", "kaplan", "standard"),
      Porian("porian-base-short-kaplan", porian, "base", "short", "kaplan", "standard"),
      Porian("porian-base-short-chinchilla", porian, "base", "short", "chinchilla", "standard"),
      Porian("porian-tuned", porian, "tuned", "short", "const", "standard"),
      Porian("porian-attention-tuned", attention, "tuned", "short", "const", "attention"),
      Porian("porian-attention-base", attention, "base", "long", "kaplan", "attention"),
      {.name = "gadre-c4",
       .file = "gadre2024_c4.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "loss_c4_val"},
      {.name = "gadre-redpajama",
       .file = "gadre2024_redpajama.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "loss_c4_val"},
      {.name = "misfitting-best-lr",
       .file = "misfitting_li2025_final.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "loss_nats",
       .best_of_cell = true},
      {.name = "misfitting-best-lr-nonemb",
       .file = "misfitting_li2025_final.csv",
       .params = "params_nonemb",
       .tokens = "tokens",
       .loss = "loss_nats",
       .best_of_cell = true,
       .convention = ParamCountConvention::kNonEmbedding},
      {.name = "misfitting-checkpoints",
       .file = "misfitting_li2025_allckpt.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "loss_nats",
       .run = "sweep|model|lr_peak|total_steps",
       .fraction_of_schedule = "fraction_of_schedule"},
      {.name = "marin-dclm",
       .file = "marin2026_isoflop_dclm.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "loss_nats",
       .flops = "budget_flops",
       .keep = trained_for_fit},
      {.name = "marin-comma",
       .file = "marin2026_isoflop_comma.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "loss_nats",
       .flops = "budget_flops",
       .keep = trained_for_fit},
      {.name = "olmo-ladder-c4",
       .file = "olmo_ladder2024.csv",
       .params = "params_nonemb",
       .tokens = "tokens",
       .loss = "loss_c4_en",
       .keep = [](const CsvRecord& record) { return Is(record, "rerun", "0"); },
       .convention = ParamCountConvention::kNonEmbedding},
      {.name = "steplaw-best",
       .file = "steplaw2025_dense.csv",
       .params = "params_nonemb",
       .tokens = "tokens",
       .loss = "loss_smooth_nats",
       .best_of_cell = true,
       .convention = ParamCountConvention::kNonEmbedding},
      {.name = "cerebras-pythia",
       .file = "cerebras_pythia_pile.csv",
       .params = "params",
       .tokens = "tokens",
       .loss = "pile_test_nats_modelzoo"},
  };
}

absl::StatusOr<ObservationSet> ReadFitDataSet(const std::string& folder, const FitDataSet& set) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<CsvRecord> records,
                         ReadCsvFile(absl::StrCat(folder, "/", set.file)));
  ObservationSet observations;
  observations.param_count_convention = set.convention;
  observations.source = set.name;
  std::map<std::pair<double, double>, size_t> cells;
  for (const CsvRecord& record : records) {
    if (set.keep && !set.keep(record)) continue;
    const std::optional<double> params = Number(record, set.params);
    const std::optional<double> tokens = Number(record, set.tokens);
    const std::optional<double> loss = Number(record, set.loss);
    if (!params.has_value() || !tokens.has_value() || !loss.has_value()) continue;
    Observation row{.param_count = *params, .token_count = *tokens, .loss_nats = *loss};
    if (!set.flops.empty()) row.training_flops = Number(record, set.flops);
    if (!set.unique.empty()) row.unique_token_count = Number(record, set.unique);
    if (!set.fraction_of_schedule.empty()) {
      row.schedule_fraction = Number(record, set.fraction_of_schedule);
    }
    if (!set.run.empty()) {
      for (const auto& column : absl::StrSplit(set.run, '|')) {
        absl::StrAppend(&row.run, Cell(record, std::string(column)), "|");
      }
    }
    if (set.best_of_cell) {
      const auto [cell, is_new] =
          cells.try_emplace({*params, *tokens}, observations.observations.size());
      if (!is_new) {
        Observation& best = observations.observations[cell->second];
        if (row.loss_nats < best.loss_nats) best = row;
        continue;
      }
    }
    observations.observations.push_back(row);
  }
  if (observations.observations.empty()) {
    return absl::NotFoundError(absl::StrCat("no row of ", set.name, " in ", set.file));
  }
  return observations;
}

}  // namespace rhumb::accuracy

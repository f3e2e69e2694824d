// SPDX-License-Identifier: Apache-2.0
#include "client/cli/learned_observations.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "planner/cost/model_shape.h"
#include "planner/status_macros.h"
#include "proto/convert/architecture_message.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {
namespace {

constexpr int kSamplesPerPage = 1000;
// Of the last tokens a run may lack and still have ended as planned.
constexpr double kEndSlack = 0.01;

// The loss that the run ended with; a reason where it told of none.
absl::StatusOr<double> LossOf(const v1::Run& run, const RunSampleFacts& facts, LossKind kind) {
  if (kind == LossKind::kValidation) {
    if (!facts.validation_loss_nats.has_value()) {
      return absl::InvalidArgumentError("told of no validation loss");
    }
    const double end = static_cast<double>(run.last_sample().token_count());
    if (static_cast<double>(facts.validation_token_count) < end * (1 - kEndSlack)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("its last validation loss is of %.3g of %.3g tokens",
                          static_cast<double>(facts.validation_token_count), end));
    }
    return *facts.validation_loss_nats;
  }
  for (const char* quantity : {"final_loss_nats", "loss_nats"}) {
    if (const std::optional<double> loss = ActualOf(run, quantity)) return *loss;
  }
  if (run.last_sample().has_loss_nats()) return run.last_sample().loss_nats();
  return absl::InvalidArgumentError("told of no loss");
}

// The run as an observation; a reason where it cannot be one.
absl::StatusOr<v1::Observation> ObservationOf(const FinishedRun& finished,
                                              const RunSampleFacts& facts, LossKind kind,
                                              bool total) {
  const v1::Run& run = finished.run;
  const v1::RunSettings& settings = run.settings();
  if (run.state() != v1::RUN_STATE_SUCCEEDED) {
    return absl::InvalidArgumentError("did not end by itself: its last loss is of mid-schedule");
  }
  v1::Observation row;
  row.set_run(run.name());
  const bool counted_total =
      settings.param_count_convention() != v1::PARAM_COUNT_CONVENTION_NON_EMBEDDING;
  if (settings.has_param_count() && counted_total == total) {
    row.set_param_count(static_cast<double>(settings.param_count()));
  } else if (finished.plan.has_value() && finished.plan->has_model()) {
    const ModelShape shape = convert::FromProto(finished.plan->model());
    const ParamCounts counts = CountParams(shape);
    row.set_param_count(static_cast<double>(total ? counts.active : counts.active_non_embedding));
  } else {
    return absl::InvalidArgumentError(
        total ? "says its parameters without embeddings alone, and has no plan"
              : "says its parameters with embeddings alone, and has no plan");
  }
  if (run.last_sample().token_count() <= 0) return absl::InvalidArgumentError("told of no tokens");
  row.set_token_count(static_cast<double>(run.last_sample().token_count()));
  std::optional<double> end;
  if (finished.plan.has_value() && finished.plan->has_token_count()) {
    end = static_cast<double>(finished.plan->token_count());
  }
  if (settings.has_target_token_count()) end = static_cast<double>(settings.target_token_count());
  if (end.has_value() && row.token_count() < *end * (1 - kEndSlack)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("ended after %.3g of %.3g tokens: its last loss is of mid-schedule",
                        row.token_count(), *end));
  }
  RHUMB_ASSIGN_OR_RETURN(const double loss, LossOf(run, facts, kind));
  row.set_loss_nats(loss);
  if (settings.has_unique_token_count()) {
    row.set_unique_token_count(static_cast<double>(settings.unique_token_count()));
  } else if (finished.plan.has_value() && finished.plan->has_unique_token_count()) {
    row.set_unique_token_count(static_cast<double>(finished.plan->unique_token_count()));
  }
  if (settings.has_global_batch_tokens()) {
    row.set_global_batch_tokens(static_cast<double>(settings.global_batch_tokens()));
  } else if (finished.plan.has_value() && finished.plan->batch().global_batch_tokens() > 0) {
    row.set_global_batch_tokens(static_cast<double>(finished.plan->batch().global_batch_tokens()));
  }
  if (facts.peak_learning_rate.has_value() && *facts.peak_learning_rate > 0) {
    row.set_learning_rate(*facts.peak_learning_rate);
  }
  if (run.last_sample().step() > 0) {
    row.set_step_count(static_cast<double>(run.last_sample().step()));
  }
  return row;
}

absl::Status CheckOne(const char* what, const char* flag, const std::set<std::string>& values) {
  if (values.size() < 2) return absl::OkStatus();
  std::vector<std::string> shown;
  for (const std::string& value : values) shown.push_back(value.empty() ? "(not said)" : value);
  return absl::InvalidArgumentError(
      absl::StrCat("the runs are of several ", what, ", whose losses cannot be compared: ",
                   absl::StrJoin(shown, ", "), "; choose one with ", flag));
}

}  // namespace

absl::StatusOr<RunSampleFacts> ReadSampleFacts(const std::string& run, client::Client& client) {
  v1::ListRunSamplesRequest request;
  request.set_name(run);
  request.set_page_size(kSamplesPerPage);
  RunSampleFacts facts;
  do {
    RHUMB_ASSIGN_OR_RETURN(const v1::ListRunSamplesResponse page, client.ListRunSamples(request));
    for (const v1::RunSample& sample : page.samples()) {
      if (sample.has_learning_rate()) {
        facts.peak_learning_rate =
            std::max(facts.peak_learning_rate.value_or(0), sample.learning_rate());
      }
      if (sample.has_validation_loss_nats() &&
          sample.token_count() >= facts.validation_token_count) {
        facts.validation_loss_nats = sample.validation_loss_nats();
        facts.validation_token_count = sample.token_count();
      }
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return facts;
}

absl::StatusOr<LearnedObservations> ObservationsOfRuns(
    const std::vector<FinishedRun>& runs, const v1::ImportObservationsRequest& header,
    const std::string& tokenizer, const std::string& dataset, LossKind kind,
    const std::function<RunSampleFacts(const v1::Run&)>& facts_of) {
  LearnedObservations learned;
  learned.header = header;
  learned.rows.file = "finished runs";
  v1::ObservationSet& set = *learned.header.mutable_observation_set();
  const bool total = set.param_count_convention() != v1::PARAM_COUNT_CONVENTION_NON_EMBEDDING;
  std::set<std::string> tokenizers, datasets;
  int64_t opted_in = 0;
  for (const FinishedRun& finished : runs) {
    const v1::RunSettings& settings = finished.run.settings();
    if (!settings.learn()) continue;
    if (!tokenizer.empty() && settings.tokenizer() != tokenizer) continue;
    if (!dataset.empty() && settings.dataset() != dataset) continue;
    ++opted_in;
    absl::StatusOr<v1::Observation> row =
        ObservationOf(finished, facts_of(finished.run), kind, total);
    if (!row.ok()) {
      learned.unused.push_back(
          {"finished runs", finished.run.name(), std::string(row.status().message())});
      continue;
    }
    tokenizers.insert(settings.tokenizer());
    datasets.insert(settings.dataset());
    *learned.rows.observations.Add() = *std::move(row);
  }
  if (learned.rows.observations.empty()) {
    std::string text = absl::StrCat(
        opted_in == 0
            ? "no finished run lets its end be learnt from: runs allow it when they are created, "
              "by --learn of rhumb run create and rhumb ingest, or learn=True of "
              "rhumb.start (settings.learn of CreateRun)"
            : "no finished run has an end to learn from");
    for (const UnusedRow& unused : learned.unused) {
      absl::StrAppend(&text, "\n", unused.row_id, ": ", unused.reason);
    }
    return absl::InvalidArgumentError(text);
  }
  RHUMB_RETURN_IF_ERROR(CheckOne("tokenizers", "--tokenizer", tokenizers));
  RHUMB_RETURN_IF_ERROR(CheckOne("data sets", "--dataset", datasets));
  if (set.tokenizer().empty()) set.set_tokenizer(*tokenizers.begin());
  if (set.dataset().empty()) set.set_dataset(*datasets.begin());
  if (set.source().empty()) {
    set.set_source(absl::StrCat(Counted(learned.rows.observations.size(), "finished run")));
  }
  return learned;
}

}  // namespace rhumb::cli

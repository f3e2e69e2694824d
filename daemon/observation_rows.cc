// SPDX-License-Identifier: Apache-2.0
#include "daemon/observation_rows.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/identity.h"
#include "daemon/observation_validate.h"
#include "daemon/resolve.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/laws/chinchilla.h"
#include "planner/sha256.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// Rows of one BLOB: a page reads few of them, and a set of a million rows has no more than 250.
constexpr int kChunkRows = 4096;

void Widen(double value, v1::Interval& range) {
  if (!range.has_low() || value < range.low()) range.set_low(value);
  if (!range.has_high() || value > range.high()) range.set_high(value);
}

// Digits of the hash in a name: 80 bits, as for plans.
constexpr size_t kNameDigits = 20;

absl::StatusOr<std::string> UnknownSet(absl::string_view name, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(std::vector<std::string> names, store.observations().SetNames());
  for (std::string& each : names) each = std::string(absl::StripPrefix(each, "observations/"));
  return UnknownName("observations", absl::StripPrefix(name, "observations/"), names);
}

}  // namespace

void ObservationGatherer::Add(const v1::ImportObservationsRequest& message) {
  if (first_) {
    first_ = false;
    header_.set_request_id(message.request_id());
    header_.set_validate_only(message.validate_only());
    if (message.has_lifetime_seconds()) header_.set_lifetime_seconds(message.lifetime_seconds());
    *header_.mutable_observation_set() = message.observation_set();
    ValidateImportHeader(message, violations_);
    const v1::ObservationSet& set = message.observation_set();
    // Written down, so that a default and its absence are the same set.
    stored_header_.set_param_count_convention(set.param_count_convention() ==
                                                      v1::PARAM_COUNT_CONVENTION_UNSPECIFIED
                                                  ? v1::PARAM_COUNT_CONVENTION_TOTAL
                                                  : set.param_count_convention());
    stored_header_.set_flops_convention(set.flops_convention() == v1::FLOPS_CONVENTION_UNSPECIFIED
                                            ? v1::FLOPS_CONVENTION_SIX_ND
                                            : set.flops_convention());
    stored_header_.set_tokenizer(set.tokenizer());
    stored_header_.set_dataset(set.dataset());
    stored_header_.set_source(set.source());
  } else if (message.has_observation_set() || message.validate_only() ||
             message.has_lifetime_seconds() || !message.request_id().empty()) {
    violations_.Add(message.has_observation_set()    ? "observation_set"
                    : message.validate_only()        ? "validate_only"
                    : message.has_lifetime_seconds() ? "lifetime_seconds"
                                                     : "request_id",
                    "belongs into the first message");
  }
  for (const v1::Observation& row : message.observations()) {
    if (too_many()) return;
    ValidateObservation(row, row_count_, violations_);
    ++row_count_;
    if (violations_.empty() && !too_many()) Keep(row);
  }
}

void ObservationGatherer::Keep(const v1::Observation& row) {
  v1::Observation& kept = *open_chunk_.add_observations() = row;
  kept.DiscardUnknownFields();
  Widen(row.param_count(), *stored_header_.mutable_param_count());
  Widen(row.token_count(), *stored_header_.mutable_token_count());
  Widen(row.loss_nats(), *stored_header_.mutable_loss_nats());
  Widen(row.has_training_flops()
            ? row.training_flops()
            : kTrainingFlopsPerParamToken * row.param_count() * row.token_count(),
        *stored_header_.mutable_training_flops());
  if (row.run().empty()) {
    ++nameless_run_count_;
  } else {
    runs_.insert(row.run());
  }
  if (open_chunk_.observations_size() == kChunkRows) CloseChunk();
}

void ObservationGatherer::CloseChunk() {
  if (open_chunk_.observations_size() == 0) return;
  StoredObservations chunk;
  chunk.first_row = static_cast<int64_t>(chunks_.size()) * kChunkRows;
  chunk.row_count = open_chunk_.observations_size();
  chunk.rows = DeterministicBytes(open_chunk_);
  chunks_.push_back(std::move(chunk));
  open_chunk_.clear_observations();
}

absl::StatusOr<ObservationGatherer::Gathered> ObservationGatherer::Finish(int64_t owner_uid) {
  if (too_many()) {
    violations_.Add("observations", absl::StrCat("must be at most ", kMaxObservations, " rows"));
  } else if (row_count_ == 0) {
    violations_.Add("observations", "must have at least one row");
  }
  RHUMB_RETURN_IF_ERROR(violations_.ToStatus());
  CloseChunk();
  stored_header_.set_run_count(static_cast<int64_t>(runs_.size()) + nameless_run_count_);
  Gathered gathered;
  gathered.set.header = DeterministicBytes(stored_header_);
  // Chunks have the same borders however the rows arrived.
  std::string hashes = Sha256Hex(gathered.set.header);
  for (const StoredObservations& chunk : chunks_) hashes += Sha256Hex(chunk.rows);
  gathered.set.content_hash = Sha256Hex(hashes);
  const std::string& name = header_.observation_set().name();
  if (name.empty()) {
    const std::string hash = Sha256Hex(absl::StrCat(owner_uid, "\n", gathered.set.content_hash));
    gathered.set.name = absl::StrCat("observations/o-", hash.substr(0, kNameDigits));
  } else {
    RHUMB_ASSIGN_OR_RETURN(gathered.set.name,
                           ResourceName("observations", name, "observation_set.name"));
  }
  gathered.set.owner_uid = owner_uid;
  gathered.set.row_count = row_count_;
  gathered.chunks = std::move(chunks_);
  return gathered;
}

absl::StatusOr<v1::ObservationSet> ToMessage(const StoredObservationSet& row) {
  v1::ObservationSet set;
  if (!set.ParseFromString(row.header)) {
    return absl::DataLossError(row.name + " is damaged in the store");
  }
  set.set_name(row.name);
  set.set_observation_count(row.row_count);
  set.set_content_hash(row.content_hash);
  set.set_owner_uid(row.owner_uid);
  if (row.create_time_ns != 0) *set.mutable_create_time() = ToTimestamp(row.create_time_ns);
  if (row.expire_time_ns != 0) *set.mutable_expire_time() = ToTimestamp(row.expire_time_ns);
  return set;
}

absl::StatusOr<std::vector<v1::Observation>> ReadObservations(absl::string_view name,
                                                              int64_t first_row, int64_t row_count,
                                                              Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredObservations> chunks,
                         store.observations().ReadRows(name, first_row, row_count));
  std::vector<v1::Observation> rows;
  v1::ImportObservationsRequest parsed;
  for (const StoredObservations& chunk : chunks) {
    if (!parsed.ParseFromString(chunk.rows) || parsed.observations_size() != chunk.row_count) {
      return absl::DataLossError(absl::StrCat(name, " is damaged in the store"));
    }
    const int64_t begin = std::max<int64_t>(first_row - chunk.first_row, 0);
    const int64_t end = std::min(first_row + row_count - chunk.first_row, chunk.row_count);
    for (int64_t i = begin; i < end; ++i) {
      rows.push_back(std::move(*parsed.mutable_observations(static_cast<int>(i))));
    }
  }
  return rows;
}

absl::StatusOr<StoredObservationSet> GetStoredSet(absl::string_view name, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::string resource, ResourceName("observations", name, "name"));
  RHUMB_ASSIGN_OR_RETURN(std::optional<StoredObservationSet> set,
                         store.observations().FindSet(resource));
  if (set.has_value()) return *std::move(set);
  RHUMB_ASSIGN_OR_RETURN(const std::string text, UnknownSet(name, store));
  return ErrorWithReason(absl::StatusCode::kNotFound, "OBSERVATIONS_NOT_FOUND", text);
}

absl::StatusOr<StoredObservationSet> ResolveObservations(absl::string_view name,
                                                         absl::string_view field, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::string resource, ResourceName("observations", name, field));
  RHUMB_ASSIGN_OR_RETURN(std::optional<StoredObservationSet> set,
                         store.observations().FindSet(resource));
  if (set.has_value()) return *std::move(set);
  RHUMB_ASSIGN_OR_RETURN(const std::string text, UnknownSet(name, store));
  return FieldError(field, text);
}

}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
#include "daemon/fit_answer.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/convert_law.h"
#include "daemon/fit_convert.h"
#include "daemon/identity.h"
#include "daemon/law_lookup.h"
#include "daemon/law_validate.h"
#include "daemon/observation_rows.h"
#include "daemon/validate.h"
#include "planner/fit/fit_law.h"
#include "planner/sha256.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// Equal for fits that would give the same law: same rows and conventions, same options, same
// fitter.
std::string OriginHash(const StoredObservationSet& set, const v1::LawFitOptions& options) {
  return Sha256Hex(absl::StrCat("fit ", kFitterVersion, "\n", set.content_hash, "\n",
                                DeterministicBytes(options)));
}

// Fits and describes; nothing is stored and the law has no name.
absl::StatusOr<v1::LawFitResult> Fit(const StoredObservationSet& set,
                                     const LawFitOptions& planner_options,
                                     const v1::LawFitOptions& options, Store& store,
                                     const FitHooks& hooks) {
  const auto began = std::chrono::steady_clock::now();
  RHUMB_ASSIGN_OR_RETURN(const std::vector<v1::Observation> rows,
                         ReadObservations(set.name, 0, set.row_count, store));
  if (static_cast<int64_t>(rows.size()) != set.row_count) {
    return absl::NotFoundError(absl::StrCat(set.name, " was deleted meanwhile"));
  }
  RHUMB_ASSIGN_OR_RETURN(const v1::ObservationSet header, ToMessage(set));
  const ObservationSet observations = FromProto(header, rows);
  LawFitOptions asked = planner_options;
  asked.progress = [&hooks](double fraction, const char* stage) {
    if (hooks.progress) hooks.progress(fraction, stage);
    return true;
  };
  asked.should_stop = hooks.should_stop;
  const absl::StatusOr<LawFit> fit = FitLaw(observations, asked);
  if (!fit.ok()) return ExplainFitError(fit.status(), asked, observations);
  v1::LawFitResult result = ToProto(*fit, rows);
  FieldViolations broken;
  if (result.has_law()) FindNonFinite(result.law(), broken);
  if (!broken.empty()) {
    return absl::InternalError(
        absl::StrCat("the fitter made a number that is not finite; please report: ",
                     broken.ToStatus().message()));
  }
  ClearNonFinite(result);
  result.set_observations(set.name);
  *result.mutable_options() = options;
  result.set_seconds(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  return result;
}

// The row of a fitted law; the store gives version, owner and time.
StoredLaw RowOf(const std::string& name, const v1::LawFitResult& result,
                const std::string& origin_hash) {
  v1::Law law = Canonical(result.law());
  law.set_origin(v1::LAW_ORIGIN_FITTED);
  law.set_content_hash(LawContentHash(result.law()));
  *law.mutable_fit_options() = result.options();
  v1::LawFitResult fit = result;
  fit.clear_law();
  StoredLaw row;
  row.name = name;
  row.origin_hash = origin_hash;
  row.observations = result.observations();
  row.law = DeterministicBytes(law);
  row.fit = DeterministicBytes(fit);
  return row;
}

void WarnNotStored(const std::string& name, v1::LawFitResult& result) {
  auto& warning = *result.mutable_diagnostics()->add_warnings();
  warning.set_code("NOT_STORED");
  warning.set_text(
      absl::StrCat("the fit gave no law that a plan can use, so nothing was stored as ", name));
}

LawWriter WriterOf(const Caller& caller) {
  return {.uid = caller.uid, .is_operator = caller.IsOperator()};
}

}  // namespace

absl::StatusOr<v1::LawFitResult> FitOf(const StoredLaw& row) {
  v1::LawFitResult result;
  if (row.fit.empty()) {
    return ErrorWithReason(absl::StatusCode::kFailedPrecondition, "LAW_NOT_FITTED",
                           absl::StrCat(row.name, " was imported, not fitted here"));
  }
  if (!result.ParseFromString(row.fit)) {
    return absl::DataLossError(row.name + " is damaged in the store");
  }
  RHUMB_ASSIGN_OR_RETURN(*result.mutable_law(), ToMessage(row));
  return result;
}

absl::StatusOr<v1::LawFitResult> AnswerFitLaw(const v1::FitLawRequest& request,
                                              const Caller& caller, const FitContext& context,
                                              const FitHooks& hooks) {
  FieldViolations violations;
  ValidateFitLawRequest(request, violations);
  RHUMB_RETURN_IF_ERROR(violations.ToStatus());
  Store& store = context.store;
  const bool stores = !request.name().empty() && !request.validate_only();
  std::string name;
  if (!request.name().empty()) {
    RHUMB_ASSIGN_OR_RETURN(name, NameForStoredLaw(request.name(), "name"));
  }
  RequestKey key;
  if (stores) {
    if (!request.request_id().empty()) {
      key = {request.request_id(), "FitLaw", caller.uid, RequestContentHash(request)};
      RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> made, store.FindByRequestId(key));
      if (made.has_value()) {
        RHUMB_ASSIGN_OR_RETURN(const LawName law, ParseLawName(*made, "name"));
        RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredLaw> row,
                               store.laws().FindLaw(law.resource, law.version));
        if (row.has_value()) return FitOf(*row);
      }
    }
    // Before the fit: nobody waits for an answer that may not be stored.
    RHUMB_RETURN_IF_ERROR(store.laws().CheckWriter(name, WriterOf(caller)));
  }
  RHUMB_ASSIGN_OR_RETURN(const StoredObservationSet set,
                         ResolveObservations(request.observations(), "observations", store));
  const LawFitOptions options = FromProto(request.options());
  const v1::LawFitOptions written = ToProto(options);
  const std::string origin_hash = OriginHash(set, written);
  if (stores) {
    RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredLaw> newest, store.laws().FindLaw(name));
    if (newest.has_value() && newest->origin_hash == origin_hash) {
      RHUMB_ASSIGN_OR_RETURN(
          const StoredLaw known,
          store.laws().InsertLaw(*newest, WriterOf(caller), key, context.clock()));
      return FitOf(known);
    }
  }
  RHUMB_ASSIGN_OR_RETURN(v1::LawFitResult result, Fit(set, options, written, store, hooks));
  if (!result.has_law()) {
    if (stores) WarnNotStored(name, result);
    return result;
  }
  const StoredLaw row = RowOf(name, result, origin_hash);
  if (stores) {
    const absl::StatusOr<StoredLaw> stored =
        store.laws().InsertLaw(row, WriterOf(caller), key, context.clock());
    if (stored.ok()) return FitOf(*stored);
    const bool is_answer = absl::IsAlreadyExists(stored.status()) ||
                           absl::IsPermissionDenied(stored.status()) ||
                           absl::IsNotFound(stored.status());
    if (context.lenient_storage == nullptr || is_answer) return stored.status();
    context.lenient_storage->Set(stored.status());
  }
  if (!result.mutable_law()->ParseFromString(row.law)) {
    return absl::InternalError("the law is no message");
  }
  result.mutable_law()->set_name(name);
  result.mutable_law()->set_observations(row.observations);
  return result;
}

}  // namespace rhumb::daemon

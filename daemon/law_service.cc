// SPDX-License-Identifier: Apache-2.0
#include "daemon/law_service.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "daemon/convert_law.h"
#include "daemon/fit_stream.h"
#include "daemon/identity.h"
#include "daemon/law_backtest.h"
#include "daemon/law_list.h"
#include "daemon/law_lookup.h"
#include "daemon/law_suggest.h"
#include "daemon/law_validate.h"
#include "daemon/observation_import.h"
#include "daemon/observation_rows.h"
#include "daemon/validate.h"
#include "planner/sha256.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// Fits at once, and fits that may wait: minutes of work at most.
constexpr int kFitThreads = 2;
constexpr size_t kMaxWaitingFits = 32;
constexpr int kImportThreads = 1;
constexpr size_t kMaxWaitingImports = 64;

LawWriter WriterOf(const Caller& caller) {
  return {.uid = caller.uid, .is_operator = caller.IsOperator()};
}

// Callers about whom nothing is known are one uid together: none of them may change what another
// made.
absl::Status RequireKnown(const Caller& caller) {
  if (caller.known) return absl::OkStatus();
  return ErrorWithReason(absl::StatusCode::kPermissionDenied, "NOT_OWNER",
                         "only a caller on the unix socket, whose user is known, may delete");
}

}  // namespace

LawService::LawService(Store& store, const PeerRegistry& peers, Clock clock,
                       StorageStatus* lenient_storage)
    : store_(store),
      peers_(peers),
      fit_{store, std::move(clock), lenient_storage},
      fit_workers_(kFitThreads, kMaxWaitingFits),
      import_workers_(kImportThreads, kMaxWaitingImports) {}

grpc::Status LawService::GetLaw(grpc::ServerContext* context, const v1::GetLawRequest* request,
                                v1::Law* response) {
  const Call call(*context, "LawService/GetLaw", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<v1::Law> {
    RHUMB_ASSIGN_OR_RETURN(const LawName name, ParseLawName(request->name(), "name"));
    return GetLawMessage(name, store_);
  });
}

grpc::Status LawService::ListLaws(grpc::ServerContext* context, const v1::ListLawsRequest* request,
                                  v1::ListLawsResponse* response) {
  const Call call(*context, "LawService/ListLaws", peers_);
  return Serve(call, response, [&] { return AnswerListLaws(*request, store_); });
}

grpc::Status LawService::CreateLaw(grpc::ServerContext* context,
                                   const v1::CreateLawRequest* request, v1::Law* response) {
  const Call call(*context, "LawService/CreateLaw", peers_);
  return Serve(call, response, [&] { return CreateLawImpl(*request, call.caller()); });
}

absl::StatusOr<v1::Law> LawService::CreateLawImpl(const v1::CreateLawRequest& request,
                                                  const Caller& caller) {
  FieldViolations violations;
  ValidateCreateLawRequest(request, violations);
  RHUMB_RETURN_IF_ERROR(violations.ToStatus());
  RequestKey key;
  if (!request.request_id().empty() && !request.validate_only()) {
    key = {request.request_id(), "CreateLaw", caller.uid, RequestContentHash(request)};
    RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> made, store_.FindByRequestId(key));
    if (made.has_value()) {
      RHUMB_ASSIGN_OR_RETURN(const LawName name, ParseLawName(*made, "law.name"));
      RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredLaw> known,
                             store_.laws().FindLaw(name.resource, name.version));
      if (known.has_value()) return ToMessage(*known);
    }
  }
  v1::Law law = Canonical(request.law());
  law.set_origin(v1::LAW_ORIGIN_IMPORTED);
  law.set_content_hash(LawContentHash(request.law()));
  StoredLaw row;
  RHUMB_ASSIGN_OR_RETURN(row.name, NameForStoredLaw(request.law().name(), "law.name"));
  row.origin_hash = Sha256Hex("import\n" + law.content_hash());
  row.law = DeterministicBytes(law);
  // Whatever the newest version was made by: the same content is the same law.
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredLaw> newest, store_.laws().FindLaw(row.name));
  if (newest.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const v1::Law known, ToMessage(*newest));
    if (known.content_hash() == law.content_hash()) row = *newest;
  }
  if (!request.validate_only()) {
    RHUMB_ASSIGN_OR_RETURN(row, store_.laws().InsertLaw(row, WriterOf(caller), key, fit_.clock()));
    return ToMessage(row);
  }
  RHUMB_RETURN_IF_ERROR(store_.laws().CheckWriter(row.name, WriterOf(caller)));
  if (row.version > 0) return ToMessage(row);
  law.set_name(row.name);
  return law;
}

grpc::Status LawService::DeleteLaw(grpc::ServerContext* context,
                                   const v1::DeleteLawRequest* request,
                                   google::protobuf::Empty* response) {
  const Call call(*context, "LawService/DeleteLaw", peers_);
  return Serve(call, response, [&] { return DeleteLawImpl(*request, call.caller()); });
}

absl::StatusOr<google::protobuf::Empty> LawService::DeleteLawImpl(
    const v1::DeleteLawRequest& request, const Caller& caller) {
  RHUMB_ASSIGN_OR_RETURN(const LawName name, ParseLawName(request.name(), "name"));
  RHUMB_ASSIGN_OR_RETURN(const FoundLaw found, LookUpLaw(name, store_));
  if (found.published != nullptr) {
    return ErrorWithReason(absl::StatusCode::kPermissionDenied, "LAW_IS_PUBLISHED",
                           absl::StrCat(name.resource, " is a published law, built in"));
  }
  if (found.stored.has_value()) {
    RHUMB_RETURN_IF_ERROR(RequireKnown(caller));
    RHUMB_ASSIGN_OR_RETURN(const bool deleted,
                           store_.laws().DeleteLaw(name.resource, name.version, WriterOf(caller),
                                                   request.validate_only()));
    if (deleted) return google::protobuf::Empty();
  }
  RHUMB_RETURN_IF_ERROR(GetLawMessage(name, store_).status());
  return google::protobuf::Empty();  // stored again in between
}

grpc::ServerReadReactor<v1::ImportObservationsRequest>* LawService::ImportObservations(
    grpc::CallbackServerContext* context, v1::ObservationSet* response) {
  return ObservationImport::Start(*context, response, peers_,
                                  {store_, fit_.clock, import_workers_, import_count_});
}

grpc::Status LawService::GetObservations(grpc::ServerContext* context,
                                         const v1::GetObservationsRequest* request,
                                         v1::GetObservationsResponse* response) {
  const Call call(*context, "LawService/GetObservations", peers_);
  return Serve(call, response, [&] { return AnswerGetObservations(*request, store_); });
}

grpc::Status LawService::ListObservationSets(grpc::ServerContext* context,
                                             const v1::ListObservationSetsRequest* request,
                                             v1::ListObservationSetsResponse* response) {
  const Call call(*context, "LawService/ListObservationSets", peers_);
  return Serve(call, response, [&] { return AnswerListObservationSets(*request, store_); });
}

grpc::Status LawService::DeleteObservations(grpc::ServerContext* context,
                                            const v1::DeleteObservationsRequest* request,
                                            google::protobuf::Empty* response) {
  const Call call(*context, "LawService/DeleteObservations", peers_);
  return Serve(call, response, [&] { return DeleteObservationsImpl(*request, call.caller()); });
}

absl::StatusOr<google::protobuf::Empty> LawService::DeleteObservationsImpl(
    const v1::DeleteObservationsRequest& request, const Caller& caller) {
  RHUMB_ASSIGN_OR_RETURN(const StoredObservationSet set, GetStoredSet(request.name(), store_));
  if (!caller.MayChange(set.owner_uid)) {
    return ErrorWithReason(absl::StatusCode::kPermissionDenied, "NOT_OWNER",
                           absl::StrCat(set.name, " belongs to uid ", set.owner_uid,
                                        "; only its owner and the daemon's user may delete it"));
  }
  if (request.release() && request.force()) {
    return FieldError("release", "and force exclude each other");
  }
  if (request.release()) {
    if (!request.validate_only())
      RHUMB_RETURN_IF_ERROR(store_.observations().ReleaseSet(set.name).status());
    return google::protobuf::Empty();
  }
  RHUMB_ASSIGN_OR_RETURN(
      const bool deleted,
      store_.observations().DeleteSet(set.name, request.force(), request.validate_only()));
  if (!deleted) RHUMB_RETURN_IF_ERROR(GetStoredSet(request.name(), store_).status());
  return google::protobuf::Empty();
}

grpc::ServerWriteReactor<v1::FitLawResponse>* LawService::FitLaw(
    grpc::CallbackServerContext* context, const v1::FitLawRequest* request) {
  return FitStream::Start(*context, *request, peers_, fit_, fit_workers_);
}

grpc::Status LawService::GetLawFit(grpc::ServerContext* context,
                                   const v1::GetLawFitRequest* request,
                                   v1::LawFitResult* response) {
  const Call call(*context, "LawService/GetLawFit", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<v1::LawFitResult> {
    RHUMB_ASSIGN_OR_RETURN(const LawName name, ParseLawName(request->name(), "name"));
    RHUMB_ASSIGN_OR_RETURN(const FoundLaw found, LookUpLaw(name, store_));
    if (found.stored.has_value()) return FitOf(*found.stored);
    RHUMB_RETURN_IF_ERROR(GetLawMessage(name, store_).status());
    return ErrorWithReason(absl::StatusCode::kFailedPrecondition, "LAW_NOT_FITTED",
                           absl::StrCat(name.resource, " is a published law, not fitted here"));
  });
}

grpc::Status LawService::BacktestLaw(grpc::ServerContext* context,
                                     const v1::BacktestLawRequest* request,
                                     v1::BacktestLawResponse* response) {
  const Call call(*context, "LawService/BacktestLaw", peers_);
  // As long as a fit, and in the same queue.
  return Serve(call, response, [&]() -> absl::StatusOr<v1::BacktestLawResponse> {
    absl::StatusOr<v1::BacktestLawResponse> answer;
    absl::Notification done;
    const bool accepted = fit_workers_.Submit([&] {
      answer = AnswerBacktestLaw(*request, store_, call.ShouldStop());
      done.Notify();
    });
    if (!accepted) {
      return ErrorWithReason(absl::StatusCode::kResourceExhausted, "TOO_MANY_FITS",
                             "too many fits are waiting; try again later");
    }
    done.WaitForNotification();
    return answer;
  });
}

grpc::Status LawService::SuggestExperiments(grpc::ServerContext* context,
                                            const v1::SuggestExperimentsRequest* request,
                                            v1::SuggestExperimentsResponse* response) {
  const Call call(*context, "LawService/SuggestExperiments", peers_);
  return Serve(call, response, [&] { return AnswerSuggestExperiments(*request, store_); });
}

}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
#include "daemon/observation_import.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "daemon/identity.h"
#include "daemon/rpc_status.h"
#include "daemon/stored_message.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr int kMaxImports = 16;

}  // namespace

ObservationImport::ObservationImport(grpc::CallbackServerContext& context,
                                     v1::ObservationSet* response, const PeerRegistry& peers,
                                     const ImportContext& import)
    : call_(context, "LawService/ImportObservations", peers),
      response_(response),
      import_(import) {}

ObservationImport* ObservationImport::Start(grpc::CallbackServerContext& context,
                                            v1::ObservationSet* response, const PeerRegistry& peers,
                                            const ImportContext& import) {
  auto* stream = new ObservationImport(context, response, peers, import);
  if (++import.import_count > kMaxImports) {
    stream->End(ErrorWithReason(absl::StatusCode::kResourceExhausted, "TOO_MANY_IMPORTS",
                                "too many imports are under way; try again later"));
  } else {
    stream->StartRead(&stream->message_);
  }
  return stream;
}

void ObservationImport::OnReadDone(bool ok) {
  if (ok) {
    if (first_) {
      first_ = false;
      declared_row_count_ = message_.row_count();
    } else if (message_.has_row_count()) {
      End(FieldError("row_count", "belongs into the first message"));
      return;
    }
    rows_.Add(message_);
    if (rows_.too_many()) {
      End(rows_.Finish(call_.owner_uid()).status());
    } else {
      StartRead(&message_);
    }
    return;
  }
  // The caller has sent all, has gone, or has sent what cannot be read: gRPC does not say which.
  if (call_.IsCancelled()) {
    End(absl::CancelledError("the caller has gone"));
  } else if (!import_.workers.Submit([this] { End(StoreRows()); })) {
    End(ErrorWithReason(absl::StatusCode::kResourceExhausted, "TOO_MANY_IMPORTS",
                        "too many imports are waiting; try again later"));
  }
}

absl::Status ObservationImport::CheckComplete() const {
  if (first_) {
    return FieldError("row_count", "must be given in the first message; no message arrived");
  }
  // What is wrong with header and rows says more, and Finish names all of it.
  if (!rows_.violations().empty() || rows_.row_count() == declared_row_count_) {
    return absl::OkStatus();
  }
  const std::string counts =
      absl::StrCat("declares ", declared_row_count_, ", and ", rows_.row_count(), " arrived");
  if (rows_.row_count() > declared_row_count_) return FieldError("row_count", counts);
  return ErrorWithReason(
      absl::StatusCode::kAborted, "IMPORT_INCOMPLETE",
      absl::StrCat("row_count ", counts, ": the stream ended early; nothing is stored"));
}

absl::Status ObservationImport::StoreRows() {
  RHUMB_RETURN_IF_ERROR(CheckComplete());
  RHUMB_ASSIGN_OR_RETURN(ObservationGatherer::Gathered gathered, rows_.Finish(call_.owner_uid()));
  const v1::ImportObservationsRequest& header = rows_.header();
  if (header.validate_only()) {
    RHUMB_ASSIGN_OR_RETURN(*response_, ToMessage(gathered.set));
    return absl::OkStatus();
  }
  RequestKey key;
  if (!header.request_id().empty()) {
    // Name and rows are what was asked; how many messages they came in is not.
    key = {header.request_id(), "ImportObservations", call_.owner_uid(),
           absl::StrCat(gathered.set.name, " ", gathered.set.content_hash)};
  }
  const int64_t now_ns = import_.clock();
  gathered.set.create_time_ns = now_ns;
  if (header.has_lifetime_seconds()) {
    gathered.set.expire_time_ns =
        now_ns + static_cast<int64_t>(header.lifetime_seconds() * kNanosecondsPerSecond);
  }
  const absl::StatusOr<StoredObservationSet> stored =
      import_.store.observations().InsertSet(gathered.set, gathered.chunks, key, now_ns);
  RHUMB_RETURN_IF_ERROR(stored.status());
  RHUMB_ASSIGN_OR_RETURN(*response_, ToMessage(*stored));
  return absl::OkStatus();
}

void ObservationImport::End(const absl::Status& status) { Finish(call_.Finish(status)); }

void ObservationImport::OnDone() {
  --import_.import_count;
  delete this;
}

}  // namespace rhumb::daemon

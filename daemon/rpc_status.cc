// SPDX-License-Identifier: Apache-2.0
#include "daemon/rpc_status.h"

#include <grpcpp/support/error_details.h>

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace rhumb::daemon {
namespace {

// More than anyone reads, few enough that looking for repeats stays cheap.
constexpr size_t kMaxViolations = 200;

constexpr char kTypePrefix[] = "type.googleapis.com/";
// gRPC's default limit of all metadata is 8 KiB; a status beyond it is lost whole and the caller
// sees nothing. The message travels twice, beside and inside the details.
constexpr size_t kMaxMessageBytes = 1200;
constexpr size_t kMaxDetailBytes = 4500;
constexpr size_t kMaxDescriptionBytes = 500;

// `text` cut to `limit` bytes at a character border.
std::string Shortened(absl::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return absl::StrCat(text.substr(0, limit), "...");
}

template <typename Message>
void Attach(const Message& message, absl::Status& status) {
  status.SetPayload(absl::StrCat(kTypePrefix, Message::descriptor()->full_name()),
                    absl::Cord(message.SerializeAsString()));
}

}  // namespace

void FieldViolations::Add(absl::string_view field, absl::string_view description) {
  if (violations_.size() >= kMaxViolations || Contains(field)) return;
  violations_.push_back({Shortened(field, 200), Shortened(description, kMaxDescriptionBytes)});
}

bool FieldViolations::Contains(absl::string_view field) const {
  return std::any_of(violations_.begin(), violations_.end(),
                     [&](const Violation& v) { return v.field == field; });
}

absl::Status FieldViolations::ToStatus() const {
  if (violations_.empty()) return absl::OkStatus();
  google::rpc::BadRequest bad;
  std::string message = "invalid request";
  size_t told = 0, detail_bytes = 0;
  for (const Violation& v : violations_) {
    detail_bytes += v.field.size() + v.description.size() + 8;
    if (detail_bytes > kMaxDetailBytes) break;
    auto* out = bad.add_field_violations();
    out->set_field(v.field);
    out->set_description(v.description);
    if (message.size() + v.field.size() + v.description.size() > kMaxMessageBytes) continue;
    absl::StrAppend(&message, told == 0 ? ": " : "; ", v.field, v.field.empty() ? "" : " ",
                    v.description);
    ++told;
  }
  if (told < violations_.size()) {
    absl::StrAppend(&message, "; and ", violations_.size() - told, " more");
  }
  absl::Status status = absl::InvalidArgumentError(message);
  Attach(bad, status);
  return status;
}

absl::Status FieldError(absl::string_view field, absl::string_view description) {
  FieldViolations violations;
  violations.Add(field, description);
  return violations.ToStatus();
}

absl::Status ErrorWithReason(absl::StatusCode code, absl::string_view reason,
                             absl::string_view message) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain("rhumb");
  absl::Status status(code, Shortened(message, kMaxMessageBytes));
  Attach(info, status);
  return status;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status rpc;
  rpc.set_code(static_cast<int>(status.code()));
  rpc.set_message(Shortened(status.message(), kMaxMessageBytes));
  status.ForEachPayload([&rpc](absl::string_view type_url, const absl::Cord& payload) {
    auto* any = rpc.add_details();
    any->set_type_url(std::string(type_url));
    any->set_value(std::string(payload));
  });
  if (rpc.details().empty()) {
    google::rpc::ErrorInfo info;
    info.set_reason(absl::StatusCodeToString(status.code()));
    info.set_domain("rhumb");
    rpc.add_details()->PackFrom(info);
  }
  grpc::Status out;
  grpc::SetErrorDetails(rpc, &out);
  return out;
}

}  // namespace rhumb::daemon

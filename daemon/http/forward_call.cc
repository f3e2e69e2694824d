// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/forward_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <utility>

namespace rhumb::daemon {
namespace {

using std::chrono::system_clock;

// So often is looked whether the caller is still there.
constexpr std::chrono::milliseconds kLookInterval(250);

enum Tag : intptr_t { kWrite = 1, kRead = 2, kFinish = 3 };
void* TagOf(Tag tag) { return reinterpret_cast<void*>(tag); }

grpc::ByteBuffer Serialized(const google::protobuf::Message& message) {
  grpc::ByteBuffer bytes;
  bool own = false;
  (void)grpc::SerializationTraits<google::protobuf::Message>::Serialize(message, &bytes, &own);
  return bytes;
}

}  // namespace

ForwardCall::ForwardCall(std::shared_ptr<grpc::Channel> channel, const std::string& rpc_path,
                         Messages messages, const ForwardOptions& options)
    : is_gone_(options.is_gone), messages_(std::move(messages)), stub_(std::move(channel)) {
  for (const auto& [name, value] : options.metadata) context_.AddMetadata(name, value);
  if (options.deadline != system_clock::time_point::max()) context_.set_deadline(options.deadline);
  // Headers travel with the first message instead of before it.
  context_.set_initial_metadata_corked(true);
  stream_ = stub_.PrepareCall(&context_, rpc_path, &queue_);
  stream_->StartCall(nullptr);
  WriteNext();
}

ForwardCall::~ForwardCall() {
  if (!finished_) context_.TryCancel();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

void ForwardCall::WriteNext() {
  if (written_ + 1 < messages_.size()) {
    stream_->Write(Serialized(*messages_[written_++]), TagOf(kWrite));
  } else if (written_ < messages_.size()) {
    stream_->WriteLast(Serialized(*messages_[written_++]), grpc::WriteOptions(), TagOf(kWrite));
  }
}

ForwardCall::Event ForwardCall::Next(std::chrono::milliseconds patience,
                                     google::protobuf::Message& message) {
  const auto until = system_clock::now() + patience;
  while (!finished_) {
    if (!reading_ && !finishing_) {
      stream_->Read(&received_, TagOf(kRead));
      reading_ = true;
    }
    void* tag = nullptr;
    bool ok = false;
    const auto look = std::min(until, system_clock::now() + kLookInterval);
    if (queue_.AsyncNext(&tag, &ok, look) != grpc::CompletionQueue::GOT_EVENT) {
      if (is_gone_ && is_gone_()) context_.TryCancel();
      if (system_clock::now() >= until) return Event::kTimeout;
      continue;
    }
    if (tag == TagOf(kWrite)) {
      // A message that could not be written: the call has ended, and says so to its reader.
      if (ok) WriteNext();
    } else if (tag == TagOf(kRead)) {
      reading_ = false;
      has_headers_ = true;
      if (ok) {
        const grpc::Status parsed =
            grpc::SerializationTraits<google::protobuf::Message>::Deserialize(&received_, &message);
        if (parsed.ok()) return Event::kMessage;
        context_.TryCancel();
      }
      finishing_ = true;
      stream_->Finish(&status_, TagOf(kFinish));
    } else {
      finished_ = true;
    }
  }
  return Event::kEnd;
}

std::string ForwardCall::Header(const std::string& name) const {
  if (!has_headers_) return "";
  const auto& headers = context_.GetServerInitialMetadata();
  const auto found = headers.find(name);
  return found == headers.end() ? "" : std::string(found->second.data(), found->second.size());
}

}  // namespace rhumb::daemon

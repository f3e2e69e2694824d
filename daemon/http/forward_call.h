// SPDX-License-Identifier: Apache-2.0
// One RPC of any method, as bytes, on behalf of an HTTP caller. Knows no message type.
#ifndef RHUMB_DAEMON_HTTP_FORWARD_CALL_H_
#define RHUMB_DAEMON_HTTP_FORWARD_CALL_H_

#include <google/protobuf/message.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/http/transcode.h"

namespace rhumb::daemon {

struct ForwardOptions {
  // Sent with the call: "x-request-id", "traceparent".
  std::vector<std::pair<std::string, std::string>> metadata;
  // Absolute; max() is none.
  std::chrono::system_clock::time_point deadline = std::chrono::system_clock::time_point::max();
  // Asked a few times a second while the call is awaited; true cancels it.
  std::function<bool()> is_gone;
};

// A call under way. Used by one thread.
class ForwardCall {
 public:
  // Begins to send `messages`; `rpc_path` as in Route::RpcPath.
  ForwardCall(std::shared_ptr<grpc::Channel> channel, const std::string& rpc_path,
              Messages messages, const ForwardOptions& options);
  // Cancels what is still under way.
  ~ForwardCall();

  enum class Event { kMessage, kEnd, kTimeout };

  // Waits, `patience` at most, for the next message, which `message` becomes, or for the end.
  Event Next(std::chrono::milliseconds patience, google::protobuf::Message& message);

  // After kEnd.
  const grpc::Status& status() const { return status_; }

  // Header of the reply, empty if there is none; after the first event but kTimeout.
  std::string Header(const std::string& name) const;

 private:
  void WriteNext();

  const std::function<bool()> is_gone_;
  Messages messages_;
  size_t written_ = 0;
  grpc::ClientContext context_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  grpc::ByteBuffer received_;
  bool reading_ = false, has_headers_ = false, finishing_ = false, finished_ = false;
  grpc::Status status_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_FORWARD_CALL_H_

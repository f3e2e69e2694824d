// SPDX-License-Identifier: Apache-2.0
// Where one HTTP/1.1 request ends and the next begins, so that a thread is given whole requests and
// never waits for a slow sender. Only framing: what the head says is the codec's to read.
#ifndef RHUMB_DAEMON_HTTP_REQUEST_FRAMER_H_
#define RHUMB_DAEMON_HTTP_REQUEST_FRAMER_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace rhumb::daemon {

struct FramedRequest {
  // Request line and header fields with the empty line, less the fields that framing has dealt with
  // (Content-Length, Transfer-Encoding, Expect) and those that ask for a transformed body
  // (Accept-Encoding, Range).
  std::string head;
  std::string body;  // chunks joined
};

// Fed with bytes as they come. Strict where servers that disagree let requests be smuggled: both
// lengths, two different lengths, codings other than chunked, folded fields, bare line feeds and
// control characters are refused (RFC 9112, sections 5.2, 6.1, 6.3).
class RequestFramer {
 public:
  enum class State { kHead, kBody, kComplete, kRefused };

  struct Refusal {
    int status = 400;  // of HTTP
    std::string message;
  };

  explicit RequestFramer(size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  // Once refused, refused for good.
  State Feed(absl::string_view bytes);
  State state() const { return state_; }

  // Whether any byte of the request has come.
  bool begun() const { return !pending_.empty() || state_ != State::kHead; }
  // Bytes that are kept.
  size_t held_bytes() const {
    return pending_.size() + request_.head.size() + request_.body.size();
  }

  // True once, when the sender waits for "100 Continue" before it sends the body.
  bool TakeExpectsContinue();

  // The method and path of a request whose head is complete, as sent: "GET /healthz".
  std::string Start() const;

  const Refusal& refusal() const { return refusal_; }

  // Gives back the memory of what has come; only for one that is fed no more.
  void Discard();

  // The complete request; what followed it is the beginning of the next one.
  FramedRequest Take();

 private:
  void Advance();
  bool ReadHead();
  bool ReadField(absl::string_view line);
  bool ReadBody();
  bool ReadChunks();
  bool Refuse(int status, absl::string_view message);

  const size_t max_body_bytes_;
  State state_ = State::kHead;
  std::string pending_;  // what has come and is not part of request_ yet
  size_t searched_ = 0;  // of pending_, without the end of a head
  FramedRequest request_;
  bool has_host_ = false;
  bool has_length_ = false, chunked_ = false, expects_continue_ = false;
  size_t length_ = 0;  // of the body, or still missing of the chunk at hand
  enum class Chunk { kSize, kData, kDataEnd, kTrailer } chunk_ = Chunk::kSize;
  size_t taken_ = 0;  // of pending_, by chunks
  size_t trailer_bytes_ = 0;
  Refusal refusal_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_REQUEST_FRAMER_H_

// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/request_framer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rhumb::daemon {
namespace {

constexpr size_t kMaxHeadBytes = 32 << 10;
constexpr int kMaxFieldCount = 100;
constexpr size_t kMaxChunkLineBytes = 256;

// Characters of a method and of a field's name (RFC 9110, section 5.6.2).
bool IsToken(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("!#$%&'*+-.^_`|~").find(c) != absl::string_view::npos;
  });
}

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
}

// Not passed on: see FramedRequest.
bool IsDropped(absl::string_view name) {
  constexpr std::array<const char*, 5> kDropped = {"content-length", "transfer-encoding", "expect",
                                                   "accept-encoding", "range"};
  return std::any_of(kDropped.begin(), kDropped.end(),
                     [&](const char* known) { return absl::EqualsIgnoreCase(name, known); });
}

}  // namespace

RequestFramer::State RequestFramer::Feed(absl::string_view bytes) {
  if (state_ == State::kRefused) return state_;
  absl::StrAppend(&pending_, bytes);
  Advance();
  return state_;
}

void RequestFramer::Advance() {
  if (state_ == State::kHead && !ReadHead()) return;
  if (state_ == State::kBody && ReadBody()) state_ = State::kComplete;
}

bool RequestFramer::Refuse(int status, absl::string_view message) {
  state_ = State::kRefused;
  refusal_ = {status, std::string(message)};
  pending_.clear();
  return false;
}

bool RequestFramer::TakeExpectsContinue() { return std::exchange(expects_continue_, false); }

std::string RequestFramer::Start() const {
  const absl::string_view head = request_.head;
  return std::string(head.substr(0, head.find_first_of(" ?\r", head.find(' ') + 1)));
}

void RequestFramer::Discard() {
  std::string().swap(pending_);
  request_ = {};
  state_ = State::kRefused;
}

FramedRequest RequestFramer::Take() {
  FramedRequest request = std::move(request_);
  request_ = {};
  state_ = State::kHead;
  searched_ = length_ = taken_ = trailer_bytes_ = 0;
  has_host_ = has_length_ = chunked_ = expects_continue_ = false;
  chunk_ = Chunk::kSize;
  Advance();
  return request;
}

bool RequestFramer::ReadHead() {
  // Empty lines before a request are ignored (RFC 9112, section 2.2).
  while (absl::StartsWith(pending_, "\r\n")) pending_.erase(0, 2);
  const size_t end = pending_.find("\r\n\r\n", searched_);
  if (std::min(end, pending_.size()) > kMaxHeadBytes) {
    return Refuse(431, absl::StrCat("the head of a request is at most ", kMaxHeadBytes, " bytes"));
  }
  if (end == std::string::npos) {
    searched_ = pending_.size() < 3 ? 0 : pending_.size() - 3;
    return false;
  }
  const std::string head = pending_.substr(0, end + 2);
  pending_.erase(0, end + 4);
  int field_count = 0;
  for (size_t begin = 0; begin < head.size(); ++field_count) {
    const size_t line_end = head.find("\r\n", begin);
    const absl::string_view line = absl::string_view(head).substr(begin, line_end - begin);
    begin = line_end + 2;
    if (HasControlCharacter(line)) return Refuse(400, "the head holds a control character");
    if (field_count > kMaxFieldCount) {
      return Refuse(431, absl::StrCat("a request has at most ", kMaxFieldCount, " header fields"));
    }
    if (field_count > 0) {
      if (!ReadField(line)) return false;
      continue;
    }
    const size_t space = line.find(' ');
    if (space == absl::string_view::npos || !IsToken(line.substr(0, space)) ||
        !(absl::EndsWith(line, " HTTP/1.1") || absl::EndsWith(line, " HTTP/1.0"))) {
      return Refuse(400, "the first line must be METHOD TARGET HTTP/1.1");
    }
    absl::StrAppend(&request_.head, line, "\r\n");
  }
  absl::StrAppend(&request_.head, "\r\n");
  if (has_length_ && chunked_) {
    return Refuse(400, "Content-Length and Transfer-Encoding exclude each other");
  }
  if (has_length_ && length_ > max_body_bytes_) {
    return Refuse(413,
                  absl::StrCat("a body has at most ", max_body_bytes_, " bytes, got ", length_));
  }
  state_ = State::kBody;
  return true;
}

bool RequestFramer::ReadField(absl::string_view line) {
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos || !IsToken(line.substr(0, colon))) {
    return Refuse(400, "a header field must be NAME: VALUE on one line");
  }
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  if (absl::EqualsIgnoreCase(name, "content-length")) {
    uint64_t length = 0;
    const bool digits = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
      return absl::ascii_isdigit(static_cast<unsigned char>(c));
    });
    if (!digits) return Refuse(400, "Content-Length must be a number of bytes");
    // Too many digits for 64 bits are too many bytes.
    if (!absl::SimpleAtoi(value, &length)) length = UINT64_MAX;
    if (has_length_ && length != length_) return Refuse(400, "Content-Length is given twice");
    has_length_ = true;
    length_ = length;
  } else if (absl::EqualsIgnoreCase(name, "transfer-encoding")) {
    if (chunked_ || !absl::EqualsIgnoreCase(value, "chunked")) {
      return Refuse(400, "Transfer-Encoding must be chunked");
    }
    chunked_ = true;
  } else if (absl::EqualsIgnoreCase(name, "host")) {
    if (has_host_) return Refuse(400, "Host is given twice");
    has_host_ = true;
  } else if (absl::EqualsIgnoreCase(name, "expect")) {
    if (!absl::EqualsIgnoreCase(value, "100-continue")) {
      return Refuse(417, "Expect must be 100-continue");
    }
    expects_continue_ = true;
  }
  if (!IsDropped(name)) absl::StrAppend(&request_.head, name, ": ", value, "\r\n");
  return true;
}

bool RequestFramer::ReadBody() {
  if (chunked_) {
    const bool done = ReadChunks();
    pending_.erase(0, std::exchange(taken_, 0));
    return done;
  }
  if (pending_.size() < length_) return false;
  request_.body = pending_.substr(0, length_);
  pending_.erase(0, length_);
  return true;
}

bool RequestFramer::ReadChunks() {
  while (true) {
    const absl::string_view rest = absl::string_view(pending_).substr(taken_);
    if (chunk_ == Chunk::kData) {
      const size_t count = std::min(length_, rest.size());
      absl::StrAppend(&request_.body, rest.substr(0, count));
      taken_ += count;
      length_ -= count;
      if (length_ > 0) return false;
      chunk_ = Chunk::kDataEnd;
      continue;
    }
    const size_t end = rest.find("\r\n");
    if (std::min(end, rest.size()) > kMaxChunkLineBytes) {
      return Refuse(400, "a line between chunks is too long");
    }
    if (end == absl::string_view::npos) return false;
    const absl::string_view line = rest.substr(0, end);
    taken_ += end + 2;
    if (chunk_ == Chunk::kDataEnd) {
      if (!line.empty()) return Refuse(400, "a chunk is longer than it says");
      chunk_ = Chunk::kSize;
    } else if (chunk_ == Chunk::kSize) {
      const absl::string_view size = absl::StripAsciiWhitespace(line.substr(0, line.find(';')));
      uint64_t length = 0;
      const bool digits = !size.empty() && std::all_of(size.begin(), size.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      });
      if (!digits) return Refuse(400, "the size of a chunk must be hexadecimal");
      if (size.size() > 8 || !absl::SimpleHexAtoi(size, &length) ||
          length + request_.body.size() > max_body_bytes_) {
        return Refuse(413, absl::StrCat("a body has at most ", max_body_bytes_, " bytes"));
      }
      length_ = length;
      chunk_ = length == 0 ? Chunk::kTrailer : Chunk::kData;
    } else {
      if (line.empty()) return true;
      trailer_bytes_ += line.size();  // fields after the body are read and ignored
      if (trailer_bytes_ > kMaxHeadBytes) return Refuse(431, "the trailer is too long");
    }
  }
}

}  // namespace rhumb::daemon

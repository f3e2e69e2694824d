// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_codec.h"

#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace rhumb::daemon {
namespace {

// A caller has so long to take a reply, or one part of a stream, whole: one that reads a byte now
// and then must not hold a thread for ever.
constexpr std::chrono::seconds kWriteTime(30);
constexpr size_t kBufferBytes = 64 << 10;

// Reads from the head at hand, never from the socket; writes to the socket in few large pieces.
class HeadStream final : public httplib::Stream {
 public:
  HeadStream(int fd, std::string head) : fd_(fd), head_(std::move(head)) {}

  bool is_readable() const override { return read_ < head_.size(); }
  bool is_writable() const override { return !failed_; }
  ssize_t read(char* out, size_t size) override {
    const size_t count = std::min(size, head_.size() - read_);
    std::memcpy(out, head_.data() + read_, count);
    read_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* bytes, size_t size) override {
    if (failed_) return -1;
    buffer_.append(bytes, size);
    if (buffer_.size() >= kBufferBytes && !Flush()) return -1;
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  // The library refuses descriptors that select() cannot take; it is given no say over ours.
  socket_t socket() const override { return 0; }

  // Begins the time of the next part.
  void BeginPart() { give_up_.reset(); }

  bool Flush() {
    size_t sent = 0;
    while (!failed_ && sent < buffer_.size()) {
      const ssize_t count =
          send(fd_, buffer_.data() + sent, buffer_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) {
        sent += static_cast<size_t>(count);
      } else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        const auto now = std::chrono::steady_clock::now();
        if (!give_up_.has_value()) give_up_ = now + kWriteTime;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*give_up_ - now).count();
        pollfd wait = {.fd = fd_, .events = POLLOUT, .revents = 0};
        failed_ = left <= 0 || poll(&wait, 1, static_cast<int>(left)) == 0;
      } else if (count >= 0 || errno != EINTR) {
        failed_ = true;
      }
    }
    buffer_.clear();
    return !failed_;
  }

 private:
  const int fd_;
  const std::string head_;
  size_t read_ = 0;
  std::string buffer_;
  bool failed_ = false;
  std::optional<std::chrono::steady_clock::time_point> give_up_;  // once a write had to wait
};

HttpRequest ToRequest(const httplib::Request& from) {
  HttpRequest request;
  request.method = from.method;
  request.path = from.path;
  request.query.assign(from.params.begin(), from.params.end());
  for (const auto& [name, value] : from.headers)
    request.headers.emplace(absl::AsciiStrToLower(name), value);
  return request;
}

}  // namespace

// The library's server without its sockets: process_request is all that is used of it.
class HttpCodec::Server final : public httplib::Server {
 public:
  explicit Server(HttpCodec::Handler handler) : handler_(std::move(handler)) {
    svr_sock_ = 0;  // never used; without one the library takes itself for shutting down
    set_keep_alive_timeout(kKeepAliveSeconds);
    set_keep_alive_max_count(100'000);
    set_pre_routing_handler([this](const httplib::Request& from, httplib::Response& to) {
      HttpRequest request = ToRequest(from);
      request.body = std::move(body_);
      request.uid = uid_;
      request.is_gone = [fd = fd_] { return IsPeerGone(fd); };
      Fill(handler_(request), from.version, to);
      return HandlerResponse::Handled;
    });
    set_error_handler([this](const httplib::Request& from, httplib::Response& to) {
      if (!to.body.empty()) return;
      // What the library found itself: the target or a field could not be read.
      Fill(handler_({}), from.version, to);
    });
  }

  bool Exchange(int fd, FramedRequest framed, std::optional<uid_t> uid) {
    HeadStream stream(fd, std::move(framed.head));
    stream_ = &stream;
    fd_ = fd;
    body_ = std::move(framed.body);
    uid_ = uid;
    bool closed = false;
    bool answered = false;
    try {
      answered = process_request(stream, false, closed, [](httplib::Request&) {});
    } catch (...) {
      // The library throws on regular expressions and numbers that it cannot take.
      answered = false;
    }
    const bool sent = stream.Flush();
    stream_ = nullptr;
    return answered && sent && !closed;
  }

 private:
  void Fill(HttpResponse from, const std::string& version, httplib::Response& to) {
    to.status = from.status;
    for (const auto& [name, value] : from.headers) to.set_header(name, value);
    if (from.next_part == nullptr) {
      to.set_content(std::move(from.body), from.content_type);
      return;
    }
    const auto provide = [this, next = std::move(from.next_part)](size_t, httplib::DataSink& sink) {
      // Nothing is held back while the next part is awaited.
      if (!stream_->Flush()) return false;
      const std::optional<std::string> part = next();
      if (!part.has_value()) {
        sink.done();
        return true;
      }
      stream_->BeginPart();
      return part->empty() || sink.write(part->data(), part->size());
    };
    // HTTP/1.0 knows no chunks: there the end of the connection is that of the stream.
    if (version == "HTTP/1.0") {
      to.set_content_provider(from.content_type, provide);
    } else {
      to.set_chunked_content_provider(from.content_type, provide);
    }
  }

  const HttpCodec::Handler handler_;
  HeadStream* stream_ = nullptr;
  int fd_ = -1;
  std::string body_;
  std::optional<uid_t> uid_;
};

HttpCodec::HttpCodec(Handler handler) : server_(std::make_unique<Server>(std::move(handler))) {}
HttpCodec::~HttpCodec() = default;

bool HttpCodec::Exchange(int fd, FramedRequest framed, std::optional<uid_t> uid) {
  return server_->Exchange(fd, std::move(framed), uid);
}

std::string ClosingReply(int status, absl::string_view json_body) {
  // The reason phrase may be empty (RFC 9112, section 4).
  return absl::StrCat(
      "HTTP/1.1 ", status,
      " \r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ",
      json_body.size(), "\r\n\r\n", json_body);
}

bool IsPeerGone(int fd) {
  pollfd look = {.fd = fd, .events = POLLRDHUP, .revents = 0};
  return poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace rhumb::daemon

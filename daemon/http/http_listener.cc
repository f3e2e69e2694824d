// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/http/http_error.h"
#include "daemon/process/log.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// A caller that was refused gets so long to read why.
constexpr std::chrono::seconds kClosingTime(2);
constexpr size_t kReadBytes = 64 << 10;
constexpr int kUrgentThreadCount = 2;

}  // namespace

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Bind(
    const HttpListenerOptions& options) {
  HttpListenerOptions usable = options;
  // Half of the descriptors stay for gRPC and the store.
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
    usable.max_connection_count = std::min<size_t>(options.max_connection_count,
                                                   std::max<size_t>(descriptors.rlim_cur / 2, 16));
  }
  std::unique_ptr<HttpListener> listener(new HttpListener(usable));
  listener->wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (listener->wake_fd_ < 0) {
    return absl::InternalError(absl::StrCat("cannot make an event: ", std::strerror(errno)));
  }
  RHUMB_RETURN_IF_ERROR(listener->BindTcp());
  if (!options.unix_path.empty()) {
    RHUMB_ASSIGN_OR_RETURN(
        listener->acceptor_,
        UnixAcceptor::Listen(options.unix_path, options.unix_mode, listener->peers_));
  }
  return listener;
}

HttpListener::~HttpListener() {
  Stop();
  for (const int fd : {tcp_fd_, wake_fd_}) {
    if (fd >= 0) close(fd);
  }
}

absl::Status HttpListener::BindTcp() {
  if (options_.tcp_address.empty()) return absl::OkStatus();
  const size_t colon = options_.tcp_address.rfind(':');
  const std::string host(absl::StripSuffix(
      absl::StripPrefix(absl::string_view(options_.tcp_address).substr(0, colon), "["), "]"));
  const std::string port = options_.tcp_address.substr(colon + 1);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  // "localhost" as IPv4, whatever the resolver says of it.
  const char* const name = host == "localhost" ? "127.0.0.1" : host.c_str();
  addrinfo* found = nullptr;
  if (getaddrinfo(name, port.c_str(), &hints, &found) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", options_.tcp_address));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  tcp_fd_ = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int one = 1;
  if (tcp_fd_ >= 0) setsockopt(tcp_fd_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (tcp_fd_ < 0 || bind(tcp_fd_, found->ai_addr, found->ai_addrlen) != 0 ||
      listen(tcp_fd_, SOMAXCONN) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options_.tcp_address, ": ", std::strerror(errno)));
  }
  sockaddr_in6 bound{};  // the port is at the same place for IPv4
  socklen_t size = sizeof(bound);
  if (getsockname(tcp_fd_, reinterpret_cast<sockaddr*>(&bound), &size) == 0)
    tcp_port_ = ntohs(bound.sin6_port);
  return absl::OkStatus();
}

void HttpListener::Start(const HttpCodec::Handler& handler,
                         std::function<bool(absl::string_view)> is_urgent) {
  is_urgent_ = std::move(is_urgent);
  workers_ = std::make_unique<HttpWorkers>(options_.thread_count, handler);
  urgent_workers_ = std::make_unique<HttpWorkers>(kUrgentThreadCount, handler);
  thread_ = std::thread([this] { Run(); });
  if (acceptor_ == nullptr) return;
  acceptor_->Start([this](int fd) {
    const Caller caller = peers_.Find(absl::StrCat("fd:", fd));
    ++connection_count_;
    Hand(std::make_shared<Connection>(fd, static_cast<uid_t>(caller.uid), options_.max_body_bytes));
  });
}

void HttpListener::StopAccepting() {
  if (stopping_.exchange(true)) return;
  if (acceptor_ != nullptr) acceptor_->Stop();
  Wake();
  if (thread_.joinable()) thread_.join();
  // A caller that connects from now on is refused at once instead of waiting.
  if (tcp_fd_ >= 0) close(std::exchange(tcp_fd_, -1));
}

void HttpListener::Stop() {
  StopAccepting();
  workers_.reset();
  urgent_workers_.reset();
  // Given back at the last moment.
  const absl::MutexLock lock(&mutex_);
  for (const auto& connection : incoming_) close(connection->fd);
  incoming_.clear();
}

void HttpListener::Wake() {
  const uint64_t one = 1;
  (void)!write(wake_fd_, &one, sizeof(one));
}

// From any thread to the one that waits.
void HttpListener::Hand(std::shared_ptr<Connection> connection) {
  {
    const absl::MutexLock lock(&mutex_);
    incoming_.push_back(std::move(connection));
  }
  Wake();
}

void HttpListener::Run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    polled.clear();
    polled.push_back({.fd = wake_fd_, .events = POLLIN, .revents = 0});
    polled.push_back({.fd = tcp_fd_, .events = POLLIN, .revents = 0});  // ignored where negative
    auto nearest = Clock::now() + std::chrono::seconds(60);
    for (const auto& [fd, connection] : waiting_) {
      polled.push_back({.fd = fd, .events = POLLIN, .revents = 0});
      nearest = std::min(nearest, connection->deadline);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(nearest - Clock::now()).count();
    if (poll(polled.data(), polled.size(), static_cast<int>(std::max<int64_t>(left, 0))) < 0 &&
        errno != EINTR) {
      Log(LogLevel::kError, "cannot wait for HTTP", {{"error", std::strerror(errno)}});
      return;
    }
    for (size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      Read(*waiting_.at(polled[i].fd));
      Judge(polled[i].fd);
    }
    if (polled[0].revents != 0) {
      uint64_t count = 0;
      (void)!read(wake_fd_, &count, sizeof(count));
    }
    TakeIncoming();
    if (polled[1].revents != 0) AcceptTcp();
    Expire();
    MakeRoom();
  }
  TakeIncoming();
  while (!waiting_.empty()) Close(waiting_.begin()->first);
}

void HttpListener::AcceptTcp() {
  while (true) {
    const int fd = accept4(tcp_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      // Without descriptors the connection stays queued; some are given back when one closes.
      if (errno == EMFILE || errno == ENFILE) poll(nullptr, 0, 20);
      return;
    }
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    ++connection_count_;
    Adopt(std::make_shared<Connection>(fd, std::nullopt, options_.max_body_bytes));
  }
}

void HttpListener::TakeIncoming() {
  std::vector<std::shared_ptr<Connection>> incoming;
  {
    const absl::MutexLock lock(&mutex_);
    incoming.swap(incoming_);
  }
  for (auto& connection : incoming) Adopt(std::move(connection));
}

void HttpListener::Adopt(std::shared_ptr<Connection> connection) {
  const int fd = connection->fd;
  connection->since = Clock::now();
  // Between requests a caller may think for longer than in the midst of one.
  connection->deadline =
      connection->since + (connection->had_request && !connection->framer.begun()
                               ? std::chrono::milliseconds(kKeepAliveSeconds * 1000)
                               : options_.head_timeout);
  waiting_[fd] = std::move(connection);
  // A request may have come together with the last one.
  Judge(fd);
}

void HttpListener::Read(Connection& connection) {
  char bytes[kReadBytes];
  const bool begun = connection.framer.begun();
  const auto state = connection.framer.state();
  const ssize_t count = recv(connection.fd, bytes, sizeof(bytes), 0);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (count <= 0) {
    connection.deadline = {};  // closed by Judge
    return;
  }
  if (connection.closing) return;
  connection.framer.Feed({bytes, static_cast<size_t>(count)});
  if (!begun) connection.deadline = Clock::now() + options_.head_timeout;
  if (state == RequestFramer::State::kHead &&
      connection.framer.state() == RequestFramer::State::kBody) {
    connection.deadline = Clock::now() + options_.body_timeout;
  }
}

// Does what the state of a connection asks for: close, refuse, let continue, answer.
void HttpListener::Judge(int fd) {
  Connection& connection = *waiting_.at(fd);
  if (connection.deadline == Clock::time_point()) return Close(fd);
  if (connection.closing) return;
  switch (connection.framer.state()) {
    case RequestFramer::State::kHead:
      return;
    case RequestFramer::State::kBody:
      if (connection.framer.TakeExpectsContinue()) {
        constexpr absl::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        (void)!send(fd, kContinue.data(), kContinue.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      }
      return;
    case RequestFramer::State::kRefused:
      return Refuse(connection, connection.framer.refusal().status, "BAD_HTTP",
                    connection.framer.refusal().message);
    case RequestFramer::State::kComplete:
      break;
  }
  HttpWorkers& pool = is_urgent_(connection.framer.Start()) ? *urgent_workers_ : *workers_;
  connection.had_request = true;
  auto request = std::make_shared<FramedRequest>(connection.framer.Take());
  std::shared_ptr<Connection> handed = std::move(waiting_.at(fd));
  waiting_.erase(fd);
  pool.Submit([this, request, handed = std::move(handed)](HttpCodec& codec) {
    Answer(handed, std::move(*request), codec);
  });
}

void HttpListener::Answer(const std::shared_ptr<Connection>& connection, FramedRequest request,
                          HttpCodec& codec) {
  const bool keep = codec.Exchange(connection->fd, std::move(request), connection->uid);
  if (keep && !stopping_) return Hand(connection);
  close(connection->fd);
  --connection_count_;
}

void HttpListener::Expire() {
  const auto now = Clock::now();
  std::vector<int> late;
  for (const auto& [fd, connection] : waiting_) {
    if (connection->deadline <= now) late.push_back(fd);
  }
  for (const int fd : late) {
    Connection& connection = *waiting_.at(fd);
    if (connection.closing || !connection.framer.begun()) {
      Close(fd);
    } else {
      Refuse(connection, 408, "SLOW_REQUEST", "the request was not whole in time");
    }
  }
}

void HttpListener::Refuse(Connection& connection, int status, absl::string_view reason,
                          absl::string_view message) {
  const auto code = status == 408   ? absl::StatusCode::kDeadlineExceeded
                    : status == 503 ? absl::StatusCode::kResourceExhausted
                                    : absl::StatusCode::kInvalidArgument;
  const std::string reply = ClosingReply(status, ErrorResponse(status, code, reason, message).body);
  (void)!send(connection.fd, reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  // Closed at once, what the caller still sends would reset the connection before it has read.
  shutdown(connection.fd, SHUT_WR);
  connection.closing = true;
  connection.framer.Discard();
  connection.deadline = Clock::now() + kClosingTime;
}

void HttpListener::Close(int fd) {
  close(fd);
  waiting_.erase(fd);
  --connection_count_;
}

void HttpListener::MakeRoom() {
  while (static_cast<size_t>(connection_count_) > options_.max_connection_count &&
         !waiting_.empty()) {
    Close(std::min_element(waiting_.begin(), waiting_.end(), [](const auto& a, const auto& b) {
            return a.second->since < b.second->since;
          })->first);
  }
  size_t held = 0;
  int largest = -1;
  for (const auto& [fd, connection] : waiting_) {
    if (connection->closing) continue;
    const size_t bytes = connection->framer.held_bytes();
    held += bytes;
    if (largest < 0 || bytes > waiting_.at(largest)->framer.held_bytes()) largest = fd;
  }
  if (held > options_.max_held_bytes && largest >= 0) {
    Refuse(*waiting_.at(largest), 503, "TOO_MANY_BYTES",
           "too many large requests are being sent; try again later");
  }
}

}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
// HTTP on a unix socket and on loopback TCP. One thread waits for all connections until a request
// is whole, then a thread of the pool answers it: slow and idle callers hold no thread. Not what is
// answered: that is the handler's.
#ifndef RHUMB_DAEMON_HTTP_HTTP_LISTENER_H_
#define RHUMB_DAEMON_HTTP_HTTP_LISTENER_H_

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "daemon/http/http_codec.h"
#include "daemon/http/request_framer.h"
#include "daemon/http/http_workers.h"
#include "daemon/peer.h"

namespace rhumb::daemon {

struct HttpListenerOptions {
  std::string unix_path;  // empty: none
  int unix_mode = 0660;
  std::string tcp_address;  // loopback HOST:PORT; empty: none
  int thread_count = 64;
  size_t max_body_bytes = 16 << 20;
  // From the first byte of a request, or from accepting, until its head and its body are whole.
  std::chrono::milliseconds head_timeout{10'000}, body_timeout{60'000};
  // Beyond it, and beyond half of the process' descriptors, the connection that has waited longest
  // is closed for a new one.
  size_t max_connection_count = 1024;
  // Of requests that are not whole yet, over all connections.
  size_t max_held_bytes = size_t{256} << 20;
};

class HttpListener {
 public:
  // Binds both; nothing is accepted before Start. Errors: Unavailable if somebody listens there,
  // as UnixAcceptor::Listen otherwise.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Bind(const HttpListenerOptions& options);
  ~HttpListener();

  // Call once. `is_urgent` picks requests, by method and path ("GET /healthz"), that a thread kept
  // for them answers while the pool is busy.
  void Start(const HttpCodec::Handler& handler, std::function<bool(absl::string_view)> is_urgent);

  // Accepts and reads no more; what is being answered goes on. Idempotent.
  void StopAccepting();
  // And waits for what is being answered.
  void Stop();

  // 0 without TCP.
  int tcp_port() const { return tcp_port_; }
  int connection_count() const { return connection_count_; }

 private:
  using Clock = std::chrono::steady_clock;

  struct Connection {
    Connection(int descriptor, std::optional<uid_t> owner, size_t max_body_bytes)
        : fd(descriptor), uid(owner), framer(max_body_bytes) {}
    const int fd;
    const std::optional<uid_t> uid;
    RequestFramer framer;
    bool closing = false;  // answered; what still comes is thrown away
    bool had_request = false;
    Clock::time_point since = Clock::now();  // has waited since
    Clock::time_point deadline = {};
  };

  explicit HttpListener(const HttpListenerOptions& options) : options_(options) {}
  absl::Status BindTcp();
  void Run();
  void Adopt(std::shared_ptr<Connection> connection);
  void AcceptTcp();
  void TakeIncoming();
  void Read(Connection& connection);
  void Judge(int fd);
  void Expire();
  void Refuse(Connection& connection, int status, absl::string_view reason,
              absl::string_view message);
  void Close(int fd);
  void MakeRoom();
  void Wake();
  void Hand(std::shared_ptr<Connection> connection);
  void Answer(const std::shared_ptr<Connection>& connection, FramedRequest request,
              HttpCodec& codec);

  const HttpListenerOptions options_;
  PeerRegistry peers_;  // of this listener's connections alone
  std::unique_ptr<UnixAcceptor> acceptor_;
  int tcp_fd_ = -1, wake_fd_ = -1, tcp_port_ = 0;
  std::function<bool(absl::string_view)> is_urgent_;
  std::unique_ptr<HttpWorkers> workers_, urgent_workers_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connection_count_{0};
  // Of the waiting thread alone.
  std::map<int, std::shared_ptr<Connection>> waiting_;
  absl::Mutex mutex_;
  std::vector<std::shared_ptr<Connection>> incoming_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_HTTP_LISTENER_H_

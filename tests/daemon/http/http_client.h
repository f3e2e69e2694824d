// SPDX-License-Identifier: Apache-2.0
// A plain HTTP client for tests, on a unix socket or loopback TCP: sends bytes as they are, so that
// requests can be wrong in every way.
#ifndef RHUMB_TESTS_DAEMON_HTTP_HTTP_CLIENT_H_
#define RHUMB_TESTS_DAEMON_HTTP_HTTP_CLIENT_H_

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <utility>

namespace rhumb::daemon {

struct HttpReply {
  int status = 0;                              // 0: no reply, or none that is whole
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // of chunks joined
};

class HttpConnection {
 public:
  explicit HttpConnection(const std::string& unix_path) {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, unix_path.c_str(), sizeof(address.sun_path) - 1);
    Connect(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  explicit HttpConnection(int port) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Connect(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection() { Close(); }

  bool connected() const { return connected_; }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

  // False once the server has closed.
  bool Send(const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t count = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return false;
      sent += static_cast<size_t>(count);
    }
    return true;
  }

  // The next reply, waited for `seconds` at most. `has_body` is false for HEAD.
  HttpReply Receive(bool has_body = true, double seconds = 20) {
    const auto until = Deadline(seconds);
    HttpReply reply;
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!More(until)) return {};
    }
    const std::string head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    const int status = std::atoi(head.c_str() + std::strlen("HTTP/1.1 "));
    for (size_t begin = head.find("\r\n") + 2; begin < head.size();) {
      const size_t line_end = head.find("\r\n", begin);
      const std::string line = head.substr(begin, line_end - begin);
      std::string name = line.substr(0, line.find(':'));
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      reply.headers[name] = line.substr(std::min(line.size(), line.find(':') + 2));
      begin = line_end + 2;
    }
    if (status == 100) return Receive(has_body, seconds);
    if (has_body && reply.headers["transfer-encoding"] == "chunked") {
      for (std::string part; !(part = ReceiveChunk(until)).empty();) reply.body += part;
    } else if (has_body) {
      const size_t length = std::strtoul(reply.headers["content-length"].c_str(), nullptr, 10);
      while (buffer_.size() < length) {
        if (!More(until)) return {};
      }
      reply.body = buffer_.substr(0, length);
      buffer_.erase(0, length);
    }
    reply.status = status;
    return reply;
  }

  // The head of a reply whose chunks are read one by one.
  std::string ReceiveHead(double seconds = 20) {
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!More(Deadline(seconds))) return "";
    }
    const size_t end = buffer_.find("\r\n\r\n") + 4;
    const std::string head = buffer_.substr(0, end);
    buffer_.erase(0, end);
    return head;
  }

  // The next chunk, empty after the last one.
  std::string ReceiveChunk(double seconds = 20) { return ReceiveChunk(Deadline(seconds)); }

  // Whether the server closes the connection within `seconds`.
  bool IsClosedWithin(double seconds) {
    const auto until = Deadline(seconds);
    while (More(until)) {
    }
    return std::chrono::steady_clock::now() < until;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static Clock::time_point Deadline(double seconds) {
    return Clock::now() +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }

  void Connect(const sockaddr* address, socklen_t size) {
    connected_ = connect(fd_, address, size) == 0;
  }

  bool More(Clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd wait = {.fd = fd_, .events = POLLIN, .revents = 0};
    if (left <= 0 || poll(&wait, 1, static_cast<int>(left)) <= 0) return false;
    char bytes[65536];
    const ssize_t count = recv(fd_, bytes, sizeof(bytes), 0);
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(count));
    return true;
  }

  std::string ReceiveChunk(Clock::time_point until) {
    size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
      if (!More(until)) return "";
    }
    const size_t size = std::strtoul(buffer_.c_str(), nullptr, 16);
    while (buffer_.size() < end + 2 + size + 2) {
      if (!More(until)) return "";
    }
    std::string chunk = buffer_.substr(end + 2, size);
    buffer_.erase(0, end + 2 + size + 2);
    return chunk;
  }

  int fd_ = -1;
  bool connected_ = false;
  std::string buffer_;
};

// "POST /v1/plans HTTP/1.1" with a JSON body, and `more` header fields, each ended by \r\n.
inline std::string JsonRequest(const std::string& method, const std::string& target,
                               const std::string& body = "", const std::string& more = "") {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more;
  if (!body.empty()) {
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return text + "\r\n" + body;
}

}  // namespace rhumb::daemon

#endif  // RHUMB_TESTS_DAEMON_HTTP_HTTP_CLIENT_H_

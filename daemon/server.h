// SPDX-License-Identifier: Apache-2.0
// The whole server: store, services and listeners, started and drained in named steps. Used by
// rhumbd with listeners and by the command line in-process, without any. Not flags, signals or
// configuration files: see main.cc, config.h.
#ifndef RHUMB_DAEMON_SERVER_H_
#define RHUMB_DAEMON_SERVER_H_

#include <grpcpp/channel.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rhumb::daemon {

struct ServerOptions {
  // SQLite file; parent directories are created. Empty is allowed with in_memory or
  // in_process_only.
  std::string database_path;
  // Keeps everything in memory: nothing survives the process.
  bool in_memory = false;
  // No listener and no exclusive lock on the database: any number of such processes share one file.
  // A file that cannot be opened or written never fails Start: everything is kept in memory and
  // storage_status() says why.
  bool in_process_only = false;
  // Unix socket; its callers are known by their uid. Empty: none. A live socket of another process
  // is never stolen.
  std::string listen_unix_path;
  int listen_unix_mode = 0660;
  // Loopback address "127.0.0.1:7448" or "[::1]:7448"; its callers are nobody in particular. Empty:
  // none.
  std::string listen_tcp;
  // The same API as JSON over HTTP, on a unix socket of the same mode and on loopback TCP. Empty:
  // none.
  std::string http_unix_path, http_tcp;

  // Upper limit of threads that answer unary calls; beyond it callers get RESOURCE_EXHAUSTED.
  int max_thread_count = 256;
  int max_message_bytes = 16 << 20;
  // Threads that answer HTTP; half of them may be held by streams.
  int http_thread_count = 64;
  // Time that calls in flight get at Drain().
  double drain_seconds = 10;

  // Ages at which samples of runs become means of 10 s, means of 5 min, and a summary.
  int run_raw_seconds = 3600;
  int run_ten_second_days = 2;
  int run_five_minute_days = 90;
};

// Thread-safe.
class Server {
 public:
  // Checks the options before anything opens, then opens the store, registers services and listens.
  // Errors: InvalidArgument for options (the message names the option), Unavailable when another
  // daemon holds the database or the socket, FailedPrecondition for a database that this build must
  // not touch (newer schema, foreign application, network file system under a daemon), DataLoss for
  // a damaged file, Internal otherwise.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);

  // Drains if that has not happened.
  virtual ~Server() = default;

  // A channel to the services without any socket. With in_process_only its caller is the owner of
  // this process; beside listeners it is nobody in particular, as over TCP.
  virtual std::shared_ptr<grpc::Channel> InProcessChannel() = 0;

  // OK when plans are stored durably; otherwise why they are not ("in memory on request", "cannot
  // write ..."). Fit for one line on stderr. With in_process_only a write that fails later shows
  // here too: ask again at the end.
  virtual absl::Status storage_status() const = 0;

  // Port of listen_tcp (useful when it asked for port 0), 0 without TCP.
  virtual int tcp_port() const = 0;
  // Port of http_tcp likewise.
  virtual int http_tcp_port() const = 0;

  // Health says NOT_SERVING, listeners close, calls in flight get drain_seconds, the writer's queue
  // is emptied and the log checkpointed. Idempotent; concurrent callers wait for the first.
  virtual void Drain() = 0;
};

// OK, or InvalidArgument that names the option; opens nothing. Start begins with it.
absl::Status CheckServerOptions(const ServerOptions& options);

// Version of this build, as in "0.1.0". Every reply carries it in the header x-rhumb-version.
const char* ServerVersion();

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_SERVER_H_

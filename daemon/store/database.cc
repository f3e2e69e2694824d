// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/database.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/process/log.h"
#include "daemon/store/file_system.h"
#include "daemon/store/session.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// Writes that one COMMIT may make durable together, and writes that may wait.
constexpr size_t kMaxGroup = 256;
constexpr size_t kMaxQueue = 10000;
constexpr size_t kMaxReaders = 8;

struct Job {
  Database::Work work;
  std::promise<absl::Status> done;
};

class SqliteDatabase : public Database {
 public:
  SqliteDatabase(SessionOptions session_options, std::unique_ptr<soci::session> session,
                 std::unique_ptr<DaemonLock> lock)
      : session_options_(std::move(session_options)),
        in_memory_(session_options_.path == ":memory:"),
        writer_session_(std::move(session)),
        lock_(std::move(lock)),
        writer_([this] { RunWriter(); }) {}

  ~SqliteDatabase() override { Close(); }

  absl::Status Write(Work work) override {
    std::future<absl::Status> done;
    {
      const std::lock_guard<std::mutex> guard(queue_mutex_);
      if (closing_) return absl::UnavailableError("the store is closing");
      if (queue_.size() >= kMaxQueue) {
        return absl::ResourceExhaustedError("too many writes are waiting; try again");
      }
      queue_.push_back(Job{std::move(work), {}});
      done = queue_.back().done.get_future();
    }
    queue_filled_.notify_one();
    return done.get();
  }

  absl::Status Read(const Work& work) override {
    if (in_memory_) {  // a private in-memory database lives in one session
      const std::lock_guard<std::mutex> guard(writer_session_mutex_);
      return Guarded([&] { return work(*writer_session_); });
    }
    RHUMB_ASSIGN_OR_RETURN(std::unique_ptr<soci::session> session, BorrowReader());
    const absl::Status status = Guarded([&] { return work(*session); });
    ReturnReader(std::move(session));
    return status;
  }

  void Close() override {
    {
      const std::lock_guard<std::mutex> guard(queue_mutex_);
      closing_ = true;
    }
    queue_filled_.notify_one();
    const std::lock_guard<std::mutex> guard(close_mutex_);
    if (!writer_.joinable()) return;
    writer_.join();
    // Losing this loses nothing: the next open reads the log. It only keeps the file in one piece.
    if (session_options_.wal && !in_memory_) {
      (void)Guarded([&] {
        RunScript(*writer_session_, "PRAGMA busy_timeout = 200; PRAGMA wal_checkpoint(TRUNCATE)");
        return absl::OkStatus();
      });
    }
  }

 private:
  void RunWriter() {
    while (true) {
      std::vector<Job> group;
      {
        std::unique_lock<std::mutex> guard(queue_mutex_);
        queue_filled_.wait(guard, [this] { return closing_ || !queue_.empty(); });
        if (queue_.empty()) return;
        const size_t size = std::min(queue_.size(), kMaxGroup);
        std::move(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(size),
                  std::back_inserter(group));
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(size));
      }
      const std::lock_guard<std::mutex> guard(writer_session_mutex_);
      CommitGroup(group);
    }
  }

  // One transaction for all of `group`. A promise is kept only after COMMIT has returned.
  void CommitGroup(std::vector<Job>& group) {
    soci::session& session = *writer_session_;
    std::vector<absl::Status> results(group.size());
    absl::Status whole = Guarded([&] {
      RunScript(session, "BEGIN IMMEDIATE");
      return absl::OkStatus();
    });
    for (size_t i = 0; i < group.size() && whole.ok(); ++i) {
      whole = Guarded([&] {
        RunScript(session, "SAVEPOINT job");
        results[i] = Guarded([&] { return group[i].work(session); });
        // On a full disk SQLite ends the whole transaction: nothing of the group has happened then.
        if (!InTransaction(session)) return results[i];
        RunScript(session, results[i].ok() ? "RELEASE job" : "ROLLBACK TO job; RELEASE job");
        return absl::OkStatus();
      });
    }
#ifdef RHUMB_TEST_ACKNOWLEDGE_BEFORE_COMMIT
    // The mistake that the kill -9 test must catch, as it is usually made: answer now, commit at
    // intervals.
    if (whole.ok()) {
      for (size_t i = 0; i < group.size(); ++i) group[i].done.set_value(results[i]);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      (void)Guarded([&] { return RunScript(session, "COMMIT"), absl::OkStatus(); });
      return;
    }
#endif
    if (whole.ok()) {
      whole = Guarded([&] {
        RunScript(session, "COMMIT");
        return absl::OkStatus();
      });
    }
    if (!whole.ok() && InTransaction(session)) {
      (void)Guarded([&] {
        RunScript(session, "ROLLBACK");
        return absl::OkStatus();
      });
    }
    for (size_t i = 0; i < group.size(); ++i) {
      // Copies of a Status share one text. Each caller gets the only reference to its own, so that
      // no two threads have to agree on who frees it.
      if (!whole.ok() && results[i].ok()) results[i] = absl::Status(whole.code(), whole.message());
      group[i].done.set_value(std::move(results[i]));
    }
  }

  absl::StatusOr<std::unique_ptr<soci::session>> BorrowReader() {
    std::unique_lock<std::mutex> guard(reader_mutex_);
    reader_returned_.wait(guard,
                          [this] { return !idle_readers_.empty() || reader_count_ < kMaxReaders; });
    if (!idle_readers_.empty()) {
      std::unique_ptr<soci::session> session = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return session;
    }
    ++reader_count_;
    guard.unlock();
    auto session = OpenSession(session_options_);
    if (!session.ok()) {
      guard.lock();
      --reader_count_;
      reader_returned_.notify_one();
    }
    return session;
  }

  void ReturnReader(std::unique_ptr<soci::session> session) {
    {
      const std::lock_guard<std::mutex> guard(reader_mutex_);
      idle_readers_.push_back(std::move(session));
    }
    reader_returned_.notify_one();
  }

  const SessionOptions session_options_;
  const bool in_memory_;

  std::mutex writer_session_mutex_;  // taken by readers only when in memory
  std::unique_ptr<soci::session> writer_session_;

  std::mutex reader_mutex_;
  std::condition_variable reader_returned_;
  std::vector<std::unique_ptr<soci::session>> idle_readers_;
  size_t reader_count_ = 0;

  std::mutex queue_mutex_;
  std::condition_variable queue_filled_;
  std::deque<Job> queue_;
  bool closing_ = false;

  std::unique_ptr<DaemonLock> lock_;
  std::mutex close_mutex_;
  std::thread writer_;  // last: starts when everything above exists
};

// Opens and prepares, again and again while other processes create the same file: SQLite answers
// BUSY at once, without the busy timeout, while a journal mode changes or a log is recovered.
absl::StatusOr<std::unique_ptr<soci::session>> OpenPatiently(const SessionOptions& options) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options.busy_milliseconds);
  for (int attempt = 0;; ++attempt) {
    auto session = OpenSession(options);
    absl::Status status = session.status();
    if (status.ok()) {
      status = PrepareSchema(**session, options);
      if (status.ok()) return session;
    }
    if (!absl::IsUnavailable(status) || std::chrono::steady_clock::now() >= deadline) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(2 + 3 * attempt, 50)));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  SessionOptions session_options;
  session_options.busy_milliseconds = static_cast<int>(options.busy_seconds * 1000);
  std::unique_ptr<DaemonLock> lock;
  if (options.path.empty()) {
    session_options.path = ":memory:";
  } else {
    RHUMB_ASSIGN_OR_RETURN(session_options.path, PrepareDatabasePath(options.path));
    bool on_network = false;
    if (options.on_network_file_system.has_value()) {
      on_network = *options.on_network_file_system;
    } else {
      const std::string directory =
          std::filesystem::path(session_options.path).parent_path().string();
      RHUMB_ASSIGN_OR_RETURN(on_network, IsOnNetworkFileSystem(directory));
    }
    if (options.exclusive && on_network) {
      return absl::FailedPreconditionError(absl::StrCat(
          session_options.path,
          " is on a network file system, where a write-ahead log is unsafe; use a local disk"));
    }
    session_options.wal = !on_network;
    if (options.exclusive) {
      RHUMB_ASSIGN_OR_RETURN(lock, DaemonLock::Acquire(session_options.path));
    }
    RHUMB_RETURN_IF_ERROR(TouchPrivateFile(session_options.path));
  }
  auto session = OpenPatiently(session_options);
  if (!session.ok()) {
    if (options.path.empty()) return session.status();
    return absl::Status(session.status().code(),
                        absl::StrCat(session_options.path, ": ", session.status().message()));
  }
  return std::unique_ptr<Database>(
      new SqliteDatabase(session_options, *std::move(session), std::move(lock)));
}

}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
// Kills a daemon with SIGKILL at random times under load and looks for acknowledged plans that are
// gone.
//   usage: kill9 RHUMBD CYCLES [--expect-loss]
// Each cycle: 5 client processes with 10 threads each ask different questions; every name they are
// given goes through a pipe to a recorder, a process of its own that writes and syncs it; the
// daemon is killed and started again; every recorded name must be answered and the file be whole.
// Exit 0: nothing lost (with --expect-loss: something was).
#include <fcntl.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "rhumb/v1/plan_service.grpc.pb.h"

namespace {

namespace v1 = rhumb::v1;

constexpr int kClients = 5;
constexpr int kThreadsPerClient = 10;

std::unique_ptr<v1::PlanService::Stub> Connect(const std::string& socket_path) {
  return v1::PlanService::NewStub(
      grpc::CreateChannel("unix:" + socket_path, grpc::InsecureChannelCredentials()));
}

// A client process: asks until the daemon dies; writes each acknowledged name as one line, atomic
// on a pipe.
int RunClient(const std::string& socket_path, int pipe_fd, unsigned seed) {
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreadsPerClient; ++t) {
    threads.emplace_back([&, t] {
      const auto plans = Connect(socket_path);
      std::mt19937_64 random(seed * 1000 + static_cast<unsigned>(t));
      std::uniform_real_distribution<double> exponent(18, 23);
      while (true) {
        v1::CreatePlanRequest request;
        request.set_compute_flops(std::pow(10.0, exponent(random)));
        grpc::ClientContext context;
        v1::Plan plan;
        const grpc::Status status = plans->CreatePlan(&context, request, &plan);
        if (!status.ok()) return;
        const std::string line = plan.name() + "\n";
        if (write(pipe_fd, line.data(), line.size()) < 0) return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

// Prints how many of the names in `file` the daemon does not know; exit status 0 if none, 1 if
// some, 2 on trouble.
int RunVerify(const std::string& socket_path, const std::string& file) {
  const auto plans = Connect(socket_path);
  std::ifstream names(file);
  std::string name;
  int lost = 0, found = 0;
  while (std::getline(names, name)) {
    grpc::ClientContext context;
    v1::GetPlanRequest request;
    v1::Plan plan;
    request.set_name(name);
    const grpc::Status status = plans->GetPlan(&context, request, &plan);
    if (status.ok()) {
      ++found;
    } else if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
      ++lost;
    } else {
      std::cerr << "GetPlan: " << status.error_message() << "\n";
      return 2;
    }
  }
  std::cout << found << " found, " << lost << " lost\n";
  return lost > 0 ? 1 : 0;
}

// Waits until the daemon answers.
int RunWait(const std::string& socket_path) {
  const auto channel =
      grpc::CreateChannel("unix:" + socket_path, grpc::InsecureChannelCredentials());
  return channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(20)) ? 0
                                                                                                : 2;
}

// The recorder: from a pipe to a file, synced after every read. Uses no gRPC.
void RunRecorder(int pipe_fd, const std::string& file) {
  const int out = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  char buffer[65536];
  ssize_t size;
  while ((size = read(pipe_fd, buffer, sizeof(buffer))) > 0) {
    if (write(out, buffer, static_cast<size_t>(size)) != size || fdatasync(out) != 0) _exit(2);
  }
  _exit(0);
}

pid_t Spawn(const std::vector<std::string>& arguments, const std::string& log) {
  const pid_t child = fork();
  if (child != 0) return child;
  const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(fd, 2);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

int ExitOf(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string IntegrityOf(const std::string& database) {
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
  std::string answer = "cannot open";
  if (sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK &&
      sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    answer = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  }
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return answer;
}

struct Trial {
  std::string self, rhumbd, directory;
  std::string Socket() const { return directory + "/rhumbd.sock"; }
  std::string Database() const { return directory + "/rhumb.db"; }
  std::string Names() const { return directory + "/acknowledged"; }
  std::string Log() const { return directory + "/log"; }

  pid_t StartDaemon() const {
    const pid_t daemon = Spawn(
        {rhumbd, "--database", Database(), "--socket", Socket(), "--log-level", "warning"}, Log());
    if (ExitOf(Spawn({self, "wait", Socket()}, Log())) != 0) {
      std::cerr << "the daemon does not answer; see " << Log() << "\n";
      std::exit(2);
    }
    return daemon;
  }

  uintmax_t NamesSize() const {
    std::error_code none_yet;
    const uintmax_t size = std::filesystem::file_size(Names(), none_yet);
    return none_yet ? 0 : size;
  }

  // Until the clients of this cycle have been answered at least once.
  void WaitForGrowth(uintmax_t before) const {
    for (int i = 0; i < 30'000 && NamesSize() <= before; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  // One kill under load. Returns the exit status of the verification.
  int Cycle(int number, std::mt19937& random) const {
    const pid_t daemon = StartDaemon();
    const uintmax_t before = NamesSize();
    int pipe_fds[2];
    if (pipe(pipe_fds) != 0) std::exit(2);
    const pid_t recorder = fork();
    if (recorder == 0) {
      close(pipe_fds[1]);
      RunRecorder(pipe_fds[0], Names());
    }
    close(pipe_fds[0]);
    std::vector<pid_t> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.push_back(Spawn({self, "client", Socket(), std::to_string(pipe_fds[1]),
                               std::to_string(number * kClients + i)},
                              Log()));
    }
    close(pipe_fds[1]);
    WaitForGrowth(before);
    // Anywhere in the load that follows.
    std::this_thread::sleep_for(
        std::chrono::milliseconds(std::uniform_int_distribution<int>(0, 400)(random)));
    kill(daemon, SIGKILL);
    (void)ExitOf(daemon);
    for (const pid_t client : clients) (void)ExitOf(client);
    if (ExitOf(recorder) != 0) std::exit(2);

    const pid_t again = StartDaemon();
    const int verdict = ExitOf(Spawn({self, "verify", Socket(), Names()}, Log()));
    kill(again, SIGTERM);
    if (ExitOf(again) != 0) {
      std::cerr << "the daemon did not stop in peace\n";
      std::exit(2);
    }
    if (const std::string integrity = IntegrityOf(Database()); integrity != "ok") {
      std::cerr << "integrity_check: " << integrity << "\n";
      std::exit(2);
    }
    return verdict;
  }
};

int RunTrial(const std::string& self, const std::string& rhumbd, int cycles, bool expect_loss) {
  std::string directory = (std::filesystem::temp_directory_path() / "rhumb-kill9-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) return 2;
  const Trial trial = {self, rhumbd, directory};
  std::mt19937 random(std::random_device{}());
  bool lost = false;
  for (int cycle = 0; cycle < cycles && !(lost && expect_loss); ++cycle) {
    std::cout << "cycle " << cycle + 1 << ": " << std::flush;
    const int verdict = trial.Cycle(cycle, random);
    if (verdict > 1 || verdict < 0) return 2;
    lost = lost || verdict == 1;
  }
  std::set<std::string> names;
  std::ifstream file(trial.Names());
  for (std::string name; std::getline(file, name);) names.insert(name);
  std::cout << names.size() << " plans were acknowledged\n";
  // A trial in which nothing was asked proves nothing.
  if (names.size() < static_cast<size_t>(expect_loss ? 1 : 10 * cycles)) return 2;
  std::filesystem::remove_all(directory);
  return lost == expect_loss ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 4 && arguments[0] == "client") {
    return RunClient(arguments[1], std::atoi(argv[3]), static_cast<unsigned>(std::atoi(argv[4])));
  }
  if (arguments.size() == 3 && arguments[0] == "verify")
    return RunVerify(arguments[1], arguments[2]);
  if (arguments.size() == 2 && arguments[0] == "wait") return RunWait(arguments[1]);
  const bool expect_loss = arguments.size() == 3 && arguments[2] == "--expect-loss";
  if (arguments.size() != 2 && !expect_loss) {
    std::cerr << "usage: kill9 RHUMBD CYCLES [--expect-loss]\n";
    return 2;
  }
  return RunTrial(std::filesystem::canonical("/proc/self/exe").string(), arguments[0],
                  std::atoi(argv[2]), expect_loss);
}

// SPDX-License-Identifier: Apache-2.0
// rhumbd killed with SIGKILL: every law and set of observations that it acknowledged is there
// afterwards, and none twice.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/daemon/law_fixture.h"

extern char** environ;

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::TempDirectory;

// A daemon of its own process.
class Daemon {
 public:
  explicit Daemon(const TempDirectory& directory) {
    const std::string database = "--database=" + directory.File("rhumb.db");
    const std::string socket = "--socket=" + directory.File("rhumbd.sock");
    const std::string config = "--config=" + directory.File("rhumbd.toml");
    testing_support::WriteFile(directory.File("rhumbd.toml"), "[log]\nlevel = \"off\"\n");
    std::vector<std::string> arguments = {RHUMBD_PATH, database, socket, config};
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&pid_, RHUMBD_PATH, nullptr, nullptr, pointers.data(), environ), 0);
    // Connections are shared by address otherwise: this daemon's would be the killed one's.
    grpc::ChannelArguments own_connection;
    own_connection.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel("unix:" + directory.File("rhumbd.sock"),
                                         grpc::InsecureChannelCredentials(), own_connection);
    EXPECT_TRUE(
        channel_->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(20)));
  }
  ~Daemon() { Kill(); }

  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  pid_t pid_ = -1;
  std::shared_ptr<grpc::Channel> channel_;
};

v1::CreateLawRequest LawNumber(int number) {
  v1::CreateLawRequest request;
  v1::Law& law = *request.mutable_law();
  law.set_name("laws/ours");
  law.set_family("chinchilla");
  auto& constants = *law.mutable_constants();
  constants["E"] = 1.5 + 1e-3 * number;
  constants["A"] = 400;
  constants["B"] = 2000;
  constants["alpha"] = 0.34;
  constants["beta"] = 0.36;
  return request;
}

TEST(LawKillTest, AcknowledgedLawsSurviveAKillAtAnyMoment) {
  TempDirectory directory;
  int number = 0;
  for (int cycle = 0; cycle < 5; ++cycle) {
    Daemon daemon(directory);
    v1::LawService::Stub laws(daemon.channel());
    std::atomic<bool> killed = false;
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(60 + 35 * cycle));
      killed = true;
      daemon.Kill();
    });
    int acknowledged = 0;
    int64_t version = 0;
    while (!killed) {
      const auto answer = Ask(laws, &v1::LawService::Stub::CreateLaw, LawNumber(number + 1));
      if (!answer.status.ok()) break;
      acknowledged = ++number;
      version = answer.response.version();
    }
    killer.join();
    Daemon again(directory);
    v1::LawService::Stub after(again.channel());
    v1::GetLawRequest get;
    get.set_name(absl::StrCat("laws/ours@", version));
    if (acknowledged > 0) {
      const auto law = Ask(after, &v1::LawService::Stub::GetLaw, get);
      ASSERT_TRUE(law.status.ok()) << law.status.error_message();
      EXPECT_EQ(law.response.constants().at("E"),
                LawNumber(acknowledged).law().constants().at("E"));
    }
    // The one in flight may have been stored or not; asking again stores it at most once.
    const auto repeated = Ask(after, &v1::LawService::Stub::CreateLaw, LawNumber(number + 1));
    ASSERT_TRUE(repeated.status.ok()) << repeated.status.error_message();
    EXPECT_EQ(repeated.response.version(), ++number);
  }
}

}  // namespace
}  // namespace rhumb::daemon

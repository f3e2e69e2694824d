// SPDX-License-Identifier: Apache-2.0
// Files that cannot be opened, are not ours, or are damaged: a clear error, and the file stays as
// it was.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/store/database.h"
#include "daemon/store/file_system.h"
#include "daemon/store/store.h"
#include "gtest/gtest.h"
#include "tests/daemon/temp_directory.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::ReadFile;
using ::rhumb::testing_support::StatusIs;
using ::rhumb::testing_support::TempDirectory;
using ::rhumb::testing_support::WriteFile;

using Code = absl::StatusCode;

absl::StatusOr<std::unique_ptr<Database>> OpenAt(const std::string& path, bool exclusive = false) {
  DatabaseOptions options;
  options.path = path;
  options.exclusive = exclusive;
  options.busy_seconds = 0.3;
  return Database::Open(options);
}

void Execute(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

StoredPlan Row(const std::string& name, size_t bytes = 10) {
  StoredPlan plan;
  plan.name = name;
  plan.state = "FEASIBLE";
  plan.law = "l";
  plan.basic = plan.request = plan.inputs = "x";
  plan.plan = std::string(bytes, 'p');
  return plan;
}

TEST(StoreFaultTest, NewerSchemaIsRefusedAndLeftAlone) {
  const TempDirectory directory;
  const std::string path = directory.File("new.db");
  ASSERT_THAT(OpenAt(path), IsOk());
  Execute(path, "PRAGMA user_version = 999");
  EXPECT_THAT(OpenAt(path), StatusIs(Code::kFailedPrecondition,
                                     "schema version 999, newer than this build knows"));
  EXPECT_THAT(OpenAt(path), StatusIs(Code::kFailedPrecondition, path));
}

TEST(StoreFaultTest, DatabaseOfAnotherApplicationIsRefusedAndLeftAlone) {
  const TempDirectory directory;
  const std::string path = directory.File("other.db");
  Execute(path, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
  const std::string before = ReadFile(path);
  EXPECT_THAT(OpenAt(path), StatusIs(Code::kFailedPrecondition, "belongs to another application"));
  EXPECT_EQ(ReadFile(path), before);
}

TEST(StoreFaultTest, FileThatIsNoDatabaseIsRefusedAndLeftAlone) {
  const TempDirectory directory;
  const std::string path = directory.File("notes.txt");
  const std::string text(5000, 'n');
  WriteFile(path, text);
  EXPECT_THAT(OpenAt(path), StatusIs(Code::kDataLoss, "not a SQLite database"));
  EXPECT_EQ(ReadFile(path), text);
}

TEST(StoreFaultTest, DamagedPagesAreToldAndLeftAlone) {
  const TempDirectory directory;
  const std::string path = directory.File("damaged.db");
  {
    Store store(*OpenAt(path));
    for (int i = 0; i < 50; ++i)
      ASSERT_THAT(store.InsertPlan(Row(absl::StrCat("plans/", i), 3000), {}, 1), IsOk());
    store.Close();
  }
  std::string bytes = ReadFile(path);
  // Everything but the first page, which holds the header and the schema.
  for (size_t i = 4096; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31);
  WriteFile(path, bytes);
  auto database = OpenAt(path);
  if (database.ok()) {
    Store store(*std::move(database));
    EXPECT_THAT(store.FindPlan("plans/7"), StatusIs(Code::kDataLoss, "damaged"));
    EXPECT_THAT(store.ListPlans(std::nullopt, 10, true), StatusIs(Code::kDataLoss, "damaged"));
    store.Close();
  } else {
    EXPECT_THAT(database, StatusIs(Code::kDataLoss, "damaged"));
  }
  EXPECT_EQ(ReadFile(path), bytes);
}

TEST(StoreFaultTest, DirectoryThatCannotBeMadeIsNamed) {
  const TempDirectory directory;
  WriteFile(directory.File("file"), "");
  EXPECT_THAT(OpenAt(directory.File("file/deeper/rhumb.db")).status().message().size(),
              ::testing::Gt(0u));
  EXPECT_THAT(OpenAt(directory.File("file/deeper/rhumb.db")),
              StatusIs(Code::kFailedPrecondition, directory.File("file")));
}

TEST(StoreFaultTest, PathThatIsADirectoryIsRefused) {
  const TempDirectory directory;
  EXPECT_FALSE(OpenAt(directory.path()).ok());
}

TEST(StoreFaultTest, ReadOnlyFileSystemIsAPermissionError) {
  // /proc refuses new files even to root.
  EXPECT_FALSE(OpenAt("/proc/rhumb/rhumb.db").ok());
}

TEST(StoreFaultTest, OddPathsWork) {
  const TempDirectory directory;
  const std::string path = directory.File("a b=c dbname=x timeout=1.db");
  ASSERT_THAT(OpenAt(path), IsOk());
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(StoreFaultTest, SecondDaemonIsUnavailableAndNamesTheFirst) {
  const TempDirectory directory;
  const std::string path = directory.File("rhumb.db");
  auto first = OpenAt(path, true);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(OpenAt(path, true), StatusIs(Code::kUnavailable, absl::StrCat("pid ", getpid())));
  (*first).reset();
  EXPECT_THAT(OpenAt(path, true), IsOk());
}

TEST(StoreFaultTest, SecondDaemonThroughALinkIsCaughtToo) {
  const TempDirectory directory;
  std::filesystem::create_directory(directory.File("real"));
  std::filesystem::create_directory_symlink(directory.File("real"), directory.File("link"));
  auto first = OpenAt(directory.File("real/rhumb.db"), true);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(OpenAt(directory.File("link/rhumb.db"), true),
              StatusIs(Code::kUnavailable, "another rhumbd"));
}

TEST(StoreFaultTest, SecondDaemonThroughAHardLinkIsCaughtToo) {
  const TempDirectory directory;
  auto first = OpenAt(directory.File("rhumb.db"), true);
  ASSERT_THAT(first, IsOk());
  std::filesystem::create_hard_link(directory.File("rhumb.db"), directory.File("other.db"));
  EXPECT_THAT(OpenAt(directory.File("other.db"), true),
              StatusIs(Code::kUnavailable, "another rhumbd"));
}

TEST(StoreFaultTest, InProcessUseNeedsNoDaemonLock) {
  const TempDirectory directory;
  auto daemon = OpenAt(directory.File("rhumb.db"), true);
  ASSERT_THAT(daemon, IsOk());
  EXPECT_THAT(OpenAt(directory.File("rhumb.db")), IsOk());
}

TEST(StoreFaultTest, WriterHeldElsewhereIsUnavailableAfterTheWait) {
  const TempDirectory directory;
  const std::string path = directory.File("rhumb.db");
  Store store(*OpenAt(path));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_THAT(store.InsertPlan(Row("plans/a"), {}, 1), StatusIs(Code::kUnavailable, "busy"));
  EXPECT_THAT(store.FindPlan("plans/a"), IsOk());  // readers go on
  ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_THAT(store.InsertPlan(Row("plans/a"), {}, 1), IsOk());
}

TEST(StoreFaultTest, NetworkFileSystemGetsARollbackJournal) {
  const TempDirectory directory;
  DatabaseOptions options;
  options.path = directory.File("rhumb.db");
  options.on_network_file_system = true;
  auto database = Database::Open(options);
  ASSERT_THAT(database, IsOk());
  Store store(*std::move(database));
  ASSERT_THAT(store.InsertPlan(Row("plans/a"), {}, 1), IsOk());
  EXPECT_FALSE(std::filesystem::exists(options.path + "-wal"));
}

TEST(StoreFaultTest, NetworkFileSystemIsRefusedToADaemon) {
  const TempDirectory directory;
  DatabaseOptions options;
  options.path = directory.File("rhumb.db");
  options.on_network_file_system = true;
  options.exclusive = true;
  EXPECT_THAT(Database::Open(options), StatusIs(Code::kFailedPrecondition, "network file system"));
  EXPECT_FALSE(std::filesystem::exists(options.path));
}

TEST(StoreFaultTest, KnowsNetworkFileSystemsByTheirNumbers) {
  EXPECT_TRUE(IsNetworkFileSystemType(0x6969));      // NFS, statfs(2)
  EXPECT_TRUE(IsNetworkFileSystemType(0x0BD00BD0));  // Lustre
  EXPECT_FALSE(IsNetworkFileSystemType(0xEF53));     // ext4
}

// A full disk, made by a limit on the size of files in a child process.
TEST(StoreFaultTest, FullDiskIsToldAndWhatWasAcknowledgedStays) {
  const TempDirectory directory;
  const std::string path = directory.File("rhumb.db");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {400'000, 400'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    Store store(*OpenAt(path));
    int stored = 0;
    absl::Status status;
    for (; stored < 1000 && status.ok(); ++stored) {
      status = store.InsertPlan(Row(absl::StrCat("plans/", stored), 20'000), {}, 1).status();
    }
    --stored;  // the last one failed
    const bool told =
        !status.ok() && std::string(status.message()).find("pppp") == std::string::npos;
    const bool usable = store.FindPlan("plans/0").ok();
    _exit(told && usable && stored > 0 ? std::min(stored, 100) : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  const int stored = WEXITSTATUS(status);
  ASSERT_GT(stored, 0);
  Store store(*OpenAt(path));
  for (int i = 0; i < stored; ++i) {
    const auto plan = store.FindPlan(absl::StrCat("plans/", i));
    ASSERT_THAT(plan, IsOk());
    EXPECT_TRUE(plan->has_value()) << i;
  }
}

}  // namespace
}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
// Processes that store samples and roll them up, killed with SIGKILL at random moments: what was
// acknowledged is there afterwards, and nothing twice. Built a second time over a store that
// acknowledges before it commits, which must be caught.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/store/store.h"
#include "gtest/gtest.h"
#include "tests/daemon/temp_directory.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::TempDirectory;

constexpr char kRun[] = "runs/r-1";
constexpr int kAttempts = 4;
constexpr int kCycles = 12;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = int64_t{1'800'000'000} * kSecond;

std::string AttemptId(int index) { return absl::StrCat("job-", index); }

absl::Status Anybody(const StoredRun&) { return absl::OkStatus(); }

double LossOf(int64_t sequence) { return 2 + 8 / std::sqrt(static_cast<double>(sequence)); }

StoredSample Sample(int64_t sequence) {
  StoredSample stored;
  stored.sequence = sequence;
  stored.sample.time_seconds = static_cast<double>(kStart / kSecond + sequence);
  stored.sample.step = sequence;
  stored.sample.token_count = 1000 * sequence;
  stored.sample.loss_nats = LossOf(sequence);
  return stored;
}

// An acknowledgement: of the attempt of that index all up to the sequence.
struct Acknowledged {
  int64_t index = 0, sequence = 0;
};

// Of each attempt the largest sequence that is stored.
std::array<int64_t, kAttempts> LastSequences(SampleStore& samples) {
  std::array<int64_t, kAttempts> last = {};
  const auto attempts = samples.Attempts(kRun);
  EXPECT_THAT(attempts, IsOk());
  for (const StoredAttempt& attempt : *attempts) {
    for (int i = 0; i < kAttempts; ++i) {
      if (attempt.attempt_id == AttemptId(i)) {
        last[static_cast<size_t>(i)] = attempt.last_sequence;
      }
    }
  }
  return last;
}

// In a process of its own: stores until it is killed, and says on the pipe what was acknowledged.
[[noreturn]] void StoreUntilKilled(const std::string& path, int pipe_fd, unsigned seed,
                                   int64_t age_seconds) {
  auto database = Database::Open({.path = path});
  if (!database.ok()) _exit(2);
  Store store(*std::move(database));
  const std::array<int64_t, kAttempts> known = LastSequences(store.samples());
  std::vector<std::thread> threads;
  for (int index = 0; index < kAttempts; ++index) {
    threads.emplace_back([&, index] {
      std::mt19937 random(seed + static_cast<unsigned>(index));
      int64_t next = known[static_cast<size_t>(index)] + 1;
      while (true) {
        // Some that are known, and new ones, in any order.
        const int64_t end = next + 1 + static_cast<int64_t>(random() % 50);
        AttemptSamples samples = {kRun, AttemptId(index), {}};
        for (int64_t i = std::max<int64_t>(1, next - 20); i < end; ++i) {
          samples.samples.push_back(Sample(i));
        }
        std::shuffle(samples.samples.begin(), samples.samples.end(), random);
        if (!store.samples().Append(samples, kStart, Anybody).ok()) _exit(3);
        next = end;
        const Acknowledged line = {index, end - 1};
        if (write(pipe_fd, &line, sizeof(line)) != sizeof(line)) _exit(4);
      }
    });
  }
  while (true) {
    const int64_t now_ns = kStart + (LastSequences(store.samples())[0] + age_seconds) * kSecond;
    if (!store.samples().RollUp({.max_rows = 40}, now_ns).ok()) _exit(5);
  }
}

// What the killed process was told, once it is dead.
std::array<int64_t, kAttempts> ReadAcknowledged(int pipe_fd) {
  std::array<int64_t, kAttempts> last = {};
  Acknowledged line;
  while (read(pipe_fd, &line, sizeof(line)) == sizeof(line)) {
    int64_t& known = last[static_cast<size_t>(line.index)];
    known = std::max(known, line.sequence);
  }
  return last;
}

struct Outcome {
  int64_t acknowledged_count = 0, lost_count = 0, merged_count = 0;
};

// Every sample up to the last of each attempt must be there, once.
void Check(const std::string& path, const std::array<int64_t, kAttempts>& acknowledged,
           Outcome& outcome) {
  auto database = Database::Open({.path = path});
  ASSERT_THAT(database, IsOk());
  Store store(*std::move(database));
  const std::array<int64_t, kAttempts> last = LastSequences(store.samples());
  const auto rows = store.samples().Read(kRun, {}, 10'000'000);
  ASSERT_THAT(rows, IsOk());
  const auto attempts = store.samples().Attempts(kRun);
  ASSERT_THAT(attempts, IsOk());
  for (int i = 0; i < kAttempts; ++i) {
    const auto index = static_cast<size_t>(i);
    outcome.acknowledged_count += acknowledged[index] > 0 ? 1 : 0;
    outcome.lost_count += std::max<int64_t>(0, acknowledged[index] - last[index]);
    for (const StoredAttempt& attempt : *attempts) {
      if (attempt.attempt_id != AttemptId(i)) continue;
      int64_t count = 0;
      double sum = 0, expected = 0;
      for (const StoredSample& row : *rows) {
        if (row.sample.attempt != attempt.number) continue;
        count += row.sample_count;
        sum += *row.sample.loss_nats * static_cast<double>(row.sample_count);
        outcome.merged_count += row.sample_count - 1;
      }
      for (int64_t s = 1; s <= last[index]; ++s) expected += LossOf(s);
      EXPECT_EQ(count, last[index]);
      EXPECT_EQ(attempt.sample_count, count);
      EXPECT_NEAR(sum, expected, 1e-9 * expected);
    }
  }
}

Outcome KillAgainAndAgain() {
  TempDirectory directory;
  const std::string path = directory.File("samples.db");
  {
    auto database = Database::Open({.path = path});
    EXPECT_THAT(database, IsOk());
    Store store(*std::move(database));
    StoredRun run;
    run.name = kRun;
    run.create_time_ns = run.update_time_ns = kStart;
    EXPECT_THAT(store.runs().Create(
                    run, {}, false, [](int64_t) { return false; }, Anybody),
                IsOk());
  }
  Outcome outcome;
  std::mt19937 random(20261128);
  for (unsigned cycle = 0; cycle < kCycles; ++cycle) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    // This process has no other thread now: the store of the cycle before is closed.
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      StoreUntilKilled(path, ends[1], cycle * 100, cycle % 2 == 0 ? 3600 : 2 * 86400);
    }
    close(ends[1]);
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random() % 300));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself with " << WEXITSTATUS(status);
    const std::array<int64_t, kAttempts> acknowledged = ReadAcknowledged(ends[0]);
    close(ends[0]);
    Check(path, acknowledged, outcome);
  }
  return outcome;
}

#ifdef RHUMB_TEST_ACKNOWLEDGE_BEFORE_COMMIT
TEST(SampleKillTest, AcknowledgementsBeforeTheCommitAreCaught) {
  EXPECT_GT(KillAgainAndAgain().lost_count, 0);
}
#else
TEST(SampleKillTest, AcknowledgedSamplesSurviveAKillOnce) {
  const Outcome outcome = KillAgainAndAgain();
  EXPECT_EQ(outcome.lost_count, 0);
  EXPECT_GT(outcome.acknowledged_count, 0);
  EXPECT_GT(outcome.merged_count, 0);
}
#endif

}  // namespace
}  // namespace rhumb::daemon

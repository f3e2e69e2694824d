// SPDX-License-Identifier: Apache-2.0
// A store with two runs, and samples one second apart.
#ifndef RHUMB_TESTS_DAEMON_SAMPLE_FIXTURE_H_
#define RHUMB_TESTS_DAEMON_SAMPLE_FIXTURE_H_

#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/store/store.h"
#include "gtest/gtest.h"
#include "tests/daemon/temp_directory.h"
#include "tests/matchers.h"

namespace rhumb::daemon {

class SampleFixture : public ::testing::Test {
 protected:
  static constexpr char kRun[] = "runs/r-1", kOther[] = "runs/r-2";
  static constexpr int64_t kSecond = 1'000'000'000;
  // Samples begin here; a multiple of 300 s.
  static constexpr int64_t kStart = int64_t{1'800'000'000} * kSecond;
  static constexpr int64_t kNow = kStart + 3600 * kSecond;

  SampleFixture() {
    Reopen();
    for (const char* name : {kRun, kOther}) {
      StoredRun run;
      run.name = name;
      run.owner_uid = 1000;
      run.plan = run.given_plan = "plans/p-1";
      run.settings = "settings";
      run.create_time_ns = run.update_time_ns = kNow;
      EXPECT_THAT(store_->runs().Create(
                      run, {}, false, [](int64_t) { return false; }, Anybody),
                  testing_support::IsOk());
    }
  }

  void Reopen() {
    store_.reset();
    auto database = Database::Open({.path = directory_.File("samples.db")});
    if (!database.ok()) {
      ADD_FAILURE() << database.status();
      std::abort();
    }
    store_ = std::make_unique<Store>(*std::move(database));
  }

  SampleStore& samples() { return store_->samples(); }

  static absl::Status Anybody(const StoredRun&) { return absl::OkStatus(); }

  static int64_t TimeNsOf(int64_t sequence) { return kStart + sequence * kSecond; }

  // Sample of that sequence: 10 steps and 1000 tokens each.
  static StoredSample At(int64_t sequence) {
    StoredSample stored;
    stored.sequence = sequence;
    stored.sample.time_seconds = static_cast<double>(TimeNsOf(sequence)) / 1e9;
    stored.sample.step = 10 * sequence;
    stored.sample.token_count = 1000 * sequence;
    stored.sample.loss_nats = 2 + 8 / std::sqrt(static_cast<double>(sequence));
    return stored;
  }

  static std::vector<StoredSample> Range(int64_t first, int64_t last) {
    std::vector<StoredSample> range;
    for (int64_t i = first; i <= last; ++i) range.push_back(At(i));
    return range;
  }

  AppendAnswer Append(const std::string& attempt_id, std::vector<StoredSample> what,
                      const std::string& run = kRun, int64_t now_ns = kNow) {
    const auto answer = samples().Append({run, attempt_id, std::move(what)}, now_ns, Anybody);
    EXPECT_THAT(answer, testing_support::IsOk());
    return answer.ok() ? *answer : AppendAnswer();
  }

  std::vector<StoredSample> All(const std::string& run = kRun) {
    const auto all = samples().Read(run, {}, 1'000'000);
    EXPECT_THAT(all, testing_support::IsOk());
    return all.ok() ? *all : std::vector<StoredSample>();
  }

  std::vector<int64_t> Sequences() {
    std::vector<int64_t> sequences;
    for (const StoredSample& each : All()) sequences.push_back(each.sequence);
    return sequences;
  }

  StoredSample OnlySample() {
    const std::vector<StoredSample> all = All();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? StoredSample() : all.front();
  }

  testing_support::TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_TESTS_DAEMON_SAMPLE_FIXTURE_H_

// SPDX-License-Identifier: Apache-2.0
// The thread that merges old samples: that it does, and that it ends when it is told to.
#include "daemon/roll_up_worker.h"

#include <atomic>
#include <chrono>
#include <future>
#include <string>

#include "gtest/gtest.h"
#include "tests/daemon/sample_fixture.h"

namespace rhumb::daemon {
namespace {

using RollUpWorkerTest = SampleFixture;

TEST_F(RollUpWorkerTest, MergesWhatIsOldByItsClock) {
  Append("a", Range(1, 9));
  std::atomic<int> asked = 0;
  std::promise<void> done_once;
  RollUpWorker worker(
      samples(), {},
      [&] {
        if (++asked == 2) done_once.set_value();  // the first time is over then
        return kStart + 2 * 3600 * kSecond;
      },
      std::chrono::milliseconds(1));
  done_once.get_future().wait();
  worker.Stop();
  EXPECT_EQ(OnlySample().sample_count, 9);
}

TEST_F(RollUpWorkerTest, DoesNothingBeforeItsInterval) {
  std::atomic<int> asked = 0;
  {
    RollUpWorker worker(
        samples(), {},
        [&] {
          ++asked;
          return kNow;
        },
        std::chrono::hours(1));
  }
  EXPECT_EQ(asked, 0);
}

TEST_F(RollUpWorkerTest, GoesOnAfterAFailure) {
  Append("a", Range(1, 9));
  store_->Close();  // writes fail from now on
  std::atomic<int> asked = 0;
  std::promise<void> asked_again;
  RollUpWorker worker(
      samples(), {},
      [&] {
        if (++asked == 3) asked_again.set_value();
        return kStart + 2 * 3600 * kSecond;
      },
      std::chrono::milliseconds(1));
  asked_again.get_future().wait();
  worker.Stop();
  worker.Stop();
  EXPECT_EQ(All().size(), 9u);
}

}  // namespace
}  // namespace rhumb::daemon

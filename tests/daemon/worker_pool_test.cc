// SPDX-License-Identifier: Apache-2.0
#include "daemon/worker_pool.h"

#include <atomic>
#include <future>

#include "gtest/gtest.h"

namespace rhumb::daemon {
namespace {

TEST(WorkerPoolTest, RunsEveryAcceptedJobOnce) {
  std::atomic<int> run_count = 0;
  int accepted_count = 0;
  {
    WorkerPool workers(3, 1000);
    for (int i = 0; i < 500; ++i) accepted_count += workers.Submit([&] { ++run_count; }) ? 1 : 0;
  }
  EXPECT_EQ(accepted_count, 500);
  EXPECT_EQ(run_count, 500);
}

TEST(WorkerPoolTest, RefusesWhatWouldWaitTooLong) {
  std::promise<void> release;
  std::shared_future<void> released(release.get_future());
  std::promise<void> started;
  WorkerPool workers(1, 2);
  ASSERT_TRUE(workers.Submit([&] {
    started.set_value();
    released.wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(workers.Submit([] {}));
  EXPECT_TRUE(workers.Submit([] {}));
  EXPECT_FALSE(workers.Submit([] {}));
  release.set_value();
}

TEST(WorkerPoolTest, JobsRunBesideEachOther) {
  std::promise<void> first, second;  // outlive the workers, whose destructor waits for the jobs
  WorkerPool workers(2, 10);
  // Each waits for the other: one thread alone would never end.
  ASSERT_TRUE(workers.Submit([&] {
    first.set_value();
    second.get_future().wait();
  }));
  ASSERT_TRUE(workers.Submit([&] {
    second.set_value();
    first.get_future().wait();
  }));
}

}  // namespace
}  // namespace rhumb::daemon

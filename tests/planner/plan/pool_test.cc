// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/pool.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/gpu_catalog.h"

namespace rhumb {
namespace {

using ::testing::ElementsAre;

GpuPool PoolOf(int64_t count, int64_t per_node) {
  GpuPool pool;
  pool.gpu_count = count;
  pool.gpus_per_node = per_node;
  return pool;
}

TEST(UsableGpuCountsTest, IsEveryNumberInsideANodeAndWholeNodesBeyond) {
  EXPECT_THAT(UsableGpuCounts(PoolOf(40, 8)), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 16, 24, 32, 40));
}

TEST(UsableGpuCountsTest, IncludesAWholeNodeThatIsNoPowerOfTwo) {
  EXPECT_THAT(UsableGpuCounts(PoolOf(12, 6)), ElementsAre(1, 2, 3, 4, 5, 6, 12));
}

TEST(UsableGpuCountsTest, UsesAllOfAPartOfANode) {
  EXPECT_THAT(UsableGpuCounts(PoolOf(3, 8)), ElementsAre(1, 2, 3));
}

TEST(UsableGpuCountsTest, LeavesAPartialLastNodeUnused) {
  EXPECT_THAT(UsableGpuCounts(PoolOf(21, 8)), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 16));
}

TEST(UsableGpuCountsTest, OneGpuANodeAllowsEveryCount) {
  EXPECT_THAT(UsableGpuCounts(PoolOf(5, 1)), ElementsAre(1, 2, 3, 4, 5));
}

TEST(DefaultGpusPerNodeTest, IsEightOnServersWithoutARackScaleLink) {
  EXPECT_EQ(DefaultGpusPerNode(FindGpu("H100-SXM5-80GB").value()), 8);
}

TEST(DefaultGpusPerNodeTest, IsATrayOfFourInARackScaleDomain) {
  EXPECT_EQ(DefaultGpusPerNode(FindGpu("GB200-NVL72-186GB").value()), 4);
}

TEST(UsableGpuCountsTest, OfASmallerPoolAreThoseOfALargerOne) {
  for (int64_t count = 1; count < 100; ++count) {
    const std::vector<int64_t> more = UsableGpuCounts(PoolOf(count + 1, 8));
    for (const int64_t usable : UsableGpuCounts(PoolOf(count, 8))) {
      EXPECT_THAT(more, ::testing::Contains(usable)) << count;
    }
  }
}

TEST(ResolvePoolTest, TakesWhatIsMissingFromTheCatalogue) {
  const Gpu gpu = FindGpu("H100-SXM5-80GB").value();
  const GpuPool pool = ResolvePool(gpu, 64, {}, {}, {});
  EXPECT_EQ(pool.gpus_per_node, 8);
  EXPECT_EQ(pool.inter_node_bytes_per_second_per_gpu, gpu.network_bytes_per_second);
  EXPECT_EQ(pool.price_usd_per_gpu_hour, gpu.price_usd_per_gpu_hour);
}

TEST(ResolvePoolTest, KeepsWhatIsGiven) {
  const GpuPool pool = ResolvePool(FindGpu("H100-SXM5-80GB").value(), 64, 4, 1e9, 9.5);
  EXPECT_EQ(pool.gpus_per_node, 4);
  EXPECT_EQ(pool.inter_node_bytes_per_second_per_gpu, 1e9);
  EXPECT_EQ(pool.price_usd_per_gpu_hour, 9.5);
}

}  // namespace
}  // namespace rhumb

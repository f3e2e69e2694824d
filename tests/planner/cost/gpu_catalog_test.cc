// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/gpu_catalog.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/units.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;
using ::testing::AllOf;
using ::testing::Field;
using ::testing::HasSubstr;

std::string MessageOf(absl::string_view name) {
  return std::string(FindGpu(name).status().message());
}

TEST(GpuCatalogTest, HoldsTwentyOneTypesWithDistinctIds) {
  std::set<std::string> ids;
  for (const Gpu& gpu : GpuCatalog()) ids.insert(gpu.id);
  EXPECT_EQ(GpuCatalog().size(), 21u);
  EXPECT_EQ(ids.size(), 21u);
}

TEST(GpuCatalogTest, EveryTypeIsFoundByItsId) {
  for (const Gpu& gpu : GpuCatalog()) {
    EXPECT_THAT(FindGpu(gpu.id), IsOkAndHolds(Field(&Gpu::id, gpu.id))) << gpu.id;
  }
}

TEST(GpuCatalogTest, EveryTypeStatesSourceMemoryAndPower) {
  for (const Gpu& gpu : GpuCatalog()) {
    EXPECT_FALSE(gpu.source.empty()) << gpu.id;
    EXPECT_GT(gpu.memory_bytes, 20 * kGibibyte) << gpu.id;
    EXPECT_GT(gpu.board_watts, 0) << gpu.id;
    EXPECT_EQ(gpu.price_usd_per_gpu_hour.has_value(), !gpu.price_source.empty()) << gpu.id;
  }
}

// NVIDIA H100 SXM data sheet: 989 TFLOP/s bf16 and 1,979 TFLOP/s fp8 dense, 3.35 TB/s, 900 GB/s
// NVLink both ways, 700 W.
TEST(GpuCatalogTest, H100SxmMatchesItsDataSheet) {
  const Gpu gpu = FindGpu("H100-SXM5-80GB").value();
  EXPECT_DOUBLE_EQ(gpu.peak_bf16_flops_per_second.value(), 989e12);
  EXPECT_DOUBLE_EQ(gpu.peak_fp8_flops_per_second.value(), 1979e12);
  EXPECT_DOUBLE_EQ(gpu.memory_bytes_per_second, 3350e9);
  EXPECT_DOUBLE_EQ(gpu.scale_up_bytes_per_second, 450e9);
  EXPECT_DOUBLE_EQ(gpu.board_watts, 700);
  EXPECT_FALSE(gpu.peak_fp4_flops_per_second.has_value());
}

TEST(GpuCatalogTest, AliasIgnoresLetterCaseAndUnderscores) {
  EXPECT_THAT(FindGpu("h100_sxm"), IsOkAndHolds(Field(&Gpu::id, "H100-SXM5-80GB")));
}

TEST(GpuCatalogTest, NameThatSlurmDetectsIsAnAlias) {
  EXPECT_THAT(FindGpu("nvidia_a100-sxm4-80gb"), IsOkAndHolds(Field(&Gpu::id, "A100-SXM4-80GB")));
}

TEST(GpuCatalogTest, AmbiguousH100NamesTheTypesItFits) {
  EXPECT_THAT(FindGpu("h100"), StatusIs(absl::StatusCode::kInvalidArgument, "ambiguous"));
  EXPECT_THAT(MessageOf("h100"), AllOf(HasSubstr("H100-SXM5-80GB"), HasSubstr("H100-PCIe-80GB")));
}

TEST(GpuCatalogTest, AmbiguousA100NamesBothMemorySizes) {
  EXPECT_THAT(MessageOf("A100"), AllOf(HasSubstr("A100-SXM4-40GB"), HasSubstr("A100-SXM4-80GB")));
}

TEST(GpuCatalogTest, UnknownTypeNamesTheNearestIds) {
  EXPECT_THAT(FindGpu("MI300Y"),
              StatusIs(absl::StatusCode::kInvalidArgument, "unknown GPU type \"MI300Y\""));
  EXPECT_THAT(MessageOf("MI300Y"), HasSubstr("MI300X-192GB"));
}

TEST(GpuCatalogTest, UnknownTypeNamesExactlyThree) {
  const std::string message = MessageOf("xyz");
  EXPECT_EQ(std::count(message.begin(), message.end(), ','), 2) << message;
}

TEST(GpuCatalogTest, V100HasNoBf16) {
  const Gpu gpu = FindGpu("V100").value();
  EXPECT_FALSE(PeakFlopsPerSecond(gpu, Precision::kBf16).has_value());
  EXPECT_DOUBLE_EQ(PeakFlopsPerSecond(gpu, Precision::kFp16).value(), 125e12);
}

TEST(GpuCatalogTest, BlockScaledFormatsNeedHardwareThatHasThem) {
  EXPECT_FALSE(PeakFlopsPerSecond(FindGpu("H200").value(), Precision::kMxfp8).has_value());
  EXPECT_DOUBLE_EQ(PeakFlopsPerSecond(FindGpu("B200").value(), Precision::kMxfp8).value(), 4500e12);
}

// 80 GB parts report 79 to 80 GiB to a process, not 80e9 bytes and not more than 80 GiB.
TEST(GpuCatalogTest, UsableMemoryIsWhatTheDriverReports) {
  EXPECT_GT(FindGpu("A100-80G").value().memory_bytes, 78.5 * kGibibyte);
  EXPECT_LT(FindGpu("A100-80G").value().memory_bytes, 80.0 * kGibibyte);
}

TEST(GpuCatalogTest, FamiliesAreThoseOfTheCatalogueAndOfTimeConstants) {
  const std::vector<std::string> families = GpuFamilies();
  EXPECT_THAT(families, ::testing::IsSupersetOf({"hopper", "ada", "cpu", "generic"}));
  EXPECT_TRUE(std::is_sorted(families.begin(), families.end()));
}

TEST(GpuCatalogTest, NamesAreSoughtAmongTheTypesGiven) {
  Gpu own;
  own.id = "H100";
  own.aliases = {"mine"};
  EXPECT_THAT(FindGpu("h100", {own}), IsOkAndHolds(Field(&Gpu::id, "H100")));
  EXPECT_THAT(FindGpu("A100-80G", {own}),
              StatusIs(absl::StatusCode::kInvalidArgument, "nearest: H100"));
}

}  // namespace
}  // namespace rhumb

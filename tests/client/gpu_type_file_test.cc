// SPDX-License-Identifier: Apache-2.0
#include "client/cli/gpu_type_file.h"

#include "gtest/gtest.h"
#include "planner/units.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(GpuTypeFileTest, TheExampleSaysWhatItsDataSheetSays) {
  const absl::StatusOr<v1::GpuType> type =
      ReadGpuTypeFile(RHUMB_SOURCE_DIR "/docs/examples/gpus/h20-sxm-96gb.toml");
  ASSERT_THAT(type, IsOk());
  EXPECT_EQ(type->name(), "H20-SXM-96GB");
  EXPECT_EQ(type->aliases_size(), 2);
  EXPECT_EQ(type->memory_bytes(), static_cast<int64_t>(95 * kGibibyte));
  EXPECT_EQ(type->memory_bytes_per_second(), 4e12);
  EXPECT_EQ(type->peak_bf16_flops_per_second(), 148e12);
  EXPECT_EQ(type->scale_up_bytes_per_second(), 450e9);
  EXPECT_FALSE(type->has_peak_fp4_flops_per_second());
}

TEST(GpuTypeFileTest, AnAnswerReadsBackWithoutWhatOnlyTheStoreSays) {
  const absl::StatusOr<v1::GpuType> type = ParseGpuType(
      R"({"name": "gpuTypes/X", "memory_bytes": 12, "version": 3, "owner_uid": 0,
          "update_time": "2026-01-01T00:00:00Z"})");
  ASSERT_THAT(type, IsOk());
  EXPECT_EQ(type->memory_bytes(), 12);
  EXPECT_FALSE(type->has_version());
}

TEST(GpuTypeFileTest, AnUnknownKeyIsRefusedWithItsPlaceAndTheNearest) {
  EXPECT_THAT(ParseGpuType("name = \"X\"\nfamly = \"hopper\"\n"),
              StatusIs(kInvalid, "line 2, column 1: famly: unknown key; the nearest is family"));
}

TEST(GpuTypeFileTest, AliasesMustBeAListOfTexts) {
  EXPECT_THAT(ParseGpuType("aliases = \"one\""), StatusIs(kInvalid, "must be a list"));
  EXPECT_THAT(ParseGpuType("aliases = [1]"), StatusIs(kInvalid, "must be texts"));
}

TEST(GpuTypeFileTest, BytesBeyondAnIntegerAreRefused) {
  EXPECT_THAT(ParseGpuType("memory_bytes = \"1e30\""), StatusIs(kInvalid, "memory_bytes"));
}

TEST(GpuTypeFileTest, AMissingFileIsNamed) {
  EXPECT_THAT(ReadGpuTypeFile("/no/such.toml"),
              StatusIs(absl::StatusCode::kNotFound, "/no/such.toml"));
}

}  // namespace
}  // namespace rhumb::cli

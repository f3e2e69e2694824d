// SPDX-License-Identifier: Apache-2.0
#include "client/config/cluster_file.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::Optional;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

constexpr char kCluster[] = R"(name = "site-a"

[[pools]]
gpu_type = "H100-SXM5-80GB"
node_count = 32
gpus_per_node = 8
inter_node_gbps_per_gpu = 400
partition = "gpu"
price_usd_per_gpu_hour = 2.5
max_wall_seconds = "24h"

[[pools]]
gpu_type = "A100-SXM4-80GB"
node_count = 4
gpus_per_node = 8
)";

std::string With(const std::string& from, const std::string& to) {
  const std::string text = absl::StrReplaceAll(kCluster, {{from, to}});
  EXPECT_NE(text, kCluster) << "the change must apply";
  return text;
}

TEST(ClusterFileTest, ReadsEveryField) {
  const absl::StatusOr<ClusterSpec> cluster = ParseCluster(kCluster);
  ASSERT_THAT(cluster, IsOk());
  EXPECT_EQ(cluster->name, "site-a");
  ASSERT_EQ(cluster->pools.size(), 2u);
  const PoolSpec& pool = cluster->pools[0];
  EXPECT_EQ(pool.gpu_type, "H100-SXM5-80GB");
  EXPECT_EQ(pool.node_count, 32);
  EXPECT_EQ(pool.gpus_per_node, 8);
  EXPECT_THAT(pool.inter_node_gbps_per_gpu, Optional(400.0));
  EXPECT_EQ(pool.partition, "gpu");
  EXPECT_THAT(pool.price_usd_per_gpu_hour, Optional(2.5));
  EXPECT_THAT(pool.max_wall_seconds, Optional(86400.0));
}

TEST(ClusterFileTest, FieldsNotGivenAreAbsent) {
  const absl::StatusOr<ClusterSpec> cluster = ParseCluster(kCluster);
  ASSERT_THAT(cluster, IsOk());
  EXPECT_FALSE(cluster->pools[1].inter_node_gbps_per_gpu.has_value());
  EXPECT_FALSE(cluster->pools[1].price_usd_per_gpu_hour.has_value());
  EXPECT_FALSE(cluster->pools[1].max_wall_seconds.has_value());
  EXPECT_EQ(cluster->pools[1].partition, "");
}

TEST(ClusterFileTest, HumanFormsAreRead) {
  const absl::StatusOr<ClusterSpec> cluster = ParseCluster(With("= 2.5", "= \"$2.5\""));
  ASSERT_THAT(cluster, IsOk());
  EXPECT_THAT(cluster->pools[0].price_usd_per_gpu_hour, Optional(2.5));
}

TEST(ClusterFileTest, UnknownKeyOfAPoolIsRefusedWithPositionAndTheAllowedKeys) {
  EXPECT_THAT(ParseCluster(With("partition =", "partiton =")),
              StatusIs(kInvalid,
                       "line 8, column 1: unknown key \"pools[0].partiton\"; allowed are gpu_type, "
                       "node_count, gpus_per_node, inter_node_gbps_per_gpu, partition, "
                       "price_usd_per_gpu_hour, max_wall_seconds"));
}

TEST(ClusterFileTest, UnknownKeyAtTheTopIsRefused) {
  EXPECT_THAT(
      ParseCluster(With("name =", "region = \"eu\"\nname =")),
      StatusIs(kInvalid, "line 1, column 1: unknown key \"region\"; allowed are name, pools"));
}

TEST(ClusterFileTest, SamePoolTwiceIsRefused) {
  EXPECT_THAT(ParseCluster(With("gpu_type = \"A100-SXM4-80GB\"",
                                "gpu_type = \"H100-SXM5-80GB\"\npartition = \"gpu\"")),
              StatusIs(kInvalid,
                       "line 13, column 1: pools[1].gpu_type \"H100-SXM5-80GB\" is given twice in "
                       "partition \"gpu\""));
}

TEST(ClusterFileTest, OneTypeInTwoPartitionsIsAllowed) {
  EXPECT_THAT(ParseCluster(With("\"A100-SXM4-80GB\"", "\"H100-SXM5-80GB\"")), IsOk());
}

struct BadCluster {
  const char* name;
  const char* from;
  const char* to;
  const char* message;
};
void PrintTo(const BadCluster& bad, std::ostream* out) { *out << bad.name; }
class BadClusterTest : public ::testing::TestWithParam<BadCluster> {};

TEST_P(BadClusterTest, IsRefusedWithItsPlace) {
  EXPECT_THAT(ParseCluster(With(GetParam().from, GetParam().to)),
              StatusIs(kInvalid, GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    OneKey, BadClusterTest,
    ::testing::Values(
        BadCluster{"NodeCountIsZero", "node_count = 32", "node_count = 0",
                   "line 5, column 1: pools[0].node_count"},
        BadCluster{"NodeCountIsNegative", "node_count = 32", "node_count = -3", "got -3"},
        BadCluster{"NodeCountIsText", "node_count = 32", "node_count = \"many\"", "got \"many\""},
        BadCluster{"NodeCountIsFraction", "node_count = 32", "node_count = 3.5", "got 3.5"},
        BadCluster{"NodeCountIsMissing", "node_count = 32", "", "pools[0].node_count is missing"},
        BadCluster{"NodeCountIsHuge", "node_count = 32", "node_count = 2000000",
                   "at most 10000000, got 16000000"},
        BadCluster{"NodeCountOverflows", "node_count = 32", "node_count = 99999999999999999999",
                   "line 5, column"},
        BadCluster{"TypeIsMissing", "gpu_type = \"H100-SXM5-80GB\"", "",
                   "pools[0].gpu_type is missing"},
        BadCluster{"TypeIsOdd", "H100-SXM5-80GB", "H100 SXM",
                   "line 4, column 1: pools[0].gpu_type must have letters"},
        BadCluster{"PriceIsNegative", "= 2.5", "= -2.5",
                   "price_usd_per_gpu_hour must be a finite number"},
        BadCluster{"PriceIsNaN", "= 2.5", "= nan",
                   "line 9, column 1: pools[0].price_usd_per_gpu_hour"},
        BadCluster{"PriceIsInfinite", "= 2.5", "= inf", "got inf"},
        BadCluster{"PriceIsText", "= 2.5", "= \"cheap\"", "expected US dollars"},
        BadCluster{"NetworkIsText", "= 400", "= \"fast\"",
                   "inter_node_gbps_per_gpu must be a finite number"},
        BadCluster{"WallIsZero", "\"24h\"", "0", "max_wall_seconds must be a positive number"},
        BadCluster{"WallIsJunk", "\"24h\"", "\"soon\"",
                   "line 10, column 1: pools[0].max_wall_seconds: expected a"},
        BadCluster{"PartitionIsNumber", "\"gpu\"", "7", "partition must be a text"},
        BadCluster{"NameIsUpperCase", "\"site-a\"", "\"Site\"",
                   "line 1, column 1: name must begin with a lower-case"},
        BadCluster{"NameEndsInDash", "\"site-a\"", "\"site-\"", "name must begin"},
        BadCluster{"NameIsMissing", "name = \"site-a\"", "", "name is missing"},
        BadCluster{"KeyTwice", "node_count = 32", "node_count = 32\nnode_count = 33",
                   "line 6, column"},
        BadCluster{"SyntaxError", "node_count = 32", "node_count = ", "line 5, column"},
        BadCluster{"DateAsName", "\"site-a\"", "2027-03-01", "name must begin"}),
    [](const auto& test) { return test.param.name; });

TEST(ClusterFileTest, EmptyTextIsRefused) {
  EXPECT_THAT(ParseCluster(""), StatusIs(kInvalid, "name is missing"));
}

TEST(ClusterFileTest, ClusterWithoutPoolsIsRefused) {
  EXPECT_THAT(ParseCluster("name = \"a\""), StatusIs(kInvalid, "one [[pools]] at least"));
}

TEST(ClusterFileTest, PoolThatIsNoTableIsRefused) {
  EXPECT_THAT(ParseCluster("name = \"a\"\npools = [1]"), StatusIs(kInvalid, "must be tables"));
}

// toml++ 3.3.0 ends the program here when its assertions are on.
TEST(ClusterFileTest, KeyThatBeginsWithNoKeyCharacterIsRefused) {
  EXPECT_THAT(ParseCluster("name = \"a\"\n[.pools]\n"), StatusIs(kInvalid, "line 2, column"));
}

TEST(ClusterFileTest, InlineTableWithAnEmptyKeyIsRefused) {
  EXPECT_THAT(ParseCluster("a = { = 1 }"), StatusIs(kInvalid, "line 1, column"));
}

TEST(ClusterFileTest, BinaryIsRefused) {
  EXPECT_THAT(ParseCluster(absl::string_view("\x7f"
                                             "ELF\0\xff",
                                             6)),
              StatusIs(kInvalid, "line 1, column"));
}

TEST(ClusterFileTest, MissingFileIsNotFound) {
  EXPECT_THAT(ReadClusterFile("/nonexistent/cluster.toml"),
              StatusIs(absl::StatusCode::kNotFound, "/nonexistent/cluster.toml"));
}

// The examples of the documentation are real clusters: what their sources say must come out.
TEST(ClusterExampleTest, Llama3ClusterHas16384Gpus) {
  const absl::StatusOr<ClusterSpec> cluster =
      ReadClusterFile(RHUMB_SOURCE_DIR "/docs/examples/clusters/llama3-16k-h100.toml");
  ASSERT_THAT(cluster, IsOk());
  EXPECT_EQ(cluster->pools[0].node_count * cluster->pools[0].gpus_per_node, 16384);
  EXPECT_THAT(cluster->pools[0].inter_node_gbps_per_gpu, Optional(400.0));
}

TEST(ClusterExampleTest, JeanZayHas416GpusWithAQuarterOfFourLinks) {
  const absl::StatusOr<ClusterSpec> cluster =
      ReadClusterFile(RHUMB_SOURCE_DIR "/docs/examples/clusters/jean-zay-a100.toml");
  ASSERT_THAT(cluster, IsOk());
  EXPECT_EQ(cluster->pools[0].node_count * cluster->pools[0].gpus_per_node, 416);
  EXPECT_THAT(cluster->pools[0].inter_node_gbps_per_gpu, Optional(50.0));
}

TEST(ClusterExampleTest, OneNodeParses) {
  const absl::StatusOr<ClusterSpec> cluster =
      ReadClusterFile(RHUMB_SOURCE_DIR "/docs/examples/clusters/one-h100-node.toml");
  ASSERT_THAT(cluster, IsOk());
  EXPECT_EQ(cluster->pools[0].node_count * cluster->pools[0].gpus_per_node, 8);
}

TEST(ClusterExampleTest, WorkstationParses) {
  const absl::StatusOr<ClusterSpec> cluster =
      ReadClusterFile(RHUMB_SOURCE_DIR "/docs/examples/clusters/rtx4090-workstation.toml");
  ASSERT_THAT(cluster, IsOk());
  EXPECT_EQ(cluster->pools[0].gpu_type, "RTX-4090-24GB");
  EXPECT_EQ(cluster->pools[0].gpus_per_node, 2);
}

}  // namespace
}  // namespace rhumb

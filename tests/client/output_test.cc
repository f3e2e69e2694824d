// SPDX-License-Identifier: Apache-2.0
#include "client/cli/output.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Invocation Given(std::map<std::string, std::vector<std::string>> flags) {
  return {.flags = std::move(flags), .arguments = {}};
}

TEST(OutputTest, YamlKeepsKeysOrderAndNumbers) {
  EXPECT_THAT(YamlOfJson(R"({"name":"plans/p-1","flops":1e+21,"count":9007199254740993,"on":true,
                            "cost":{"usd":2.5},"stages":[],"items":[{"item":"a","seconds":0},{"item":"b: c"}],
                            "text":"two\nlines"})"),
              IsOkAndHolds(std::string("name: \"plans/p-1\"\n"
                                       "flops: 1e+21\n"
                                       "count: 9007199254740993\n"
                                       "\"on\": true\n"
                                       "cost:\n"
                                       "  usd: 2.5\n"
                                       "stages: []\n"
                                       "items:\n"
                                       "  - item: \"a\"\n"
                                       "    seconds: 0\n"
                                       "  - item: \"b: c\"\n"
                                       "text: \"two\\nlines\"\n")));
}

TEST(OutputTest, CsvColumnsAreKeysJoinedByDots) {
  EXPECT_THAT(
      CsvOfJson(R"({"name":"p","loss":{"mean_nats":2.05,"level":0.9},"warnings":[{"code":"A"}]})",
                true),
      IsOkAndHolds(std::string("name,loss.mean_nats,loss.level,warnings\n"
                               "p,2.05,0.9,\"[{\"\"code\"\":\"\"A\"\"}]\"\n")));
}

TEST(OutputTest, CsvOfAListHasARowAMemberAndTheUnionOfColumns) {
  EXPECT_THAT(
      CsvOfJson(R"({"plans":[{"name":"a","x":1},{"name":"b","y":2}],"next_page_token":"t"})", true),
      IsOkAndHolds(std::string("name,x,y\na,1,\nb,,2\n")));
}

TEST(OutputTest, CsvQuotesWhatWouldTearTheRow) {
  EXPECT_THAT(CsvOfJson(R"({"a":"x,y","b":"say \"hi\"","c":"1\n2"})", false),
              IsOkAndHolds(std::string("\"x,y\",\"say \"\"hi\"\"\",\"1\n2\"\n")));
}

TEST(OutputTest, JsonFlagIsAFormat) {
  const absl::StatusOr<OutputOptions> options = ReadOutputOptions(Given({{"json", {"true"}}}));
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->format, OutputFormat::kJson);
}

TEST(OutputTest, JsonContradictsAnotherFormat) {
  EXPECT_THAT(ReadOutputOptions(Given({{"json", {"true"}}, {"output", {"csv"}}})),
              StatusIs(kInvalid, "--json"));
}

TEST(OutputTest, ParsableContradictsJson) {
  EXPECT_THAT(ReadOutputOptions(Given({{"json", {"true"}}, {"parsable", {"true"}}})),
              StatusIs(kInvalid, "--parsable"));
}

TEST(OutputTest, AnUnknownFormatIsRefusedWithTheKnown) {
  EXPECT_THAT(ReadOutputOptions(Given({{"output", {"xml"}}})),
              StatusIs(kInvalid, "table, wide, json"));
}

}  // namespace
}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
// Every published or independently computed vector, from one JSON file. The file is optional data;
// the other tests of this folder hold transcribed values for its absence.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "tests/planner/laws/vector_operations.h"

namespace rhumb {
namespace {

Operations AllOperations() {
  Operations all;
  for (auto part : {ChinchillaOperations(), DataConstrainedOperations(), HoffmannOperations(),
                    KaplanLossOperations(), KaplanFrontierOperations(), BatchAndRateOperations(),
                    MoeOperations(), OtherOperations()}) {
    all.merge(part);
  }
  return all;
}

void ExpectSame(const Json& got, const Json& expected, double rel_tol, const std::string& id) {
  for (const auto& [key, value] : expected.items()) {
    ASSERT_TRUE(got.contains(key)) << id << " has no " << key;
    if (value.is_boolean()) {
      EXPECT_EQ(got.at(key).get<bool>(), value.get<bool>()) << id << " " << key;
      continue;
    }
    const double want = value.get<double>();
    // One rounding is allowed where the vector asks for bit equality.
    const double tolerance = std::max(rel_tol, 2e-16) * std::abs(want);
    EXPECT_NEAR(got.at(key).get<double>(), want, tolerance) << id << " " << key;
  }
}

TEST(LawVectorsTest, EveryVectorIsReproduced) {
  const std::string path = std::string(RHUMB_SHARED_DIR) + "/laws/test-vectors.json";
  std::ifstream file(path);
  if (!file) GTEST_SKIP() << "optional data absent: " << path;
  const Json document = Json::parse(file);
  const Operations operations = AllOperations();
  int executed_count = 0;
  std::set<std::string> seen;
  for (const Json& test_case : document.at("cases")) {
    const std::string key =
        test_case.at("law").get<std::string>() + "/" + test_case.at("op").get<std::string>();
    const auto operation = operations.find(key);
    if (operation == operations.end()) {
      ADD_FAILURE() << key << " is not executed";
      continue;
    }
    ExpectSame(operation->second(test_case.at("inputs")), test_case.at("expected"),
               test_case.at("rel_tol").get<double>(), test_case.at("id").get<std::string>());
    seen.insert(key);
    ++executed_count;
  }
  EXPECT_EQ(seen.size(), operations.size()) << "an operation met no vector";
  EXPECT_EQ(executed_count, static_cast<int>(document.at("cases").size()));
  RecordProperty("executed", executed_count);
  std::printf("executed %d of %zu vectors\n", executed_count, document.at("cases").size());
}

}  // namespace
}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics.h"

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/daemon/http/http_fixture.h"
#include "tests/daemon/http/prometheus_text.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::ParsePrometheusText;
using ::rhumb::testing_support::PrometheusText;
using ::testing::ContainsRegex;
using ::testing::Not;

// Value of a series, -1 if it is not there.
double ValueOf(const PrometheusText& text, const std::string& series) {
  const auto found = text.values.find(series);
  return found == text.values.end() ? -1 : found->second;
}

TEST(MetricsTest, CountsRpcsByServiceMethodAndCode) {
  Metrics metrics;
  metrics.CountRpc("PlanService/GetPlan", absl::StatusCode::kOk, 0.002);
  metrics.CountRpc("PlanService/GetPlan", absl::StatusCode::kOk, 0.002);
  metrics.CountRpc("PlanService/GetPlan", absl::StatusCode::kNotFound, 0.02);
  const auto text = ParsePrometheusText(metrics.Text());
  ASSERT_THAT(text, IsOk());
  const std::string head = "rhumb_rpc_requests_total{";
  const std::string labels = "method=\"GetPlan\",service=\"PlanService\"}";
  EXPECT_EQ(ValueOf(*text, head + "code=\"OK\"," + labels), 2) << metrics.Text();
  EXPECT_EQ(ValueOf(*text, head + "code=\"NOT_FOUND\"," + labels), 1);
}

TEST(MetricsTest, DurationsFallIntoBuckets) {
  Metrics metrics;
  metrics.CountRpc("PlanService/GetPlan", absl::StatusCode::kOk, 0.002);
  metrics.CountRpc("PlanService/GetPlan", absl::StatusCode::kOk, 0.2);
  const auto text = ParsePrometheusText(metrics.Text());
  ASSERT_THAT(text, IsOk());
  const std::string head =
      "rhumb_rpc_duration_seconds_bucket{method=\"GetPlan\",service=\"PlanService\",le=";
  EXPECT_EQ(ValueOf(*text, head + "\"0.001\"}"), 0) << metrics.Text();
  EXPECT_EQ(ValueOf(*text, head + "\"0.0025\"}"), 1);
  EXPECT_EQ(ValueOf(*text, head + "\"+Inf\"}"), 2);
}

TEST(MetricsTest, CountsOfManyThreadsAddUp) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&metrics] {
      for (int i = 0; i < 2000; ++i) metrics.CountRpc("A/B", absl::StatusCode::kOk, 1e-3);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto text = ParsePrometheusText(metrics.Text());
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(ValueOf(*text, "rhumb_rpc_requests_total{code=\"OK\",method=\"B\",service=\"A\"}"),
            16000);
}

TEST(MetricsTest, LabelsAreEscaped) {
  Metrics metrics;
  metrics.AddGauges([]() -> std::vector<GaugeSample> {
    return {{.name = "rhumb_test", .help = "x", .labels = {{"type", "a\"b\\c\nd"}}, .value = 1}};
  });
  const auto text = ParsePrometheusText(metrics.Text());
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(ValueOf(*text, "rhumb_test{type=\"a\\\"b\\\\c\\nd\"}"), 1);
}

class HttpMetricsTest : public HttpTest {
 protected:
  PrometheusText Scrape() const {
    const HttpReply reply = Ask(JsonRequest("GET", "/metrics"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const auto text = ParsePrometheusText(reply.body);
    EXPECT_THAT(text, IsOk());
    return text.ok() ? *text : PrometheusText();
  }
};

TEST_F(HttpMetricsTest, RpcsCountWhicheverWayTheyCome) {
  Start();
  Ask(JsonRequest("POST", "/v1/plans", "{\"compute_flops\":1e21}"));
  Ask(JsonRequest("POST", "/v1/plans", "{\"compute_flops\":-1}"));
  const PrometheusText text = Scrape();
  const std::string labels = "method=\"CreatePlan\",service=\"PlanService\"}";
  EXPECT_EQ(ValueOf(text, "rhumb_rpc_requests_total{code=\"OK\"," + labels), 1);
  EXPECT_EQ(ValueOf(text, "rhumb_rpc_requests_total{code=\"INVALID_ARGUMENT\"," + labels), 1);
  EXPECT_EQ(ValueOf(text, "rhumb_http_requests_total{code=\"400\"}"), 1);
}

TEST_F(HttpMetricsTest, OnlySearchesCountAsPlans) {
  Start();
  for (int i = 0; i < 3; ++i)
    Ask(JsonRequest("POST", "/v1/plans", "{\"compute_flops\":1e21}"));  // found stored from then on
  Ask(JsonRequest("POST", "/v1/plans",
                  "{\"gpu_pools\":[{\"gpu_type\":\"H100-SXM5-80GB\",\"count\":8}],"
                  "\"deadline_seconds\":60,\"target_loss_nats\":1.9}"));
  const PrometheusText text = Scrape();
  EXPECT_EQ(ValueOf(text, "rhumb_plans_total{result=\"feasible\"}"), 1);
  EXPECT_EQ(ValueOf(text, "rhumb_plans_total{result=\"infeasible\"}"), 1);
  EXPECT_EQ(ValueOf(text, "rhumb_plan_search_duration_seconds_count"), 2);
}

TEST_F(HttpMetricsTest, FitsAndTheirTimeCount) {
  Start();
  ImportRuns("ladder", 49);
  Ask(JsonRequest("POST", "/v1/laws:fit",
                  "{\"observations\":\"ladder\",\"options\":{\"family\":\"chinchilla\"}}"));
  EXPECT_EQ(ValueOf(Scrape(), "rhumb_fit_duration_seconds_count"), 1);
}

TEST_F(HttpMetricsTest, StoreIsCountedWhenItIsAsked) {
  Start();
  ASSERT_EQ(Ask(JsonRequest("POST", "/v1/runs", "{\"run\":{}}")).status, 200);
  const HttpReply synced = Ask(JsonRequest(
      "POST", "/v1/nodes:sync",
      "{\"inventory\":{\"name\":\"alpha\",\"observe_time\":\"2026-11-28T00:00:00Z\",\"nodes\":["
      "{\"name\":\"a\",\"gpu_type\":\"H100-SXM5-80GB\",\"gpu_count\":8,\"free_gpu_count\":3,"
      "\"state\":"
      "\"MIXED\"},"
      "{\"name\":\"b\",\"gpu_type\":\"H100-SXM5-80GB\",\"gpu_count\":8,\"state\":\"DOWN\"}]}}"));
  ASSERT_EQ(synced.status, 200) << synced.body;
  const PrometheusText text = Scrape();
  EXPECT_EQ(ValueOf(text, "rhumb_runs{state=\"running\"}"), 1);
  const std::string gpus = "rhumb_inventory_gpus{type=\"H100-SXM5-80GB\",state=";
  EXPECT_EQ(ValueOf(text, gpus + "\"free\"}"), 3);
  EXPECT_EQ(ValueOf(text, gpus + "\"allocated\"}"), 5);
  EXPECT_EQ(ValueOf(text, gpus + "\"down\"}"), 8);
  EXPECT_GT(ValueOf(text, "rhumb_db_size_bytes"), 4096);
}

TEST_F(HttpMetricsTest, BuildAndStartAreSaid) {
  Start();
  const PrometheusText text = Scrape();
  EXPECT_EQ(ValueOf(text, std::string("rhumb_build_info{version=\"") + ServerVersion() + "\"}"), 1);
  EXPECT_NEAR(ValueOf(text, "process_start_time_seconds"), static_cast<double>(time(nullptr)), 60);
}

// The number of series depends on the API alone.
TEST_F(HttpMetricsTest, NoLabelNamesAPlanARunOrAUser) {
  Start();
  Ask(JsonRequest("POST", "/v1/plans", "{\"compute_flops\":1e21}"));
  Ask(JsonRequest("POST", "/v1/runs", "{\"run\":{}}"));
  EXPECT_THAT(Ask(JsonRequest("GET", "/metrics")).body, Not(ContainsRegex("plans/|runs/|uid")));
}

TEST_F(HttpMetricsTest, PageOfAnotherNameReadsNoMetrics) {
  Start();
  EXPECT_EQ(AskTcp("GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\n").status, 403);
}

}  // namespace
}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
// What the daemon counts of itself, and the text of /metrics. No label names a user, a plan or a
// run: the number of series depends on the API alone.
#ifndef RHUMB_DAEMON_METRICS_H_
#define RHUMB_DAEMON_METRICS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rhumb::daemon {

// A value that is read when somebody asks, as the size of a file.
struct GaugeSample {
  std::string name, help;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

// Thread-safe. Counting takes no lock that a scrape holds for long; see rhumb_bench for its cost.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // An RPC has ended. `method` is a literal as in "PlanService/CreatePlan".
  void CountRpc(const char* method, absl::StatusCode code, double seconds);
  // A question has been searched, not found stored.
  void CountPlan(bool feasible, double search_seconds);
  // A fit has ended with a result.
  void CountFit(double seconds);
  // A request over HTTP has been answered, by any path.
  void CountHttp(int status);

  // Asked at each scrape; call before the first.
  void AddGauges(std::function<std::vector<GaugeSample>()> read);

  // Prometheus' text format, version 0.0.4.
  std::string Text();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_METRICS_H_

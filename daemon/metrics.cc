// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics.h"

#include <array>
#include <atomic>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "daemon/server.h"
#include "prometheus/counter.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace rhumb::daemon {
namespace {

using ::prometheus::ClientMetric;
using ::prometheus::Counter;
using ::prometheus::Histogram;
using ::prometheus::MetricFamily;

// From a null RPC over a socket, about 0.1 ms, to the longest search.
const Histogram::BucketBoundaries& RpcSeconds() {
  static const auto* const bounds = new Histogram::BucketBoundaries{
      0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  return *bounds;
}

const Histogram::BucketBoundaries& WorkSeconds() {
  static const auto* const bounds = new Histogram::BucketBoundaries{
      0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
  return *bounds;
}

constexpr size_t kCodeCount = 17;  // of gRPC

MetricFamily GaugeFamily(const std::string& name, const std::string& help) {
  return {.name = name, .help = help, .type = prometheus::MetricType::Gauge, .metric = {}};
}

}  // namespace

class Metrics::Impl {
 public:
  // Series of one method: found by the address of its name, for hashing the text would cost more
  // than counting.
  struct Method {
    std::string service, name;
    std::array<std::atomic<Counter*>, kCodeCount> requests = {};
    Histogram* seconds = nullptr;
  };

  Impl()
      : requests(prometheus::BuildCounter()
                     .Name("rhumb_rpc_requests_total")
                     .Help("RPCs that have ended, by gRPC's code.")
                     .Register(registry)),
        seconds(prometheus::BuildHistogram()
                    .Name("rhumb_rpc_duration_seconds")
                    .Help("From the arrival of an RPC to its end.")
                    .Register(registry)),
        plans(prometheus::BuildCounter()
                  .Name("rhumb_plans_total")
                  .Help("Questions that were searched, not found stored.")
                  .Register(registry)),
        http(prometheus::BuildCounter()
                 .Name("rhumb_http_requests_total")
                 .Help("Requests over HTTP, by status.")
                 .Register(registry)),
        feasible(plans.Add({{"result", "feasible"}})),
        infeasible(plans.Add({{"result", "infeasible"}})),
        search_seconds(AddWork("rhumb_plan_search_duration_seconds", "Of searches for plans.")),
        fit_seconds(AddWork("rhumb_fit_duration_seconds", "Of fits that gave a result.")) {}

  Method& Find(const char* method) {
    {
      const absl::ReaderMutexLock lock(&mutex);
      const auto known = methods.find(method);
      if (known != methods.end()) return *known->second;
    }
    auto made = std::make_unique<Method>();
    const std::string text = method;
    made->service = text.substr(0, text.find('/'));
    made->name = text.substr(text.find('/') + 1);
    made->seconds =
        &seconds.Add({{"service", made->service}, {"method", made->name}}, RpcSeconds());
    const absl::WriterMutexLock lock(&mutex);
    return *methods.emplace(method, std::move(made)).first->second;
  }

  prometheus::Registry registry;
  prometheus::Family<Counter>& requests;
  prometheus::Family<Histogram>& seconds;
  prometheus::Family<Counter>& plans;
  prometheus::Family<Counter>& http;
  Counter& feasible;
  Counter& infeasible;
  Histogram& search_seconds;
  Histogram& fit_seconds;
  const double start_time_seconds =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

  absl::Mutex mutex;
  std::unordered_map<const char*, std::unique_ptr<Method>> methods ABSL_GUARDED_BY(mutex);
  std::vector<std::function<std::vector<GaugeSample>()>> gauges ABSL_GUARDED_BY(mutex);

 private:
  Histogram& AddWork(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({},
                                                                                     WorkSeconds());
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::CountRpc(const char* method, absl::StatusCode code, double seconds) {
  Impl::Method& series = impl_->Find(method);
  series.seconds->Observe(seconds);
  const auto index = static_cast<size_t>(code) < kCodeCount ? static_cast<size_t>(code)
                                                            : static_cast<size_t>(2);  // UNKNOWN
  Counter* counter = series.requests[index].load(std::memory_order_acquire);
  if (counter == nullptr) {
    // Equal labels are the same counter, whoever adds it first.
    counter = &impl_->requests.Add(
        {{"service", series.service},
         {"method", series.name},
         {"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(index))}});
    series.requests[index].store(counter, std::memory_order_release);
  }
  counter->Increment();
}

void Metrics::CountPlan(bool feasible, double search_seconds) {
  (feasible ? impl_->feasible : impl_->infeasible).Increment();
  impl_->search_seconds.Observe(search_seconds);
}

void Metrics::CountFit(double seconds) { impl_->fit_seconds.Observe(seconds); }

void Metrics::CountHttp(int status) {
  impl_->http.Add({{"code", absl::StrCat(status)}}).Increment();
}

void Metrics::AddGauges(std::function<std::vector<GaugeSample>()> read) {
  const absl::WriterMutexLock lock(&impl_->mutex);
  impl_->gauges.push_back(std::move(read));
}

std::string Metrics::Text() {
  std::vector<std::function<std::vector<GaugeSample>()>> gauges;
  {
    const absl::ReaderMutexLock lock(&impl_->mutex);
    gauges = impl_->gauges;
  }
  std::vector<GaugeSample> samples = {{.name = "rhumb_build_info",
                                       .help = "1, with the version of this build.",
                                       .labels = {{"version", ServerVersion()}},
                                       .value = 1},
                                      {.name = "process_start_time_seconds",
                                       .help = "Start of the process, in seconds since 1970.",
                                       .labels = {},
                                       .value = impl_->start_time_seconds}};
  for (const auto& read : gauges) {
    for (GaugeSample& sample : read()) samples.push_back(std::move(sample));
  }
  std::vector<MetricFamily> families = impl_->registry.Collect();
  const size_t counted = families.size();
  for (const GaugeSample& sample : samples) {
    // Samples of a name follow each other.
    if (families.size() == counted || families.back().name != sample.name)
      families.push_back(GaugeFamily(sample.name, sample.help));
    ClientMetric metric;
    for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
    metric.gauge.value = sample.value;
    families.back().metric.push_back(std::move(metric));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace rhumb::daemon

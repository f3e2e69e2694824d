// SPDX-License-Identifier: Apache-2.0
// Durable samples a second, and what reading them back costs, on a real SQLite file without a
// server. Of interest is the processor time of the whole process: the disk of a shared machine
// waits as it likes.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/store/store.h"

namespace rhumb::daemon {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = int64_t{1'800'000'000} * kSecond;
constexpr int64_t kRunCount = 1000;
constexpr int64_t kManySamples = 1'000'000;
constexpr int kPageSize = 1000;

absl::Status Anybody(const StoredRun&) { return absl::OkStatus(); }

template <typename T>
T Require(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "rhumb_sample_bench: %s\n", value.status().ToString().c_str());
  std::exit(1);
}

std::string RunName(int64_t index) { return absl::StrCat("runs/r-", index); }

// All that a process may report.
StoredSample Sample(int64_t sequence) {
  StoredSample stored;
  stored.sequence = sequence;
  RunSample& sample = stored.sample;
  sample.time_seconds = static_cast<double>(kStart / kSecond + sequence);
  sample.step = 10 * sequence;
  sample.token_count = sequence * 4'194'304;
  sample.loss_nats = 1.9 + 8 / std::sqrt(static_cast<double>(sequence));
  sample.step_seconds = 1.25 + 1e-3 * static_cast<double>(sequence % 17);
  sample.tokens_per_second = 3.3e6;
  sample.learning_rate = 3e-4 / static_cast<double>(sequence);
  sample.gradient_norm = 0.7 + 1e-2 * static_cast<double>(sequence % 13);
  sample.noise_scale_tokens = 1.5e6;
  sample.peak_memory_bytes = int64_t{70} << 30;
  return stored;
}

// A store with runs, gone at the end.
class World {
 public:
  World() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rhumb-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::exit(1);
    directory_ = pattern;
    store_ = std::make_unique<Store>(
        Require(Database::Open({.path = (directory_ / "rhumb.db").string()})));
    for (int64_t i = 0; i < kRunCount; ++i) {
      StoredRun run;
      run.name = RunName(i);
      run.create_time_ns = run.update_time_ns = kStart;
      Require(store_->runs().Create(
          run, {}, false, [](int64_t) { return false; }, Anybody));
    }
  }
  ~World() {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  SampleStore& samples() { return store_->samples(); }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<Store> store_;
};

std::vector<StoredSample> Batch(int64_t first, int64_t size) {
  std::vector<StoredSample> batch;
  for (int64_t i = first; i < first + size; ++i) batch.push_back(Sample(i));
  return batch;
}

// One process, one call after the other: batches of range(0), of one run.
void AppendOneRun(benchmark::State& state) {
  World world;
  int64_t next = 1;
  for (auto _ : state) {
    state.PauseTiming();
    AttemptSamples samples = {RunName(0), "job-1", Batch(next, state.range(0))};
    state.ResumeTiming();
    Require(world.samples().Append(samples, kStart, Anybody));
    next += state.range(0);
  }
  state.SetItemsProcessed(next - 1);
}

// Batches of range(0) from as many runs as there are threads, at once: commits are shared.
void AppendAtOnce(benchmark::State& state) {
  static World world;
  static std::atomic<int64_t> attempt_count = 0;
  AttemptSamples samples = {RunName(state.thread_index()), absl::StrCat("job-", attempt_count++),
                            Batch(1, state.range(0))};
  for (auto _ : state) {
    Require(world.samples().Append(samples, kStart, Anybody));
    for (StoredSample& each : samples.samples) each.sequence += state.range(0);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// A batch of range(0) from each of 1,000 runs in turn, 64 to a transaction.
void AppendManyRuns(benchmark::State& state) {
  constexpr int64_t kGroup = 64;
  World world;
  std::vector<int64_t> next(kRunCount, 1);
  int64_t run = 0, count = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<AttemptSamples> all;
    for (int64_t i = 0; i < kGroup; ++i, run = (run + 1) % kRunCount) {
      all.push_back({RunName(run), "job-1", Batch(next[static_cast<size_t>(run)], state.range(0))});
      next[static_cast<size_t>(run)] += state.range(0);
    }
    state.ResumeTiming();
    Require(world.samples().AppendMany(all, kStart, Anybody));
    count += kGroup * state.range(0);
  }
  state.SetItemsProcessed(count);
}

// A run of a million samples, made once.
World& ManySamples() {
  static const std::unique_ptr<World> world = [] {
    auto made = std::make_unique<World>();
    for (int64_t first = 1; first <= kManySamples; first += 10'000) {
      Require(made->samples().Append({RunName(0), "job-1", Batch(first, 10'000)}, kStart, Anybody));
    }
    return made;
  }();
  return *world;
}

// The page behind range(0) thousandths of the samples.
void ReadPage(benchmark::State& state) {
  World& world = ManySamples();
  const SamplePosition after = {1, kManySamples * state.range(0) / 1000};
  for (auto _ : state) {
    benchmark::DoNotOptimize(Require(world.samples().Read(RunName(0), after, kPageSize)));
  }
  state.SetItemsProcessed(state.iterations() * kPageSize);
}

void ReadSeries(benchmark::State& state) {
  World& world = ManySamples();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        Require(world.samples().ReadSeries(RunName(0), static_cast<int>(state.range(0)))));
  }
}

// Samples of an hour that turn old at once, a second apart, from 100 runs.
void RollUpAnHour(benchmark::State& state) {
  constexpr int64_t kRuns = 100, kSamples = 3600;
  int64_t removed = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto world = std::make_unique<World>();
    for (int64_t run = 0; run < kRuns; ++run) {
      Require(
          world->samples().Append({RunName(run), "job-1", Batch(1, kSamples)}, kStart, Anybody));
    }
    state.ResumeTiming();
    const RollUpAnswer answer =
        Require(world->samples().RollUp({}, kStart + int64_t{2} * 3600 * kSecond));
    removed += answer.removed_count;
    state.counters["transactions"] = static_cast<double>(answer.transaction_count);
    state.PauseTiming();
    world.reset();
    state.ResumeTiming();
  }
  state.counters["removed"] =
      static_cast<double>(removed) / static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations() * kRuns * kSamples);
}

BENCHMARK(AppendOneRun)->Arg(1)->Arg(100)->Arg(1000)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(AppendAtOnce)->Arg(1)->Arg(100)->Threads(32)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(AppendManyRuns)->Arg(1)->Arg(20)->Arg(100)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(ReadPage)->Arg(0)->Arg(500)->Arg(999)->Unit(benchmark::kMicrosecond);
BENCHMARK(ReadSeries)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);
BENCHMARK(RollUpAnHour)
    ->Iterations(3)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rhumb::daemon

BENCHMARK_MAIN();

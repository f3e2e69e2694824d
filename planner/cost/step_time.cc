// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/step_time.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "planner/cost/rank_params.h"

namespace rhumb {
namespace {

// Per parameter: states, gradients and weights read and written.
constexpr double kOptimizerTrafficBytes = 34;
double Log2(double x) { return x > 1 ? std::log2(x) : 0.0; }

double ReplicasOf(const Layout& layout) {
  return static_cast<double>(layout.data_parallel_size * layout.context_parallel_size);
}

}  // namespace

StepTimeModel::Work& StepTimeModel::Work::Add(const Work& work, double count) {
  compute += count * work.compute;
  tensor_parallel += count * work.tensor_parallel;
  context_parallel += count * work.context_parallel;
  expert_parallel += count * work.expert_parallel;
  other += count * work.other;
  return *this;
}

StepTimeModel::StepTimeModel(const ModelShape& shape, const Gpu& gpu, const Fabric& fabric,
                             const FrameworkProfile& profile, const TimeConstants& constants)
    : shape_(shape),
      gpu_(gpu),
      profile_(profile),
      constants_(constants),
      counts_(CountParams(shape)),
      num_dense_layers_(shape.num_layers - (shape.is_moe() ? shape.num_moe_layers : 0)) {
  const double s = static_cast<double>(shape.sequence_length);
  const double window = std::min(s, static_cast<double>(shape.sliding_window));
  const double layers = static_cast<double>(shape.num_layers);
  const double sliding = shape.sliding_window > 0
                             ? static_cast<double>(shape.num_sliding_window_layers) / layers
                             : 0.0;
  attended_tokens_ = (1 - sliding) * s / 2 + sliding * window * (1 - window / (2 * s));

  domain_gpus_ = static_cast<double>(DomainGpus(gpu, fabric.gpus_per_node));
  scale_up_bytes_per_second_ = constants.scale_up_fraction * gpu.scale_up_bytes_per_second;
  const double nic = fabric.inter_node_bytes_per_second_per_gpu > 0
                         ? fabric.inter_node_bytes_per_second_per_gpu
                         : gpu.network_bytes_per_second;
  network_bytes_per_second_ = constants.network_fraction * nic;

  const double peak16 =
      gpu.peak_bf16_flops_per_second.value_or(gpu.peak_fp16_flops_per_second.value_or(0.0));
  if (constants.reference_watts_per_peak > 0 && gpu.board_watts > 0 && peak16 > 0) {
    const double watts_per_tflops = gpu.board_watts / (peak16 * 1e-12);
    power_fraction_ = std::pow(std::min(1.0, watts_per_tflops / constants.reference_watts_per_peak),
                               constants.power_exponent);
  }
}

double StepTimeModel::CollectiveStartSeconds(double ranks) const {
  return profile_.work.collective_base_seconds +
         profile_.work.collective_seconds_per_doubling * Log2(ranks);
}

double StepTimeModel::CollectiveBandwidth(double span, double stride, const Layout& layout) const {
  // Groups lie side by side: a span that does not divide the domain leaves groups across two of
  // them, and the slowest group sets the pace. Inside a single domain there is nothing to straddle.
  const bool inside =
      span <= domain_gpus_ && (std::fmod(domain_gpus_, span) == 0 ||
                               static_cast<double>(layout.gpu_count()) <= domain_gpus_);
  if (inside) return scale_up_bytes_per_second_;
  const double ranks_in_domain = std::min(span, domain_gpus_) / stride;
  return std::min(scale_up_bytes_per_second_,
                  std::max(1.0, ranks_in_domain) * network_bytes_per_second_);
}

UnitSeconds StepTimeModel::UnitsOf(const Layout& layout) const {
  const Rates rates = RatesOf(layout);
  UnitSeconds units;
  if (num_dense_layers_ > 0) units.dense_layer = LayerWork(layout, rates, false).total();
  if (num_dense_layers_ < shape_.num_layers) {
    units.moe_layer = LayerWork(layout, rates, true).total();
  }
  units.head = HeadWork(layout, rates).total();
  return units;
}

bool StepTimeModel::SharesUnits(const Layout& layout) const {
  const auto divides = [&](int64_t span) {
    const double gpus = static_cast<double>(span);
    return gpus > domain_gpus_ || std::fmod(domain_gpus_, gpus) == 0;
  };
  return divides(layout.tensor_parallel_size) &&
         divides(layout.tensor_parallel_size * layout.context_parallel_size);
}

StageShares StepTimeModel::StagesOf(int64_t pipeline_parallel_size) const {
  const int64_t p = pipeline_parallel_size;
  StageShares stages;
  ForEachExtremeStage(shape_.num_layers, num_dense_layers_, p, [&](int64_t stage) {
    const StageLayers layers = StageLayersOf(shape_.num_layers, num_dense_layers_, p, stage);
    stages.Add({static_cast<double>(layers.dense), static_cast<double>(layers.moe),
                stage == p - 1 ? 1.0 : 0.0});
  });
  return stages;
}

StageShares::Share StepTimeModel::SlowestOf(const UnitSeconds& units,
                                            const StageShares& stages) const {
  StageShares::Share slowest;
  double most = 0;
  for (int i = 0; i < stages.count; ++i) {
    const StageShares::Share& share = stages.shares[static_cast<size_t>(i)];
    const double seconds = share.Seconds(units);
    if (seconds > most) {
      slowest = share;
      most = seconds;
    }
  }
  return slowest;
}

double StepTimeModel::PipelineSeconds(const Layout& layout) const {
  const int64_t p = layout.pipeline_parallel_size;
  if (p == 1) return 0;
  const double t = static_cast<double>(layout.tensor_parallel_size);
  const double tokens = static_cast<double>(layout.micro_batch_size) *
                        static_cast<double>(shape_.sequence_length) /
                        static_cast<double>(layout.context_parallel_size);
  const bool inside = static_cast<double>(layout.gpu_count()) <= domain_gpus_;
  const double bandwidth = inside ? scale_up_bytes_per_second_ : network_bytes_per_second_;
  const double bytes = 2 * tokens * static_cast<double>(shape_.hidden_size);
  const bool scatters =
      !layout.sequence_parallel && profile_.scatters_pipeline_sends && !inside && t > 1;
  double send = bytes / (layout.sequence_parallel || scatters ? t : 1.0) / bandwidth +
                profile_.work.pipeline_send_seconds;
  if (scatters) send += bytes * (t - 1) / t / scale_up_bytes_per_second_;
  return profile_.pipeline_sends_per_pass * static_cast<double>(layout.virtual_pipeline_stages) *
         send * (profile_.overlaps_pipeline ? profile_.work.pipeline_exposed_when_overlapped : 1.0);
}

StepTimeModel::Exchange StepTimeModel::ExchangePartsOf(const Layout& layout) const {
  const int64_t p = layout.pipeline_parallel_size;
  const double t = static_cast<double>(layout.tensor_parallel_size);
  Exchange parts;
  const double ranks = ReplicasOf(layout);
  const double expert_split =
      static_cast<double>(layout.expert_parallel_size * layout.expert_tensor_parallel_size);
  const double expert_ranks = ranks * t / expert_split;
  // What the slowest stage takes to pass a byte of each parameter around its ring, and the
  // parameters that a rank of the stage with most of them updates.
  const double seconds_per_byte =
      ranks > 1 ? (ranks - 1) / ranks / CollectiveBandwidth(ranks * t, t, layout) : 0.0;
  const double expert_seconds_per_byte =
      expert_ranks > 1
          ? (expert_ranks - 1) / expert_ranks / CollectiveBandwidth(ranks * t, expert_split, layout)
          : 0.0;
  const double optimizer_split = layout.zero_stage >= 1 ? ranks : 1.0;
  const double expert_optimizer_split = layout.zero_stage >= 1 ? std::max(1.0, expert_ranks) : 1.0;
  const RankParamParts rank_parts = RankParamPartsOf(shape_, counts_, layout);
  double ring_seconds_per_byte = 0, updated_params = 0;
  ForEachExtremeStage(shape_.num_layers, num_dense_layers_, p, [&](int64_t stage) {
    const RankParams params =
        rank_parts.OnStage(StageLayersOf(shape_.num_layers, num_dense_layers_, p, stage), p, stage);
    ring_seconds_per_byte =
        std::max(ring_seconds_per_byte,
                 params.dense * seconds_per_byte + params.expert * expert_seconds_per_byte);
    updated_params = std::max(
        updated_params, params.dense / optimizer_split + params.expert / expert_optimizer_split);
  });
  // An all-reduce passes the gradients twice; ZeRO-1 reduces them once and gathers the 16-bit
  // weights.
  const double reduced = profile_.reduced_gradient_bytes;
  const double bytes_per_param = layout.zero_stage == 0
                                     ? 2 * reduced
                                     : reduced + 2 + (profile_.reduces_to_all ? reduced : 0.0);
  // Seconds to move so many bytes per parameter around the ring once.
  const auto exchange = [&](double bytes) { return bytes * ring_seconds_per_byte; };
  const double nodes = std::max(1.0, ranks * t / domain_gpus_);
  const double overlap = profile_.overlaps_data_parallel ? constants_.data_parallel_overlap : 0.0;
  const double layers_per_stage = static_cast<double>(shape_.num_layers) / static_cast<double>(p);
  if (ranks > 1 && layout.zero_stage == 3) {
    parts.per_micro_batch =
        exchange(4 + reduced) / (nodes > 1 ? profile_.gather_network_fraction : 1.0) +
        3 * layers_per_stage *
            (profile_.work.gather_seconds_per_doubling * Log2(ranks) +
             profile_.work.gather_seconds_per_node * nodes);
  } else if (ranks > 1 && layout.zero_stage == 2) {
    parts.per_micro_batch = exchange(reduced) + layers_per_stage *
                                                    profile_.work.gather_seconds_per_doubling *
                                                    Log2(ranks);
    parts.data_parallel = exchange(2) * (1 - overlap);
  } else if (ranks > 1) {
    parts.data_parallel =
        (exchange(bytes_per_param) + CollectiveStartSeconds(ranks)) * (1 - overlap);
  }
  const double memory = gpu_.memory_bytes_per_second * constants_.memory_fraction;
  parts.optimizer = kOptimizerTrafficBytes * updated_params / memory;
  return parts;
}

ExchangeSeconds StepTimeModel::ExchangeOf(const Layout& layout) const {
  const Exchange parts = ExchangePartsOf(layout);
  return {parts.per_micro_batch,
          parts.data_parallel + parts.optimizer + profile_.work.step_fixed_seconds};
}

StepCost StepTimeModel::Cost(const Layout& layout) const {
  return Cost(layout, UnitsOf(layout), StagesOf(layout.pipeline_parallel_size), ExchangeOf(layout));
}

StepCost StepTimeModel::Cost(const Layout& layout, const UnitSeconds& units,
                             const StageShares& stages, const ExchangeSeconds& exchange) const {
  const PaceSeconds pace = PaceOf(units, stages);
  StepCost cost = CostWithoutSends(pace, exchange, layout.virtual_pipeline_stages);
  cost.per_micro_batch_seconds +=
      PipelineSeconds(layout) + SkewShare(ReplicasOf(layout)) * pace.slowest_stage;
  return cost;
}

double StepTimeModel::SkewShare(double replicas) const {
  return profile_.work.replica_skew * Log2(replicas);
}

StepTimeBreakdown StepTimeModel::Explain(const Layout& layout, int64_t micro_batch_count) const {
  const Rates rates = RatesOf(layout);
  const Work dense = num_dense_layers_ > 0 ? LayerWork(layout, rates, false) : Work{};
  const Work moe = num_dense_layers_ < shape_.num_layers ? LayerWork(layout, rates, true) : Work{};
  const Work head = HeadWork(layout, rates);
  const UnitSeconds units = {dense.total(), moe.total(), head.total()};
  const StageShares stages = StagesOf(layout.pipeline_parallel_size);
  const PaceSeconds pace = PaceOf(units, stages);
  const StageShares::Share share = SlowestOf(units, stages);
  Work slowest;
  slowest.Add(dense, share.dense_layers).Add(moe, share.moe_layers).Add(head, share.heads);
  const Exchange exchange = ExchangePartsOf(layout);
  const double m = static_cast<double>(micro_batch_count);
  const double v = static_cast<double>(layout.virtual_pipeline_stages);
  StepTimeBreakdown breakdown;
  breakdown.compute_seconds = m * slowest.compute;
  breakdown.tensor_parallel_seconds = m * slowest.tensor_parallel;
  breakdown.context_parallel_seconds = m * slowest.context_parallel;
  breakdown.expert_parallel_seconds = m * slowest.expert_parallel;
  breakdown.pipeline_bubble_seconds = (pace.all_stages - pace.slowest_stage) / v;
  breakdown.pipeline_communication_seconds = m * PipelineSeconds(layout);
  breakdown.data_parallel_seconds =
      m * ExposedGather(exchange.per_micro_batch, pace) + exchange.data_parallel;
  breakdown.optimizer_seconds = exchange.optimizer;
  breakdown.other_seconds =
      m * (slowest.other + SkewShare(ReplicasOf(layout)) * pace.slowest_stage) +
      profile_.work.step_fixed_seconds;
  return breakdown;
}

double StepTimeModel::MicroBatchWorkSeconds(const Layout& given) const {
  // The fewest GPUs of the slice: none of its layouts communicates faster.
  Layout layout = given;
  layout.pipeline_parallel_size = 1;
  layout.data_parallel_size = 1;
  return MicroBatchWorkSeconds(UnitsOf(layout));
}

double StepTimeModel::MicroBatchWorkSeconds(const UnitSeconds& units) const {
  // The mean over stages never exceeds the slowest; the last digits of the two sums may differ,
  // hence the margin.
  return AllStagesSeconds(units) * (1 - 1e-12);
}

double StepTimeModel::LeastGpuSecondsPerToken(Precision precision) const {
  // So many sequences that weights, wasted tiles and launches cost a token nothing. Each term of
  // the work, times the GPUs of the slice and over its tokens, falls with tokens and does not fall
  // with the tensor, context or expert size; recompute only adds.
  Layout layout;
  layout.precision = precision;
  layout.micro_batch_size = int64_t{1} << 40;
  return MicroBatchWorkSeconds(layout) / (static_cast<double>(layout.micro_batch_size) *
                                          static_cast<double>(shape_.sequence_length));
}

}  // namespace rhumb

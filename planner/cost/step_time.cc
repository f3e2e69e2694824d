// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/step_time.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace rhumb {
namespace {

// Start-up of a collective: a fixed part and one per doubling of the ranks. Source of the order of
// magnitude: NCCL all-reduce of small messages on 8 GPUs takes 45-90 us (vTrain's A100 tables).
constexpr double kCollectiveBaseSeconds = 10e-6;
constexpr double kCollectiveSecondsPerDoubling = 11.5e-6;
constexpr double kGatherSecondsPerDoubling = 20e-6;
constexpr double kGatherSecondsPerNode = 12e-6;
constexpr double kPipelineSendSeconds = 15e-6;
constexpr double kPipelineSendsPerPass = 1.4;
constexpr double kPipelineExposedWhenOverlapped = 0.3;
constexpr double kGatherAlwaysExposed = 0.05;
constexpr double kOptimizerTrafficBytes =
    34;  // per parameter: read and write states, gradients and weights

double Log2(double x) { return x > 1 ? std::log2(x) : 0.0; }

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

  node_gpus_ = static_cast<double>(std::max<int64_t>(1, fabric.gpus_per_node));
  // Racks join several nodes into one NVLink domain; otherwise a domain ends with its node.
  domain_gpus_ = gpu.gpus_per_scale_up_domain > 8
                     ? static_cast<double>(gpu.gpus_per_scale_up_domain)
                     : node_gpus_;
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

double StepTimeModel::CollectiveStartSeconds(double ranks) {
  return kCollectiveBaseSeconds + kCollectiveSecondsPerDoubling * Log2(ranks);
}

double StepTimeModel::CollectiveBandwidth(double span, double ranks_per_domain,
                                          const Layout& layout) const {
  // Groups lie side by side: a span that does not divide the domain leaves groups across two of them,
  // and the slowest group sets the pace. Inside a single domain there is nothing to straddle.
  const bool inside = span <= domain_gpus_ &&
                      (std::fmod(domain_gpus_, span) == 0 || static_cast<double>(layout.gpu_count()) <= domain_gpus_);
  if (inside) return scale_up_bytes_per_second_;
  return std::min(scale_up_bytes_per_second_,
                  std::max(1.0, ranks_per_domain) * network_bytes_per_second_);
}

double StepTimeModel::DenseParamsOnStage(const Layout& layout, int64_t stage) const {
  const int64_t p = layout.pipeline_parallel_size;
  const double t = static_cast<double>(layout.tensor_parallel_size);
  const int64_t layers = LayersOnStage(shape_.num_layers, p, stage);
  const double dense = static_cast<double>(
      std::clamp(num_dense_layers_ - LayersBeforeStage(shape_.num_layers, p, stage),
                 static_cast<int64_t>(0), layers));
  const double moe = static_cast<double>(layers) - dense;
  const double table =
      static_cast<double>(PaddedVocabSize(shape_.vocab_size, layout.tensor_parallel_size) *
                          shape_.hidden_size) /
      t;
  double params = static_cast<double>(layers * counts_.attention_per_layer) / t +
                  dense * static_cast<double>(counts_.dense_mlp_per_layer) / t +
                  moe * static_cast<double>(counts_.shared_expert_per_layer) / t +
                  moe * static_cast<double>(counts_.router_per_layer);
  if (stage == 0) params += table;
  if (stage == p - 1 && (!shape_.tied_embeddings || p > 1)) params += table;
  return params;
}

double StepTimeModel::ExpertParamsOnStage(const Layout& layout, int64_t stage) const {
  if (!shape_.is_moe()) return 0;
  const int64_t p = layout.pipeline_parallel_size;
  const int64_t layers = LayersOnStage(shape_.num_layers, p, stage);
  const int64_t dense =
      std::clamp(num_dense_layers_ - LayersBeforeStage(shape_.num_layers, p, stage),
                 static_cast<int64_t>(0), layers);
  return static_cast<double>((layers - dense) * counts_.expert_per_layer) /
         static_cast<double>(layout.expert_parallel_size * layout.expert_tensor_parallel_size);
}

StepTimeModel::Parts StepTimeModel::PartsOf(const Layout& layout) const {
  const int64_t p = layout.pipeline_parallel_size;
  const Rates rates = RatesOf(layout);
  const Work dense = num_dense_layers_ > 0 ? LayerWork(layout, rates, false) : Work{};
  const Work moe = num_dense_layers_ < shape_.num_layers ? LayerWork(layout, rates, true) : Work{};
  const Work head = HeadWork(layout, rates);

  Parts parts;
  Work all;
  all.Add(dense, static_cast<double>(num_dense_layers_))
      .Add(moe, static_cast<double>(shape_.num_layers - num_dense_layers_))
      .Add(head, 1);
  parts.all_stages = all.total();
  const auto consider = [&](int64_t stage) {
    const int64_t layers = LayersOnStage(shape_.num_layers, p, stage);
    const int64_t before = LayersBeforeStage(shape_.num_layers, p, stage);
    const int64_t dense_layers =
        std::clamp(num_dense_layers_ - before, static_cast<int64_t>(0), layers);
    Work work;
    work.Add(dense, static_cast<double>(dense_layers))
        .Add(moe, static_cast<double>(layers - dense_layers));
    if (stage == p - 1) work.Add(head, 1);
    const double seconds = work.total();
    if (seconds > parts.slowest_seconds) {
      parts.slowest_seconds = seconds;
      parts.slowest_stage = work;
    }
  };
  ForEachExtremeStage(shape_.num_layers, num_dense_layers_, p, consider);

  const double h = static_cast<double>(shape_.hidden_size);
  const double t = rates.t;
  if (p > 1) {
    const double stage_span =
        t * static_cast<double>(layout.context_parallel_size * layout.data_parallel_size);
    const double bandwidth = stage_span * static_cast<double>(p) <= domain_gpus_
                                 ? scale_up_bytes_per_second_
                                 : network_bytes_per_second_;
    const double send =
        2 * rates.tokens * h / rates.hidden_split / bandwidth + kPipelineSendSeconds;
    parts.pipeline_communication =
        kPipelineSendsPerPass * static_cast<double>(layout.virtual_pipeline_stages) * send *
        (profile_.overlaps_pipeline ? kPipelineExposedWhenOverlapped : 1.0);
  }

  // Gradient and parameter exchange, of the stage with most parameters.
  const double ranks =
      static_cast<double>(layout.data_parallel_size * layout.context_parallel_size);
  const double expert_split =
      static_cast<double>(layout.expert_parallel_size * layout.expert_tensor_parallel_size);
  const double expert_ranks = ranks * t / expert_split;
  double dense_params = DenseParamsOnStage(layout, 0);
  double expert_params = ExpertParamsOnStage(layout, 0);
  if (p > 1) {
    dense_params = std::max(dense_params, DenseParamsOnStage(layout, p - 1));
    expert_params = std::max(expert_params, ExpertParamsOnStage(layout, p - 1));
  }
  const double bandwidth = CollectiveBandwidth(ranks * t, domain_gpus_ / t, layout);
  const double expert_bandwidth = CollectiveBandwidth(ranks * t, domain_gpus_ / expert_split, layout);
  // An all-reduce passes the gradients twice; ZeRO-1 reduces them once and gathers the 16-bit
  // weights.
  const double reduced = profile_.reduced_gradient_bytes;
  const double bytes_per_param = layout.zero_stage == 0
                                     ? 2 * reduced
                                     : reduced + 2 + (profile_.reduces_to_all ? reduced : 0.0);
  const auto exchange =
      [&](double bytes) {  // seconds to move `bytes` per parameter around the ring once
        double seconds = 0;
        if (ranks > 1) seconds += bytes * dense_params * (ranks - 1) / ranks / bandwidth;
        if (expert_ranks > 1)
          seconds += bytes * expert_params * (expert_ranks - 1) / expert_ranks / expert_bandwidth;
        return seconds;
      };
  const double nodes = std::max(1.0, ranks * t / domain_gpus_);
  const double overlap = profile_.overlaps_data_parallel ? constants_.data_parallel_overlap : 0.0;
  const double layers_per_stage = static_cast<double>(shape_.num_layers) / static_cast<double>(p);
  if (ranks > 1 && layout.zero_stage == 3) {
    double seconds = exchange(4 + reduced) / (nodes > 1 ? profile_.gather_network_fraction : 1.0);
    seconds += 3 * layers_per_stage *
               (kGatherSecondsPerDoubling * Log2(ranks) + kGatherSecondsPerNode * nodes);
    parts.gather_per_micro_batch =
        std::max(0.0, seconds - overlap * parts.slowest_seconds) + kGatherAlwaysExposed * seconds;
  } else if (ranks > 1 && layout.zero_stage == 2) {
    const double reduce =
        exchange(reduced) + layers_per_stage * kGatherSecondsPerDoubling * Log2(ranks);
    parts.gather_per_micro_batch =
        std::max(0.0, reduce - overlap * parts.slowest_seconds) + kGatherAlwaysExposed * reduce;
    parts.data_parallel_fixed = exchange(2) * (1 - overlap);
  } else if (ranks > 1) {
    parts.data_parallel_fixed =
        (exchange(bytes_per_param) + CollectiveStartSeconds(ranks)) * (1 - overlap);
  }
  const double optimizer_split = layout.zero_stage >= 1 ? ranks : 1.0;
  const double expert_optimizer_split = layout.zero_stage >= 1 ? std::max(1.0, expert_ranks) : 1.0;
  parts.optimizer = kOptimizerTrafficBytes *
                    (dense_params / optimizer_split + expert_params / expert_optimizer_split) /
                    rates.memory;
  parts.step_fixed = profile_.step_fixed_seconds;
  return parts;
}

StepCost StepTimeModel::Cost(const Layout& layout) const {
  const Parts parts = PartsOf(layout);
  const double v = static_cast<double>(layout.virtual_pipeline_stages);
  StepCost cost;
  // 1F1B: the slowest stage paces all micro-batches; filling and draining passes the other stages
  // once.
  cost.per_micro_batch_seconds =
      parts.slowest_seconds + parts.pipeline_communication + parts.gather_per_micro_batch;
  cost.fixed_seconds = (parts.all_stages - parts.slowest_seconds) / v + parts.data_parallel_fixed +
                       parts.optimizer + parts.step_fixed;
  return cost;
}

StepTimeBreakdown StepTimeModel::Explain(const Layout& layout, int64_t micro_batch_count) const {
  const Parts parts = PartsOf(layout);
  const double m = static_cast<double>(micro_batch_count);
  const double v = static_cast<double>(layout.virtual_pipeline_stages);
  StepTimeBreakdown breakdown;
  breakdown.compute_seconds = m * parts.slowest_stage.compute;
  breakdown.tensor_parallel_seconds = m * parts.slowest_stage.tensor_parallel;
  breakdown.context_parallel_seconds = m * parts.slowest_stage.context_parallel;
  breakdown.expert_parallel_seconds = m * parts.slowest_stage.expert_parallel;
  breakdown.pipeline_bubble_seconds = (parts.all_stages - parts.slowest_seconds) / v;
  breakdown.pipeline_communication_seconds = m * parts.pipeline_communication;
  breakdown.data_parallel_seconds = m * parts.gather_per_micro_batch + parts.data_parallel_fixed;
  breakdown.optimizer_seconds = parts.optimizer;
  breakdown.other_seconds = m * parts.slowest_stage.other + parts.step_fixed;
  return breakdown;
}

double StepTimeModel::MicroBatchWorkSeconds(const Layout& given) const {
  // The fewest GPUs of the slice: none of its layouts communicates faster.
  Layout layout = given;
  layout.pipeline_parallel_size = 1;
  layout.data_parallel_size = 1;
  const Rates rates = RatesOf(layout);
  Work all;
  if (num_dense_layers_ > 0)
    all.Add(LayerWork(layout, rates, false), static_cast<double>(num_dense_layers_));
  if (num_dense_layers_ < shape_.num_layers) {
    all.Add(LayerWork(layout, rates, true),
            static_cast<double>(shape_.num_layers - num_dense_layers_));
  }
  all.Add(HeadWork(layout, rates), 1);
  // The mean over stages never exceeds the slowest; the last digits of the two sums may differ,
  // hence the margin.
  return all.total() * (1 - 1e-12);
}

}  // namespace rhumb

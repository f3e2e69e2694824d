// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/step_time.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace rhumb {
namespace {

// Start-up of a collective: a fixed part and one per doubling of the ranks. Source of the order of magnitude: NCCL
// all-reduce of small messages on 8 GPUs takes 45-90 us (vTrain's A100 tables).
constexpr double kCollectiveBaseSeconds = 10e-6;
constexpr double kCollectiveSecondsPerDoubling = 11.5e-6;
constexpr double kGatherSecondsPerDoubling = 20e-6;
constexpr double kGatherSecondsPerNode = 12e-6;
constexpr double kPipelineSendSeconds = 15e-6;
constexpr double kPipelineSendsPerPass = 1.5;
constexpr double kPipelineExposedWhenOverlapped = 0.3;
constexpr double kAllToAllExposed = 0.63;
constexpr double kGatherAlwaysExposed = 0.05;
// Backward passes launch about two and a half times the kernels of a forward pass.
constexpr double kBackwardLaunchRatio = 2.5;
constexpr double kMoeLaunchRatio = 2.5;
constexpr double kCompiledLaunchRatio = 0.6;
constexpr double kCompiledElementwiseRatio = 0.48;
// Bytes per score that unfused attention moves, forward and backward, beside its two GEMMs.
constexpr double kScoreForwardBytes = 14;
constexpr double kScoreBackwardBytes = 16;
constexpr double kUnfusedGemmOverhead = 1.55;
constexpr double kFlashBackwardRatio = 2.5;
// Backward over forward time of GEMMs and element-wise work: gradients of inputs and of weights.
constexpr double kBackwardRatio = 2;
// Sequence parallelism gathers a layer's input once more for the weight gradient.
constexpr double kSequenceParallelBackwardRatio = 1.4;
// Batched GEMMs over heads whose dimension is no multiple of 8 leave the tensor cores (16-byte alignment).
constexpr double kMisalignedSlowdown = 18;
// FFN width at which grouped GEMMs of experts reach half of their rate.
constexpr double kExpertHalfWidth = 700;
constexpr double kPermutationBytes = 20;  // per routed token and hidden unit
constexpr double kLogitsTrafficBytes = 18;
constexpr double kOptimizerTrafficBytes = 34;  // per parameter: read and write states, gradients and weights
constexpr double kOperatorRecomputeShare = 0.65;  // of the forward pass that op-level selective recompute repeats

// Seconds of kernels that keep the GPU busy for `busy` and take the host `launch` to start: the longer of the two, and
// more where they are close, because some kernels of a layer then wait and others do not.
double HostBound(double busy, double launch) {
  const double a = busy * busy;
  const double b = launch * launch;
  return std::sqrt(std::sqrt(a * a + b * b));
}

double Log2(double x) { return x > 1 ? std::log2(x) : 0.0; }

}  // namespace

struct StepTimeModel::Rates {
  double flops16 = 0;         // effective FLOP/s of GEMMs in 16 bit
  double flops = 0;           // of the layout's precision
  double attention = 0;       // of the attention core
  double operand_bytes = 2;   // per element of a GEMM's inputs
  double memory = 0;          // effective bytes/s
  double fill_elements = 0;   // wasted output elements of a GEMM
  double tokens = 0;          // per rank and micro-batch
  double hidden_split = 1;
  double t = 1;
  double collective_bandwidth = 0;  // of the tensor-parallel group

  double Gemm(double m, double k, double n) const {
    return 2 * k * (m * n + fill_elements) / flops + (operand_bytes * (m * k + k * n) + 2 * m * n) / memory;
  }
};

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
  const double sliding = shape.sliding_window > 0 ? static_cast<double>(shape.num_sliding_window_layers) / layers : 0.0;
  attended_tokens_ = (1 - sliding) * s / 2 + sliding * window * (1 - window / (2 * s));

  node_gpus_ = static_cast<double>(std::max<int64_t>(1, fabric.gpus_per_node));
  // Racks join several nodes into one NVLink domain; otherwise a domain ends with its node.
  domain_gpus_ = gpu.gpus_per_scale_up_domain > 8 ? static_cast<double>(gpu.gpus_per_scale_up_domain) : node_gpus_;
  scale_up_bytes_per_second_ = constants.scale_up_fraction * gpu.scale_up_bytes_per_second;
  const double nic = fabric.inter_node_bytes_per_second_per_gpu > 0 ? fabric.inter_node_bytes_per_second_per_gpu
                                                                    : gpu.network_bytes_per_second;
  network_bytes_per_second_ = constants.network_fraction * nic;
}

double StepTimeModel::CollectiveBandwidth(double span, double ranks_per_domain) const {
  if (span <= domain_gpus_) return scale_up_bytes_per_second_;
  return std::min(scale_up_bytes_per_second_, std::max(1.0, ranks_per_domain) * network_bytes_per_second_);
}

StepTimeModel::Rates StepTimeModel::RatesOf(const Layout& layout) const {
  Rates rates;
  const double peak16 = gpu_.peak_bf16_flops_per_second.value_or(gpu_.peak_fp16_flops_per_second.value_or(0.0));
  double power = 1;
  if (constants_.reference_watts_per_peak > 0 && gpu_.board_watts > 0) {
    const double watts_per_peak = gpu_.board_watts / (peak16 * 1e-12);
    power = std::pow(std::min(1.0, watts_per_peak / constants_.reference_watts_per_peak), constants_.power_exponent);
  }
  rates.flops16 = peak16 * constants_.gemm_16bit_fraction * power;
  const double peak = PeakFlopsPerSecond(gpu_, layout.precision).value_or(peak16);
  switch (layout.precision) {
    case Precision::kFp16:
    case Precision::kBf16:
      rates.flops = rates.flops16;
      break;
    case Precision::kFp8:
    case Precision::kMxfp8:
      rates.flops = peak * constants_.gemm_8bit_fraction * power;
      rates.operand_bytes = 1;
      break;
    case Precision::kNvfp4:
      rates.flops = peak * constants_.gemm_4bit_fraction * power;
      rates.operand_bytes = 0.5;
      break;
  }
  rates.attention = power * peak16 * (profile_.attention == Attention::kCudnn ? constants_.cudnn_attention_fraction
                                                                               : constants_.flash_attention_fraction);
  rates.memory = gpu_.memory_bytes_per_second * constants_.memory_fraction;
  rates.fill_elements = constants_.gemm_fill_elements;
  rates.tokens = static_cast<double>(layout.micro_batch_size) * static_cast<double>(shape_.sequence_length) /
                 static_cast<double>(layout.context_parallel_size);
  rates.t = static_cast<double>(layout.tensor_parallel_size);
  rates.hidden_split = layout.sequence_parallel ? rates.t : 1.0;
  rates.collective_bandwidth = CollectiveBandwidth(rates.t, std::min(rates.t, node_gpus_));
  return rates;
}

StepTimeModel::Work StepTimeModel::LayerWork(const Layout& layout, const Rates& rates, bool moe) const {
  const double T = rates.tokens;
  const double t = rates.t;
  const double h = static_cast<double>(shape_.hidden_size);
  const double s = static_cast<double>(shape_.sequence_length);
  const double heads = static_cast<double>(shape_.num_attention_heads);
  const double up_matrices = shape_.gated ? 2 : 1;

  // Projections.
  double gemm;
  double kv;         // width of K and V together, per token
  double qk_and_v;   // summed widths that the attention core multiplies
  if (shape_.is_mla()) {
    const double qk = static_cast<double>(shape_.qk_nope_head_dim + shape_.qk_rope_head_dim);
    const double v = static_cast<double>(shape_.v_head_dim);
    const double rq = static_cast<double>(shape_.q_lora_rank);
    const double rkv = static_cast<double>(shape_.kv_lora_rank);
    const double rope = static_cast<double>(shape_.qk_rope_head_dim);
    gemm = (rq > 0 ? rates.Gemm(T, h, rq) + rates.Gemm(T, rq, heads * qk / t) : rates.Gemm(T, h, heads * qk / t)) +
           rates.Gemm(T, h, rkv + rope) +
           rates.Gemm(T, rkv, heads * (static_cast<double>(shape_.qk_nope_head_dim) + v) / t) +
           rates.Gemm(T, heads * v / t, h);
    kv = heads * (qk + v);
    qk_and_v = heads * (qk + v);
  } else {
    const double q = static_cast<double>(shape_.query_width());
    kv = 2 * static_cast<double>(shape_.key_value_width());
    gemm = rates.Gemm(T, h, (q + kv) / t) + rates.Gemm(T, q / t, h);
    qk_and_v = 2 * q;
  }

  // Attention core: 2 FLOPs per product, causal kernels skip the masked half.
  double attention_forward, attention_backward;
  if (profile_.attention == Attention::kFlash || profile_.attention == Attention::kCudnn) {
    attention_forward = 2 * T * attended_tokens_ * qk_and_v / t / rates.attention;
    attention_backward = kFlashBackwardRatio * attention_forward;
  } else {
    const bool aligned = shape_.is_mla() || shape_.head_dim % 8 == 0;
    const double core_gemm = kUnfusedGemmOverhead * (aligned ? 1.0 : kMisalignedSlowdown) * 2 * T * s * qk_and_v / t /
                             rates.flops16;
    const double scores = T * s * heads / t;
    attention_forward = core_gemm + kScoreForwardBytes * scores / rates.memory;
    attention_backward = 2 * core_gemm + kScoreBackwardBytes * scores / rates.memory;
  }

  // MLP or experts.
  double last_gemm = 0;  // whose output no backward pass reads
  double elementwise_bytes = profile_.elementwise_hidden_bytes * h / rates.hidden_split + 4 * (2 * h + kv) / t;
  if (moe) {
    const double routed = T * static_cast<double>(shape_.experts_per_token) / t;
    const double f = static_cast<double>(shape_.moe_ffn_hidden_size);
    const double local_experts = static_cast<double>(shape_.expert_count) /
                                 static_cast<double>(layout.expert_parallel_size * layout.expert_tensor_parallel_size);
    const double rate = rates.flops * constants_.expert_gemm_fraction * f / (f + kExpertHalfWidth);
    gemm += 2 * routed * h * f * (up_matrices + 1) / rate +
            (rates.operand_bytes * local_experts * h * f * (up_matrices + 1) +
             routed * (rates.operand_bytes * (h + f) + 2 * (up_matrices * f + h))) /
                rates.memory;
    gemm += kPermutationBytes * routed * h / rates.memory;
    elementwise_bytes += 4 * up_matrices * f * static_cast<double>(shape_.experts_per_token) / t;
    const double fs = static_cast<double>(shape_.shared_expert_ffn_hidden_size);
    if (fs > 0) {
      gemm += rates.Gemm(T, h, up_matrices * fs / t) + rates.Gemm(T, fs / t, h);
      elementwise_bytes += 4 * up_matrices * fs / t;
    }
  } else {
    const double f = static_cast<double>(shape_.ffn_hidden_size);
    last_gemm = rates.Gemm(T, f / t, h);
    gemm += rates.Gemm(T, h, up_matrices * f / t) + last_gemm;
    elementwise_bytes += 4 * up_matrices * f / t;
  }
  const double elementwise =
      (profile_.compiled ? kCompiledElementwiseRatio : 1.0) * T * elementwise_bytes / rates.memory;

  // Communication of one forward pass.
  double tensor = 0;
  if (layout.tensor_parallel_size > 1) {
    const double all_reduce = 2 * (t - 1) / t * 2 * T * h / rates.collective_bandwidth +
                              kCollectiveSecondsPerDoubling * Log2(t) + kCollectiveBaseSeconds;
    const double exposed = profile_.overlaps_tensor_parallel ? 1 - constants_.tensor_parallel_overlap : 1.0;
    tensor = 2 * all_reduce * exposed;
  }
  double ring = 0;  // one way around, of K and V
  const double c = static_cast<double>(layout.context_parallel_size);
  if (layout.context_parallel_size > 1) {
    ring = (c - 1) * 2 * T * kv / t / CollectiveBandwidth(c * t, node_gpus_ / t);
  }
  double all_to_all = 0;
  const double e = static_cast<double>(layout.expert_parallel_size);
  if (moe && layout.expert_parallel_size > 1) {
    const double span = e * static_cast<double>(layout.expert_tensor_parallel_size);
    const double k = static_cast<double>(shape_.experts_per_token);
    const double token_bytes = 2 * T * h / t;
    // Inside a domain each expert gets its copy; across domains a token travels once to each domain that has at least one
    // of its experts.
    const double domains = std::max(1.0, span / domain_gpus_);
    const double remote_copies = (domains - 1) * (1 - std::pow(1 - 1 / domains, k));
    const double local_copies = k * (1 - 1 / std::min(e, domain_gpus_));
    const double seconds = std::max(token_bytes * local_copies / scale_up_bytes_per_second_,
                                    token_bytes * remote_copies / network_bytes_per_second_);
    all_to_all = 2 * kAllToAllExposed * (seconds + kCollectiveBaseSeconds + kCollectiveSecondsPerDoubling * Log2(e));
  }

  // What is repeated before the backward pass.
  double repeated_compute = 0, repeated_tensor = 0, repeated_ring = 0, repeated_all_to_all = 0, repeated_launch = 0;
  const double forward = gemm + elementwise + attention_forward;
  switch (layout.recompute) {
    case Recompute::kNone:
      break;
    case Recompute::kSelective:
      repeated_compute = profile_.selective_recompute == SelectiveRecompute::kAttentionCore
                             ? attention_forward
                             : kOperatorRecomputeShare * (gemm + elementwise);
      break;
    case Recompute::kFull:
      repeated_compute = forward - (profile_.recompute_stops_early ? last_gemm : 0.0);
      repeated_tensor = tensor;
      repeated_ring = std::max(0.0, ring - attention_forward);
      repeated_all_to_all = all_to_all;
      repeated_launch = 1;
      break;
  }

  Work work;
  const double backward =
      kBackwardRatio * (gemm + elementwise) + attention_backward;
  work.compute = forward + backward + repeated_compute;
  const double backward_tensor = tensor * (layout.sequence_parallel ? kSequenceParallelBackwardRatio : 1.0);
  work.tensor_parallel = tensor + backward_tensor + repeated_tensor;
  work.context_parallel = std::max(0.0, ring - attention_forward) +
                          std::max(0.0, 2 * ring - attention_backward) + repeated_ring;
  work.expert_parallel = 2 * all_to_all + repeated_all_to_all;
  // Small layers wait for the host: each pass takes at least its launches.
  const double launch = profile_.layer_launch_seconds * (profile_.compiled ? kCompiledLaunchRatio : 1.0) *
                        (moe ? kMoeLaunchRatio : 1.0);
  const double busy_forward = forward + tensor + all_to_all;
  const double busy_backward =
      backward + repeated_compute + backward_tensor + repeated_tensor + all_to_all + repeated_all_to_all;
  const double waiting_forward = HostBound(busy_forward, launch) - busy_forward;
  const double waiting_backward =
      HostBound(busy_backward, (kBackwardLaunchRatio + repeated_launch) * launch) - busy_backward;
  work.other = waiting_forward + waiting_backward;
  return work;
}

StepTimeModel::Work StepTimeModel::HeadWork(const Layout& layout, const Rates& rates) const {
  const double vocab = static_cast<double>(PaddedVocabSize(shape_.vocab_size, layout.tensor_parallel_size)) / rates.t;
  const double h = static_cast<double>(shape_.hidden_size);
  const double T = rates.tokens;
  const double gemm = 2 * h * (T * vocab + rates.fill_elements) / rates.flops16 + 2 * (T * h + h * vocab + T * vocab) / rates.memory;
  Work work;
  work.compute = (1 + kBackwardRatio) * gemm + kLogitsTrafficBytes * T * vocab / rates.memory;
  return work;
}

double StepTimeModel::DenseParamsOnStage(const Layout& layout, int64_t stage) const {
  const int64_t p = layout.pipeline_parallel_size;
  const double t = static_cast<double>(layout.tensor_parallel_size);
  const int64_t layers = LayersOnStage(shape_.num_layers, p, stage);
  const double dense = static_cast<double>(std::clamp(
      num_dense_layers_ - LayersBeforeStage(shape_.num_layers, p, stage), static_cast<int64_t>(0), layers));
  const double moe = static_cast<double>(layers) - dense;
  const double table =
      static_cast<double>(PaddedVocabSize(shape_.vocab_size, layout.tensor_parallel_size) * shape_.hidden_size) / t;
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
  const int64_t dense = std::clamp(num_dense_layers_ - LayersBeforeStage(shape_.num_layers, p, stage),
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
    const int64_t dense_layers = std::clamp(num_dense_layers_ - before, static_cast<int64_t>(0), layers);
    Work work;
    work.Add(dense, static_cast<double>(dense_layers)).Add(moe, static_cast<double>(layers - dense_layers));
    if (stage == p - 1) work.Add(head, 1);
    const double seconds = work.total();
    if (seconds > parts.slowest_seconds) {
      parts.slowest_seconds = seconds;
      parts.slowest_stage = work;
    }
  };
  if (shape_.is_moe() && num_dense_layers_ > 0) {
    for (int64_t stage = 0; stage < p; ++stage) consider(stage);
  } else {
    // All layers cost the same: the slowest is the first of the middle (longer stages come first there), the first when
    // all but the last are longer, or the last with the head.
    consider(0);
    if (p > 2) consider(1);
    if (p > 1) consider(p - 1);
  }

  const double h = static_cast<double>(shape_.hidden_size);
  const double t = rates.t;
  if (p > 1) {
    const double stage_span = t * static_cast<double>(layout.context_parallel_size * layout.data_parallel_size);
    const double bandwidth = stage_span * static_cast<double>(p) <= domain_gpus_ ? scale_up_bytes_per_second_
                                                                                 : network_bytes_per_second_;
    const double send = 2 * rates.tokens * h / rates.hidden_split / bandwidth + kPipelineSendSeconds;
    parts.pipeline_communication = kPipelineSendsPerPass * static_cast<double>(layout.virtual_pipeline_stages) * send *
                                   (profile_.overlaps_pipeline ? kPipelineExposedWhenOverlapped : 1.0);
  }

  // Gradient and parameter exchange, of the stage with most parameters.
  const double ranks = static_cast<double>(layout.data_parallel_size * layout.context_parallel_size);
  const double expert_split = static_cast<double>(layout.expert_parallel_size * layout.expert_tensor_parallel_size);
  const double expert_ranks = ranks * t / expert_split;
  double dense_params = DenseParamsOnStage(layout, 0);
  double expert_params = ExpertParamsOnStage(layout, 0);
  if (p > 1) {
    dense_params = std::max(dense_params, DenseParamsOnStage(layout, p - 1));
    expert_params = std::max(expert_params, ExpertParamsOnStage(layout, p - 1));
  }
  const double bandwidth = CollectiveBandwidth(ranks * t, domain_gpus_ / t);
  const double expert_bandwidth = CollectiveBandwidth(ranks * t, domain_gpus_ / expert_split);
  const double bytes_per_param = 2 + (layout.zero_stage == 3 ? 2 : std::min(4.0, profile_.gradient_bytes));
  const auto exchange = [&](double bytes) {  // seconds to move `bytes` per parameter around the ring once
    double seconds = 0;
    if (ranks > 1) seconds += bytes * dense_params * (ranks - 1) / ranks / bandwidth;
    if (expert_ranks > 1) seconds += bytes * expert_params * (expert_ranks - 1) / expert_ranks / expert_bandwidth;
    return seconds;
  };
  const double nodes = std::max(1.0, ranks * t / domain_gpus_);
  const double overlap = profile_.overlaps_data_parallel ? constants_.data_parallel_overlap : 0.0;
  const double layers_per_stage = static_cast<double>(shape_.num_layers) / static_cast<double>(p);
  if (ranks > 1 && layout.zero_stage == 3) {
    double seconds = exchange(6) / (nodes > 1 ? profile_.gather_network_fraction : 1.0);
    seconds += 3 * layers_per_stage * (kGatherSecondsPerDoubling * Log2(ranks) + kGatherSecondsPerNode * nodes);
    parts.gather_per_micro_batch =
        std::max(0.0, seconds - overlap * parts.slowest_seconds) + kGatherAlwaysExposed * seconds;
  } else if (ranks > 1 && layout.zero_stage == 2) {
    const double reduce = exchange(2) + layers_per_stage * kGatherSecondsPerDoubling * Log2(ranks);
    parts.gather_per_micro_batch =
        std::max(0.0, reduce - overlap * parts.slowest_seconds) + kGatherAlwaysExposed * reduce;
    parts.data_parallel_fixed = exchange(2) * (1 - overlap);
  } else if (ranks > 1) {
    parts.data_parallel_fixed =
        (exchange(bytes_per_param) + kCollectiveBaseSeconds + kCollectiveSecondsPerDoubling * Log2(ranks)) *
        (1 - overlap);
  }
  const double optimizer_split = layout.zero_stage >= 1 ? ranks : 1.0;
  const double expert_optimizer_split = layout.zero_stage >= 1 ? std::max(1.0, expert_ranks) : 1.0;
  parts.optimizer = kOptimizerTrafficBytes *
                    (dense_params / optimizer_split + expert_params / expert_optimizer_split) / rates.memory;
  parts.step_fixed = profile_.step_fixed_seconds;
  return parts;
}

StepCost StepTimeModel::Cost(const Layout& layout) const {
  const Parts parts = PartsOf(layout);
  const double v = static_cast<double>(layout.virtual_pipeline_stages);
  StepCost cost;
  // 1F1B: the slowest stage paces all micro-batches; filling and draining passes the other stages once.
  cost.per_micro_batch_seconds = parts.slowest_seconds + parts.pipeline_communication + parts.gather_per_micro_batch;
  cost.fixed_seconds = (parts.all_stages - parts.slowest_seconds) / v + parts.data_parallel_fixed + parts.optimizer +
                       parts.step_fixed;
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

double StepTimeModel::MicroBatchWorkSeconds(const Layout& layout) const {
  const Rates rates = RatesOf(layout);
  Work all;
  if (num_dense_layers_ > 0) all.Add(LayerWork(layout, rates, false), static_cast<double>(num_dense_layers_));
  if (num_dense_layers_ < shape_.num_layers) {
    all.Add(LayerWork(layout, rates, true), static_cast<double>(shape_.num_layers - num_dense_layers_));
  }
  all.Add(HeadWork(layout, rates), 1);
  // The mean over stages never exceeds the slowest; the last digits of the two sums may differ, hence the margin.
  return all.total() * (1 - 1e-12);
}

}  // namespace rhumb

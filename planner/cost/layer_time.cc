// SPDX-License-Identifier: Apache-2.0
// The work of one layer and of the output head on one micro-batch.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "planner/cost/step_time.h"

namespace rhumb {
namespace {

// Backward over forward GEMMs of flash kernels: five against two, since the scores are redone.
constexpr double kFlashBackwardRatio = 2.5;
// Backward over forward time of GEMMs and element-wise work: gradients of inputs and of weights.
constexpr double kBackwardRatio = 2;

// Seconds of kernels that keep the GPU busy for `busy` and take the host `launch` to start: the
// longer of the two, and more where they are close, because some kernels of a layer then wait and
// others do not.
double HostBound(double busy, double launch) {
  const double a = busy * busy;
  const double b = launch * launch;
  return std::sqrt(std::sqrt(a * a + b * b));
}

}  // namespace

StepTimeModel::Rates StepTimeModel::RatesOf(const Layout& layout) const {
  Rates rates;
  const double peak16 =
      gpu_.peak_bf16_flops_per_second.value_or(gpu_.peak_fp16_flops_per_second.value_or(0.0));
  const double power = power_fraction_;
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
  rates.attention = power * peak16 *
                    (profile_.attention == Attention::kCudnn ? constants_.cudnn_attention_fraction
                                                             : constants_.flash_attention_fraction);
  rates.memory = gpu_.memory_bytes_per_second * constants_.memory_fraction;
  rates.fill_elements = constants_.gemm_fill_elements;
  rates.tokens = static_cast<double>(layout.micro_batch_size) *
                 static_cast<double>(shape_.sequence_length) /
                 static_cast<double>(layout.context_parallel_size);
  rates.t = static_cast<double>(layout.tensor_parallel_size);
  rates.hidden_split = layout.sequence_parallel ? rates.t : 1.0;
  rates.collective_bandwidth = CollectiveBandwidth(rates.t, 1, layout);
  return rates;
}

StepTimeModel::Work StepTimeModel::LayerWork(const Layout& layout, const Rates& rates,
                                             bool moe) const {
  const double T = rates.tokens;
  const double t = rates.t;
  const double h = static_cast<double>(shape_.hidden_size);
  const double s = static_cast<double>(shape_.sequence_length);
  const double heads = static_cast<double>(shape_.num_attention_heads);
  const double up_matrices = shape_.gated ? 2 : 1;

  // Projections.
  double gemm;
  double kv;        // width of K and V together, per token
  double qk_and_v;  // summed widths that the attention core multiplies
  if (shape_.is_mla()) {
    const double qk = static_cast<double>(shape_.qk_nope_head_dim + shape_.qk_rope_head_dim);
    const double v = static_cast<double>(shape_.v_head_dim);
    const double rq = static_cast<double>(shape_.q_lora_rank);
    const double rkv = static_cast<double>(shape_.kv_lora_rank);
    const double rope = static_cast<double>(shape_.qk_rope_head_dim);
    gemm = (rq > 0 ? rates.Gemm(T, h, rq) + rates.Gemm(T, rq, heads * qk / t)
                   : rates.Gemm(T, h, heads * qk / t)) +
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
    const double core_gemm = profile_.work.unfused_gemm_overhead *
                             (aligned ? 1.0 : profile_.work.misaligned_slowdown) * 2 * T * s *
                             qk_and_v / t / rates.flops16;
    const double scores = T * s * heads / t;
    attention_forward = core_gemm + profile_.work.score_traffic_bytes * scores / rates.memory;
    attention_backward = 2 * core_gemm + profile_.work.score_traffic_bytes * scores / rates.memory;
  }

  // MLP or experts.
  double last_gemm = 0;  // whose output no backward pass reads
  double elementwise_bytes =
      profile_.elementwise_hidden_bytes * h / rates.hidden_split + 4 * (2 * h + kv) / t;
  if (moe) {
    const double routed = T * static_cast<double>(shape_.experts_per_token) / t;
    const double f = static_cast<double>(shape_.moe_ffn_hidden_size);
    const double local_experts =
        static_cast<double>(shape_.expert_count) /
        static_cast<double>(layout.expert_parallel_size * layout.expert_tensor_parallel_size);
    const double rate =
        rates.flops * constants_.expert_gemm_fraction * f / (f + profile_.expert_half_width);
    gemm += 2 * routed * h * f * (up_matrices + 1) / rate +
            (rates.operand_bytes * local_experts * h * f * (up_matrices + 1) +
             routed * (rates.operand_bytes * (h + f) + 2 * (up_matrices * f + h))) /
                rates.memory;
    gemm += profile_.work.permutation_bytes * routed * h / rates.memory;
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
  const double elementwise = (profile_.compiled ? profile_.work.compiled_elementwise_ratio : 1.0) *
                             T * elementwise_bytes / rates.memory;

  // Communication of one forward pass.
  double tensor = 0;
  if (layout.tensor_parallel_size > 1) {
    const double all_reduce =
        2 * (t - 1) / t * 2 * T * h / rates.collective_bandwidth + CollectiveStartSeconds(t);
    const double exposed =
        profile_.overlaps_tensor_parallel ? 1 - constants_.tensor_parallel_overlap : 1.0;
    tensor = 2 * all_reduce * exposed;
  }
  double ring = 0;  // one way around, of K and V
  const double c = static_cast<double>(layout.context_parallel_size);
  if (layout.context_parallel_size > 1) {
    ring = (c - 1) * 2 * T * kv / t / CollectiveBandwidth(c * t, t, layout);
  }
  double all_to_all = 0;
  const double e = static_cast<double>(layout.expert_parallel_size);
  if (moe && layout.expert_parallel_size > 1) {
    const double span = e * static_cast<double>(layout.expert_tensor_parallel_size);
    const double k = static_cast<double>(shape_.experts_per_token);
    const double token_bytes = 2 * T * h / t;
    // Inside a domain each expert gets its copy; across domains a token travels once to each domain
    // that has at least one of its experts.
    const double domains = std::max(1.0, span / domain_gpus_);
    const double remote_copies = (domains - 1) * (1 - std::pow(1 - 1 / domains, k));
    const double local_copies = k * (1 - 1 / std::min(e, domain_gpus_));
    const double seconds = std::max(token_bytes * local_copies / scale_up_bytes_per_second_,
                                    token_bytes * remote_copies / network_bytes_per_second_);
    all_to_all = 2 * profile_.work.all_to_all_exposed * (seconds + CollectiveStartSeconds(e));
  }

  // What is repeated before the backward pass.
  double repeated_compute = 0, repeated_tensor = 0, repeated_ring = 0, repeated_all_to_all = 0,
         repeated_launch = 0;
  const double forward = gemm + elementwise + attention_forward;
  switch (layout.recompute) {
    case Recompute::kNone:
      break;
    case Recompute::kSelective:
      repeated_compute = profile_.selective_recompute == SelectiveRecompute::kAttentionCore
                             ? attention_forward
                             : profile_.work.operator_recompute_share * (gemm + elementwise);
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
  const double backward = kBackwardRatio * (gemm + elementwise) + attention_backward;
  work.compute = forward + backward + repeated_compute;
  const double backward_tensor =
      tensor * (layout.sequence_parallel ? profile_.work.sequence_parallel_backward_ratio : 1.0);
  work.tensor_parallel = tensor + backward_tensor + repeated_tensor;
  work.context_parallel = std::max(0.0, ring - attention_forward) +
                          std::max(0.0, 2 * ring - attention_backward) + repeated_ring;
  work.expert_parallel = 2 * all_to_all + repeated_all_to_all;
  // Small layers wait for the host: each pass takes at least its launches.
  const double launch = profile_.layer_launch_seconds *
                        (profile_.compiled ? profile_.work.compiled_launch_ratio : 1.0) *
                        (moe ? profile_.work.moe_launch_ratio : 1.0);
  const double busy_forward = forward + tensor + all_to_all;
  const double busy_backward = backward + repeated_compute + backward_tensor + repeated_tensor +
                               all_to_all + repeated_all_to_all;
  const double waiting_forward = HostBound(busy_forward, launch) - busy_forward;
  const double waiting_backward =
      HostBound(busy_backward, (profile_.work.backward_launch_ratio + repeated_launch) * launch) -
      busy_backward;
  work.other = waiting_forward + waiting_backward;
  return work;
}

StepTimeModel::Work StepTimeModel::HeadWork(const Layout& layout, const Rates& rates) const {
  const double vocab =
      static_cast<double>(PaddedVocabSize(shape_.vocab_size, layout.tensor_parallel_size)) /
      rates.t;
  const double h = static_cast<double>(shape_.hidden_size);
  const double T = rates.tokens;
  const double gemm = 2 * h * (T * vocab + rates.fill_elements) / rates.flops16 +
                      2 * (T * h + h * vocab + T * vocab) / rates.memory;
  Work work;
  work.compute =
      (1 + kBackwardRatio) * gemm + profile_.work.logits_traffic_bytes * T * vocab / rates.memory;
  return work;
}

}  // namespace rhumb

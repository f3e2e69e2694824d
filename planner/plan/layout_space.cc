// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/layout_space.h"

#include <algorithm>
#include <optional>

namespace rhumb {
namespace {

std::vector<int64_t> Keep(std::vector<int64_t> values, std::optional<int64_t> fixed) {
  if (!fixed.has_value()) return values;
  const bool legal = std::find(values.begin(), values.end(), *fixed) != values.end();
  return legal ? std::vector<int64_t>{*fixed} : std::vector<int64_t>{};
}

// Ascending.
std::vector<int64_t> DivisorsOf(int64_t number) {
  std::vector<int64_t> divisors;
  for (int64_t d = 1; d * d <= number; ++d) {
    if (number % d == 0) divisors.push_back(d);
  }
  for (size_t i = divisors.size(); i-- > 0;) {
    if (divisors[i] * divisors[i] != number) divisors.push_back(number / divisors[i]);
  }
  return divisors;
}

std::vector<int64_t> TensorSizesOf(const ModelShape& shape, const LayoutConstraints& constraints,
                                   const FrameworkLayouts& framework) {
  if (!framework.tensor && !constraints.tensor_parallel_size.has_value()) return {1};
  std::vector<int64_t> sizes;
  const int64_t heads = shape.num_attention_heads;
  const int64_t kv_heads = shape.num_key_value_heads;
  for (int64_t t = 1; t <= heads; ++t) {
    if (heads % t != 0) continue;
    // Latent attention shares one compressed key-value among all heads.
    if (!shape.is_mla() && kv_heads % t != 0 && t % kv_heads != 0) continue;
    if (t > constraints.max_tensor_parallel_size.value_or(heads)) continue;
    sizes.push_back(t);
  }
  return Keep(std::move(sizes), constraints.tensor_parallel_size);
}

std::vector<int64_t> ContextSizesOf(const ModelShape& shape, const LayoutConstraints& constraints,
                                    const FrameworkLayouts& framework) {
  if (constraints.context_parallel_size.has_value()) {
    const int64_t c = *constraints.context_parallel_size;
    return shape.sequence_length % c == 0 ? std::vector<int64_t>{c} : std::vector<int64_t>{};
  }
  std::vector<int64_t> sizes = {1};
  if (!framework.context) return sizes;
  for (int64_t c = 2; c * kMinContextTokens <= shape.sequence_length; ++c) {
    if (shape.sequence_length % c == 0) sizes.push_back(c);
  }
  return sizes;
}

std::vector<int64_t> ExpertSizesOf(const ModelShape& shape, const LayoutConstraints& constraints,
                                   const FrameworkLayouts& framework) {
  if (!framework.expert && !constraints.expert_parallel_size.has_value()) return {1};
  std::vector<int64_t> sizes = {1};
  for (int64_t e = 2; e <= shape.expert_count; ++e) {
    if (shape.expert_count % e == 0) sizes.push_back(e);
  }
  return Keep(std::move(sizes), constraints.expert_parallel_size);
}

}  // namespace

GpuCounts::GpuCounts(const std::vector<int64_t>& counts) {
  const int64_t largest = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  contains_.resize(static_cast<size_t>(largest) + 1);
  multiples_.resize(static_cast<size_t>(largest) + 1);
  for (const int64_t count : counts) contains_[static_cast<size_t>(count)] = true;
  for (int64_t divisor = 1; divisor <= largest; ++divisor) {
    for (int64_t count = divisor; count <= largest; count += divisor) {
      multiples_[static_cast<size_t>(divisor)] += contains_[static_cast<size_t>(count)] ? 1 : 0;
    }
  }
}

LayoutSpace::LayoutSpace(const ModelShape& shape, Precision precision,
                         const LayoutConstraints& constraints, const FrameworkLayouts& framework)
    : precision_(precision),
      fixed_pipeline_(constraints.pipeline_parallel_size),
      fixed_data_(constraints.data_parallel_size),
      max_pipeline_(
          framework.pipeline || constraints.pipeline_parallel_size.has_value()
              ? std::min(shape.num_layers,
                         constraints.max_pipeline_parallel_size.value_or(shape.num_layers))
              : 1),
      tensor_sizes_(TensorSizesOf(shape, constraints, framework)),
      context_sizes_(ContextSizesOf(shape, constraints, framework)),
      expert_sizes_(ExpertSizesOf(shape, constraints, framework)) {
  if (constraints.micro_batch_size.has_value()) {
    micro_batch_sizes_ = {*constraints.micro_batch_size};
  } else {
    for (int64_t size = 1; size <= kMaxMicroBatchSize; size *= 2)
      micro_batch_sizes_.push_back(size);
  }
  const std::optional<int64_t> zero = constraints.zero_stage;
  zero_alone_ = {zero.value_or(0)};
  zero_pipelined_ =
      zero.has_value() ? std::vector<int64_t>{*zero} : framework.pipelined_zero_stages;
  zero_replicated_ = zero.has_value() ? std::vector<int64_t>{*zero} : framework.zero_stages;
  recompute_modes_ = framework.recompute_modes;
  if (constraints.recompute.has_value()) recompute_modes_ = {*constraints.recompute};
  virtual_stages_ = {Keep({1}, constraints.virtual_pipeline_stages)};
  virtual_stages_of_.resize(static_cast<size_t>(shape.num_layers) + 1);
  for (int64_t p = 2; 2 * p <= shape.num_layers; ++p) {
    if (shape.num_layers % p != 0) continue;
    std::vector<int64_t> stages = {1};
    const int64_t most = constraints.virtual_pipeline_stages.value_or(framework.max_virtual_stages);
    for (int64_t v = 2; v <= most && v * p <= shape.num_layers; ++v) {
      if (shape.num_layers % (v * p) == 0) stages.push_back(v);
    }
    virtual_stages_of_[static_cast<size_t>(p)] = virtual_stages_.size();
    virtual_stages_.push_back(Keep(std::move(stages), constraints.virtual_pipeline_stages));
  }
}

void LayoutSpace::AppendDegrees(int64_t gpu_count, std::vector<Degrees>& out) const {
  const std::vector<int64_t> divisors = DivisorsOf(gpu_count);
  for (size_t ti = 0; ti < tensor_sizes_.size(); ++ti) {
    const int64_t t = tensor_sizes_[ti];
    if (gpu_count % t != 0) continue;
    const int64_t after_tensor = gpu_count / t;
    const int64_t first = fixed_pipeline_.value_or(1);
    const int64_t last =
        std::min({fixed_pipeline_.value_or(max_pipeline_), max_pipeline_, after_tensor});
    for (const int64_t p : divisors) {
      if (p < first || after_tensor % p != 0) continue;
      if (p > last) break;
      for (size_t ci = 0; ci < context_sizes_.size(); ++ci) {
        const int64_t c = context_sizes_[ci];
        if ((after_tensor / p) % c != 0) continue;
        const int64_t d = after_tensor / p / c;
        if (d != fixed_data_.value_or(d)) continue;
        for (size_t ei = 0; ei < expert_sizes_.size(); ++ei) {
          if (d % expert_sizes_[ei] != 0) continue;
          const size_t slice = (ti * context_sizes_.size() + ci) * expert_sizes_.size() + ei;
          out.push_back({t, p, c, expert_sizes_[ei], d, slice});
        }
      }
    }
  }
}

const std::vector<int64_t>& LayoutSpace::ZeroStages(const Degrees& degrees) const {
  if (degrees.data * degrees.context == 1) return zero_alone_;
  return degrees.pipeline > 1 ? zero_pipelined_ : zero_replicated_;
}

Degrees LayoutSpace::SliceDegrees(size_t slice) const {
  Degrees degrees;
  degrees.slice = slice;
  degrees.expert = expert_sizes_[slice % expert_sizes_.size()];
  slice /= expert_sizes_.size();
  degrees.context = context_sizes_[slice % context_sizes_.size()];
  degrees.tensor = tensor_sizes_[slice / context_sizes_.size()];
  degrees.data = degrees.expert;
  return degrees;
}

bool LayoutSpace::HasPlain() const {
  return !context_sizes_.empty() && context_sizes_.front() == 1 && !expert_sizes_.empty() &&
         expert_sizes_.front() == 1;
}

int64_t LayoutSpace::CountInside(const Degrees& degrees) const {
  return static_cast<int64_t>(ZeroStages(degrees).size() * micro_batch_sizes_.size() *
                              recompute_modes_.size() * VirtualStages(degrees.pipeline).size());
}

int64_t LayoutSpace::Count(int64_t gpu_count) const {
  std::vector<Degrees> degrees;
  AppendDegrees(gpu_count, degrees);
  int64_t count = 0;
  for (const Degrees& d : degrees) count += CountInside(d);
  return count;
}

int64_t LayoutSpace::Count(const GpuCounts& counts) const {
  int64_t total = 0;
  const int64_t first = fixed_pipeline_.value_or(1);
  const int64_t last = std::min(fixed_pipeline_.value_or(max_pipeline_), max_pipeline_);
  for (int64_t p = first; p <= last && p <= counts.largest(); ++p) {
    // The number of layouts inside depends on c and d only by whether anything is replicated.
    const int64_t replicated = CountInside({1, p, 1, 1, 2, 0});
    const int64_t alone = CountInside({1, p, 1, 1, 1, 0});
    for (const int64_t t : tensor_sizes_) {
      if (t * p > counts.largest()) break;
      if (fixed_data_.has_value()) {
        total += CountWithData(t, p, *fixed_data_, counts);
        continue;
      }
      int64_t splits = 0;
      for (const int64_t c : context_sizes_) {
        if (t * p * c > counts.largest()) break;
        for (const int64_t e : expert_sizes_) {
          if (t * p * c * e > counts.largest()) break;
          splits += counts.MultiplesOf(t * p * c * e);
        }
      }
      total += splits * replicated;
      if (counts.Contains(t * p) && HasPlain()) total += alone - replicated;
    }
  }
  return total;
}

int64_t LayoutSpace::CountWithData(int64_t tensor, int64_t pipeline, int64_t data,
                                   const GpuCounts& counts) const {
  int64_t total = 0;
  for (const int64_t c : context_sizes_) {
    if (!counts.Contains(tensor * pipeline * c * data)) continue;
    for (const int64_t e : expert_sizes_) {
      if (data % e == 0) total += CountInside({tensor, pipeline, c, e, data, 0});
    }
  }
  return total;
}

Layout LayoutSpace::MakeLayout(const Degrees& degrees, int64_t zero_stage, int64_t micro_batch_size,
                               Recompute recompute, int64_t virtual_stages) const {
  Layout layout;
  layout.tensor_parallel_size = degrees.tensor;
  layout.pipeline_parallel_size = degrees.pipeline;
  layout.context_parallel_size = degrees.context;
  layout.expert_parallel_size = degrees.expert;
  layout.data_parallel_size = degrees.data;
  layout.virtual_pipeline_stages = virtual_stages;
  layout.zero_stage = zero_stage;
  layout.micro_batch_size = micro_batch_size;
  layout.recompute = recompute;
  layout.precision = precision_;
  layout.sequence_parallel = degrees.tensor > 1;
  return layout;
}

}  // namespace rhumb

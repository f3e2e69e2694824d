// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/layout_message.h"

namespace rhumb::convert {
namespace {

Recompute RecomputeOf(v1::Recompute recompute) {
  switch (recompute) {
    case v1::RECOMPUTE_SELECTIVE:
      return Recompute::kSelective;
    case v1::RECOMPUTE_FULL:
      return Recompute::kFull;
    default:
      return Recompute::kNone;
  }
}

Precision PrecisionOf(v1::Precision precision) {
  switch (precision) {
    case v1::PRECISION_FP16:
      return Precision::kFp16;
    case v1::PRECISION_FP8:
      return Precision::kFp8;
    case v1::PRECISION_MXFP8:
      return Precision::kMxfp8;
    case v1::PRECISION_NVFP4:
      return Precision::kNvfp4;
    default:
      return Precision::kBf16;
  }
}

}  // namespace

Layout FromProto(const v1::Layout& layout) {
  Layout out;
  out.tensor_parallel_size = layout.tensor_parallel_size();
  out.pipeline_parallel_size = layout.pipeline_parallel_size();
  out.context_parallel_size = layout.context_parallel_size();
  out.expert_parallel_size = layout.expert_parallel_size();
  out.data_parallel_size = layout.data_parallel_size();
  out.virtual_pipeline_stages = layout.virtual_pipeline_stages();
  out.zero_stage = layout.zero_stage();
  out.micro_batch_size = layout.micro_batch_size();
  out.recompute = RecomputeOf(layout.recompute());
  out.precision = PrecisionOf(layout.precision());
  return out;
}

}  // namespace rhumb::convert

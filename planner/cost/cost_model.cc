// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/cost_model.h"

#include <cstdint>

namespace rhumb {
namespace {

FrameworkProfile WithWorkspaceOf(const Gpu& gpu, FrameworkProfile profile) {
  profile.workspace_bytes += AnchorOf(gpu.family).more_workspace_bytes;
  return profile;
}

}  // namespace

CostModel::CostModel(const ModelShape& shape, const Gpu& gpu, const Fabric& fabric,
                     const FrameworkProfile& profile)
    : CostModel(shape, gpu, fabric, profile, TimeConstantsOf(gpu.family)) {}

CostModel::CostModel(const ModelShape& shape, const Gpu& gpu, const Fabric& fabric,
                     const FrameworkProfile& profile, const TimeConstants& constants)
    : shape_(shape),
      step_time_(shape, gpu, fabric, profile, constants),
      memory_(shape, WithWorkspaceOf(gpu, profile)) {}

StepCost CostModel::Step(const Layout& layout) const { return step_time_.Cost(layout); }

StepTimeBreakdown CostModel::Explain(const Layout& layout, int64_t micro_batch_count) const {
  return step_time_.Explain(layout, micro_batch_count);
}

MemoryEstimate CostModel::Memory(const Layout& layout, int64_t micro_batch_count,
                                 bool with_stages) const {
  return memory_.Estimate(layout, micro_batch_count, with_stages);
}

double CostModel::MicroBatchWorkSeconds(const Layout& layout) const {
  return step_time_.MicroBatchWorkSeconds(layout);
}

double CostModel::LeastGpuSecondsPerToken(Precision precision) const {
  return step_time_.LeastGpuSecondsPerToken(precision);
}

double CostModel::ModelFlopsPerToken() const {
  return TrainingFlopsPerToken(shape_, FlopsConvention::kExactCausal, ParamCountConvention::kTotal);
}

}  // namespace rhumb

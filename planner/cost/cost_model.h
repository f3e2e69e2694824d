// SPDX-License-Identifier: Apache-2.0
// One place to ask what a configuration costs: memory on the fullest rank and seconds per step.
// The parts live in memory.{h,cc} and step_time.{h,cc}, which also define Fabric, StepCost,
// StepTimeBreakdown and MemoryEstimate.
#ifndef RHUMB_PLANNER_COST_COST_MODEL_H_
#define RHUMB_PLANNER_COST_COST_MODEL_H_

#include <cstdint>

#include "planner/cost/framework_profile.h"
#include "planner/cost/hardware.h"
#include "planner/cost/layout.h"
#include "planner/cost/memory.h"
#include "planner/cost/model_shape.h"
#include "planner/cost/step_time.h"
#include "planner/cost/time_constants.h"

namespace rhumb {

// Everything about one model on one kind of GPU under one framework, prepared once and asked many
// times. Pure and deterministic; holds copies, so its arguments need not outlive it.
class CostModel {
 public:
  // Constants of the GPU's family, or those given.
  CostModel(const ModelShape& shape, const Gpu& gpu, const Fabric& fabric,
            const FrameworkProfile& profile);
  CostModel(const ModelShape& shape, const Gpu& gpu, const Fabric& fabric,
            const FrameworkProfile& profile, const TimeConstants& constants);

  // `layout` must be valid for the shape (ValidateLayout or ValidateRunnableLayout) and its
  // precision known to the GPU. With virtual stages, StepSeconds(m) holds for m divisible by the
  // pipeline size only.
  StepCost Step(const Layout& layout) const;
  // The same from parts that layouts share: see UnitSeconds and ExchangeSeconds.
  StepCost Step(const Layout& layout, const UnitSeconds& units, const StageShares& stages,
                const ExchangeSeconds& exchange) const {
    return step_time_.Cost(layout, units, stages, exchange);
  }
  StageShares Stages(int64_t pipeline_parallel_size) const {
    return step_time_.StagesOf(pipeline_parallel_size);
  }
  UnitSeconds Units(const Layout& layout) const { return step_time_.UnitsOf(layout); }
  ExchangeSeconds Exchange(const Layout& layout) const { return step_time_.ExchangeOf(layout); }
  bool SharesUnits(const Layout& layout) const { return step_time_.SharesUnits(layout); }
  StepTimeBreakdown Explain(const Layout& layout, int64_t micro_batch_count) const;

  // Peak over pipeline stages with `micro_batch_count` micro-batches a step. Non-decreasing in
  // micro_batch_count and constant from pipeline_parallel_size * virtual stages on.
  MemoryEstimate Memory(const Layout& layout, int64_t micro_batch_count, bool with_stages) const;

  // Live bytes on one stage, no counter applied.
  StageMemory MemoryOfStage(const Layout& layout, int64_t micro_batch_count, int64_t stage) const {
    return memory_.Stage(layout, micro_batch_count, stage);
  }

  double MostStatesBytes(const Layout& layout) const { return memory_.MostStatesBytes(layout); }

  // W such that Step(l).per_micro_batch_seconds >= W / l.pipeline_parallel_size for every layout l
  // that shares tensor, context and expert sizes, micro-batch, recompute, precision and
  // sequence_parallel with `layout`: the work of all stages on one micro-batch, and the fullest
  // stage holds at least the mean. Used to prune the search.
  double MicroBatchWorkSeconds(const Layout& layout) const;
  double MicroBatchWorkSeconds(const UnitSeconds& units) const {
    return step_time_.MicroBatchWorkSeconds(units);
  }

  PaceSeconds Pace(const UnitSeconds& units, const StageShares& stages) const {
    return step_time_.PaceOf(units, stages);
  }
  // See StepTimeModel.
  double SkewShare(double replicas) const { return step_time_.SkewShare(replicas); }
  double SkewPerDoubling() const { return step_time_.SkewPerDoubling(); }
  // Step() without the sends between stages and the skew of replicas: no layout of this pace and
  // exchange and at most so many virtual stages takes less, be it fixed or by micro-batch.
  StepCost StepWithoutSends(const PaceSeconds& pace, const ExchangeSeconds& exchange,
                            int64_t virtual_pipeline_stages) const {
    return step_time_.CostWithoutSends(pace, exchange, virtual_pipeline_stages);
  }

  // GPU-seconds that a token takes at least, in any layout of this precision: no layout has less
  // than this of MicroBatchWorkSeconds times its tensor and context sizes, a token of the
  // micro-batch. Used to prune the search.
  double LeastGpuSecondsPerToken(Precision precision) const;

  // Training FLOPs per token of the model (no recompute) that MFU is quoted against, and the peak
  // it refers to.
  double ModelFlopsPerToken() const;

 private:
  ModelShape shape_;
  StepTimeModel step_time_;
  MemoryModel memory_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_COST_MODEL_H_

// SPDX-License-Identifier: Apache-2.0
// Seconds of one optimizer step: GEMMs, attention, element-wise traffic, collectives, pipeline,
// gradient exchange.
//
// The work of each layer is counted from its dimensions; efficiencies come from
// TimeConstants (hardware) and FrameworkProfile (software). Sources: Narayanan et al. 2021,
// arXiv:2104.04473 (pipeline, tensor parallelism); Korthikanti et al. 2022, arXiv:2205.05198
// (sequence parallelism, recompute).
#ifndef RHUMB_PLANNER_COST_STEP_TIME_H_
#define RHUMB_PLANNER_COST_STEP_TIME_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "planner/cost/framework_profile.h"
#include "planner/cost/hardware.h"
#include "planner/cost/layout.h"
#include "planner/cost/model_shape.h"
#include "planner/cost/time_constants.h"

namespace rhumb {

// Where the GPUs sit: only what the time model needs of a pool.
struct Fabric {
  int64_t gpus_per_node = 8;
  double inter_node_bytes_per_second_per_gpu = 0;  // 0: the typical NIC of the GPU type
};

// Seconds of one optimizer step, by cause. Sums to the step.
struct StepTimeBreakdown {
  double compute_seconds = 0;
  double tensor_parallel_seconds = 0;
  double context_parallel_seconds = 0;
  double expert_parallel_seconds = 0;
  double pipeline_bubble_seconds = 0;
  double pipeline_communication_seconds = 0;
  double data_parallel_seconds = 0;
  double optimizer_seconds = 0;
  // Waiting for kernel launches and for the slowest replica, per-step fixed work.
  double other_seconds = 0;
  double step_seconds() const {
    return compute_seconds + tensor_parallel_seconds + context_parallel_seconds +
           expert_parallel_seconds + pipeline_bubble_seconds + pipeline_communication_seconds +
           data_parallel_seconds + optimizer_seconds + other_seconds;
  }
};

// A step of m micro-batches takes fixed_seconds + m * per_micro_batch_seconds: affine in m by
// construction, so that the planner can choose accumulation in closed form.
struct StepCost {
  double fixed_seconds = 0;
  double per_micro_batch_seconds = 0;
  double StepSeconds(int64_t micro_batch_count) const {
    return fixed_seconds + static_cast<double>(micro_batch_count) * per_micro_batch_seconds;
  }
};

// Seconds of one micro-batch in one layer of each kind and in the output head. Layouts that share
// tensor, context and expert size, micro-batch, recompute, precision and sequence_parallel share
// it, where SharesUnits() says so.
struct UnitSeconds {
  double dense_layer = 0;
  double moe_layer = 0;
  double head = 0;
};

// Stages of a pipeline among which the slowest is, whatever its layers cost.
struct StageShares {
  struct Share {
    double dense_layers = 0, moe_layers = 0, heads = 0;
    // On one micro-batch.
    double Seconds(const UnitSeconds& units) const {
      return dense_layers * units.dense_layer + moe_layers * units.moe_layer + heads * units.head;
    }
  };
  std::array<Share, 5> shares{};
  int count = 0;

  // Takes a stage in, unless one that is there has no less of anything; those that it has no less
  // of go. What is left contains the slowest whatever layers cost.
  void Add(const Share& share) {
    const auto covers = [](const Share& a, const Share& b) {
      return a.dense_layers >= b.dense_layers && a.moe_layers >= b.moe_layers && a.heads >= b.heads;
    };
    int kept = 0;
    for (int i = 0; i < count; ++i) {
      const Share& known = shares[static_cast<size_t>(i)];
      if (covers(known, share)) return;
      if (!covers(share, known)) shares[static_cast<size_t>(kept++)] = known;
    }
    shares[static_cast<size_t>(kept++)] = share;
    count = kept;
  }
};

// What paces a pipeline, on one micro-batch: the work of all stages, and that of the slowest.
struct PaceSeconds {
  double all_stages = 0;
  double slowest_stage = 0;
};

// Gradient and parameter exchange and the optimizer: what layouts share that differ in micro-batch,
// recompute and virtual stages only.
struct ExchangeSeconds {
  double per_micro_batch = 0;  // ZeRO-2/3 traffic before any of it is hidden
  double per_step = 0;         // exposed, with the optimizer and fixed work
};

// Time of one model on one GPU type, fabric, framework and constant set. Holds copies; no
// allocation in evaluation.
class StepTimeModel {
 public:
  StepTimeModel(const ModelShape& shape, const Gpu& gpu, const Fabric& fabric,
                const FrameworkProfile& profile, const TimeConstants& constants);

  StepCost Cost(const Layout& layout) const;
  // The same from its parts, which callers may keep.
  StepCost Cost(const Layout& layout, const UnitSeconds& units, const StageShares& stages,
                const ExchangeSeconds& exchange) const;
  UnitSeconds UnitsOf(const Layout& layout) const;
  ExchangeSeconds ExchangeOf(const Layout& layout) const;
  StageShares StagesOf(int64_t pipeline_parallel_size) const;
  // False where groups that straddle scale-up domains make units depend on the number of GPUs.
  bool SharesUnits(const Layout& layout) const;
  StepTimeBreakdown Explain(const Layout& layout, int64_t micro_batch_count) const;
  double MicroBatchWorkSeconds(const Layout& layout) const;
  double MicroBatchWorkSeconds(const UnitSeconds& units) const;
  // This and CostWithoutSends stand here to be inlined: a search asks 100,000 times a second.
  PaceSeconds PaceOf(const UnitSeconds& units, const StageShares& stages) const {
    PaceSeconds pace = {AllStagesSeconds(units), 0};
    for (int i = 0; i < stages.count; ++i) {
      pace.slowest_stage =
          std::max(pace.slowest_stage, stages.shares[static_cast<size_t>(i)].Seconds(units));
    }
    return pace;
  }
  // What a micro-batch waits for the slowest of so many replicas (data times context parallel
  // size), as a share of its work on the slowest stage.
  double SkewShare(double replicas) const;
  // Of SkewShare, what a doubling of the replicas adds.
  double SkewPerDoubling() const { return profile_.work.replica_skew; }
  // Cost() without the sends between stages and the skew of replicas.
  StepCost CostWithoutSends(const PaceSeconds& pace, const ExchangeSeconds& exchange,
                            int64_t virtual_pipeline_stages) const {
    StepCost cost;
    // 1F1B: the slowest stage paces all micro-batches; filling and draining passes the other stages
    // once.
    cost.per_micro_batch_seconds =
        pace.slowest_stage + ExposedGather(exchange.per_micro_batch, pace);
    cost.fixed_seconds =
        (pace.all_stages - pace.slowest_stage) / static_cast<double>(virtual_pipeline_stages) +
        exchange.per_step;
    return cost;
  }
  double LeastGpuSecondsPerToken(Precision precision) const;

 private:
  // Forward and backward seconds of something on one micro-batch, by cause. Recompute is part of
  // the backward.
  struct Work {
    double compute = 0;
    double tensor_parallel = 0;
    double context_parallel = 0;
    double expert_parallel = 0;
    double other = 0;
    double total() const {
      return compute + tensor_parallel + context_parallel + expert_parallel + other;
    }
    Work& Add(const Work& work, double count);
  };
  // The parts of an exchange that an explanation tells apart.
  struct Exchange {
    double per_micro_batch = 0;
    double data_parallel = 0;  // exposed, once a step
    double optimizer = 0;      // once a step
  };
  // What one layout reaches of the hardware, and its sizes.
  struct Rates {
    double flops16 = 0;        // effective FLOP/s of GEMMs in 16 bit
    double flops = 0;          // of the layout's precision
    double attention = 0;      // of the attention core
    double operand_bytes = 2;  // per element of a GEMM's inputs
    double memory = 0;         // effective bytes/s
    double fill_elements = 0;  // wasted output elements of a GEMM
    double tokens = 0;         // per rank and micro-batch
    double hidden_split = 1;
    double t = 1;
    double collective_bandwidth = 0;  // of the tensor-parallel group

    double Gemm(double m, double k, double n) const {
      return 2 * k * (m * n + fill_elements) / flops +
             (operand_bytes * (m * k + k * n) + 2 * m * n) / memory;
    }
  };

  Rates RatesOf(const Layout& layout) const;
  Work LayerWork(const Layout& layout, const Rates& rates, bool moe) const;
  Work HeadWork(const Layout& layout, const Rates& rates) const;
  double AllStagesSeconds(const UnitSeconds& units) const {
    return static_cast<double>(num_dense_layers_) * units.dense_layer +
           static_cast<double>(shape_.num_layers - num_dense_layers_) * units.moe_layer +
           units.head;
  }
  // The slowest of `stages`.
  StageShares::Share SlowestOf(const UnitSeconds& units, const StageShares& stages) const;
  Exchange ExchangePartsOf(const Layout& layout) const;
  double PipelineSeconds(const Layout& layout) const;  // exposed sends of a micro-batch
  // What of an exchange's traffic on a micro-batch is not hidden behind its work.
  double ExposedGather(double per_micro_batch, const PaceSeconds& pace) const {
    const double overlap = profile_.overlaps_data_parallel ? constants_.data_parallel_overlap : 0.0;
    // What is hidden still slows the work that it hides behind.
    const double hidden = std::min(per_micro_batch, overlap * pace.slowest_stage);
    return per_micro_batch - (1 - profile_.work.overlap_slowdown) * hidden;
  }
  double CollectiveStartSeconds(double ranks) const;
  // Bytes/s of a ring over ranks that span `span` GPUs, one in every `stride` of them: across
  // scale-up domains the NICs of those in one domain together.
  double CollectiveBandwidth(double span, double stride, const Layout& layout) const;

  ModelShape shape_;
  Gpu gpu_;
  FrameworkProfile profile_;
  TimeConstants constants_;
  ParamCounts counts_;
  int64_t num_dense_layers_ = 0;
  double attended_tokens_ = 0;            // mean keys a query sees, over layers
  double power_fraction_ = 1;             // of the GEMM rate that the board's power allows
  double domain_gpus_ = 1;                // GPUs that share a scale-up fabric
  double scale_up_bytes_per_second_ = 0;  // effective, inside a domain
  double network_bytes_per_second_ = 0;   // effective, of one GPU's NIC
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_STEP_TIME_H_

// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/search.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "planner/plan/batch_limits.h"
#include "planner/plan/layout_space.h"

namespace rhumb {
namespace {

// Sizes tried with a plain layout before the search proper.
constexpr int kPlainSizes = 16;

// A size in a pool, with the best its places can do: the unit that is sorted and pruned first.
struct Field {
  int size_index = 0;
  int pool_index = 0;
  Rank bound;
};

// A size at a place.
struct Group {
  int size_index = 0;
  Place place;
  Rank bound;
  double best_case_tokens = 0;
};

struct BestCase {
  Rank rank;
  double token_count = 0;
};

enum class Fit { kUnknown, kFits, kTooLarge };

// Work bounds of one size in one pool by slice, micro-batch and recompute.
struct WorkTable {
  size_t cells_per_slice = 0;
  std::vector<double> gpu_seconds_per_token;
  double least = kUnlimited;
};

class Searcher {
 public:
  Searcher(const Problem& problem, const SearchOptions& options)
      : problem_(problem),
        options_(options),
        spaces_(problem.sizes().size()),
        models_(problem.sizes().size() * problem.question().pools.size()),
        work_(models_.size()) {}

  SearchResult Run() {
    if (!problem_.has_hardware()) return SearchSizesOnly();
    if (options_.hint != nullptr) TryHint();
    TryPlainLayouts();
    std::vector<Field> fields = MakeFields();
    std::stable_sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) {
      return a.bound.AsTuple() < b.bound.AsTuple();
    });
    for (const Field& field : fields) {
      // Sorted by bound: what follows a hopeless field is hopeless too.
      if (Done() || Hopeless(field.bound)) break;
      SearchField(field);
    }
    // Layouts of places never entered are pruned as one; those of the others were counted one by
    // one.
    result_.summary.pruned_count = pruned_ + result_.summary.candidate_count - entered_;
    return std::move(result_);
  }

 private:
  // Without hardware a candidate is an architecture; the batch is the largest without overhead.
  SearchResult SearchSizesOnly() {
    const std::vector<Size>& sizes = problem_.sizes();
    SizeAtPlace nowhere;
    for (size_t i = 0; i < sizes.size(); ++i) {
      BatchSpace space;
      space.sequence_length = sizes[i].shape.sequence_length;
      if (problem_.question().global_batch_tokens.has_value()) {
        space.fixed_micro_batches =
            *problem_.question().global_batch_tokens / space.sequence_length;
      }
      ++result_.summary.candidate_count;
      ++result_.summary.evaluated_count;
      const std::optional<BatchChoice> batch = ChooseBatch(problem_, sizes[i], nowhere, space);
      if (!batch.has_value()) continue;
      Candidate candidate;
      candidate.size_index = static_cast<int>(i);
      candidate.batch = *batch;
      candidate.rank = RankOf(problem_, sizes[i], nowhere, Place{}, batch->loss.loss_nats,
                              batch->token_count, 0);
      Offer(candidate);
    }
    return std::move(result_);
  }

  // The best any place can do for each size in each pool. Places themselves are listed later, for
  // one field at a time: a pool of many nodes has too many to hold for all sizes.
  std::vector<Field> MakeFields() {
    std::vector<Field> fields;
    const int pools = static_cast<int>(problem_.question().pools.size());
    for (int pool = 0; pool < pools; ++pool) {
      const std::vector<Place> places = problem_.PlacesOf(pool);
      for (int i = 0; i < static_cast<int>(problem_.sizes().size()); ++i) {
        Field field{i, pool, Rank{}};
        bool any = false;
        for (const Place& place : places) {
          if (Done()) return fields;
          if (place.gpu_count <= options_.min_gpu_count) continue;
          if (options_.count) result_.summary.candidate_count += Space(i).Count(place.gpu_count);
          const std::optional<BestCase> best = BoundAt(i, place);
          if (!best.has_value()) continue;
          if (!any || best->rank.AsTuple() < field.bound.AsTuple()) field.bound = best->rank;
          any = true;
        }
        if (any) fields.push_back(field);
      }
    }
    return fields;
  }

  void SearchField(const Field& field) {
    std::vector<Group> groups;
    for (const Place& place : problem_.PlacesOf(field.pool_index)) {
      if (place.gpu_count <= options_.min_gpu_count) continue;
      const std::optional<BestCase> best = BoundAt(field.size_index, place);
      if (!best.has_value() || Hopeless(best->rank)) continue;
      groups.push_back({field.size_index, place, best->rank, best->token_count});
    }
    std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
      return a.bound.AsTuple() < b.bound.AsTuple();
    });
    for (const Group& group : groups) {
      if (Done() || Hopeless(group.bound)) return;
      SearchGroup(group);
    }
  }

  std::optional<BestCase> BoundAt(int size_index, const Place& place) {
    const Size& size = problem_.sizes()[static_cast<size_t>(size_index)];
    const double gpu_seconds = LeastGpuSeconds(size_index, place.pool_index);
    return Bound(size, problem_.At(size, place), place,
                 gpu_seconds / static_cast<double>(place.gpu_count));
  }

  // GPU-seconds per token at the effective MFU given.
  double PeakGpuSeconds(const Size& size, int pool_index) const {
    const PlanQuestion& q = problem_.question();
    const GpuPool& pool = q.pools[static_cast<size_t>(pool_index)];
    return size.flops_per_token /
           (PeakFlopsPerSecond(pool.gpu, q.precision).value_or(1) * q.mfu.value_or(1));
  }

  // Least GPU-seconds per token of any layout of a size in a pool.
  double LeastGpuSeconds(int size_index, int pool_index) {
    return WorkOf(size_index, pool_index).least;
  }

  // Best rank any layout could have if a token takes no less than `seconds_per_token`; nullopt if
  // even that is infeasible. Loss falls with tokens and tokens with speed; where spending all
  // tokens is the aim, the cost bound may assume that all are spent, because a candidate that
  // spends fewer is already worse in its loss.
  std::optional<BestCase> Bound(const Size& size, const SizeAtPlace& at, const Place& place,
                                double seconds_per_token) const {
    const double slack = problem_.question().mfu.has_value() ? 1 : kBoundSlack;
    const std::optional<double>& target = problem_.question().target_loss_nats;
    const double train = at.overheads.TrainSeconds(at.max_wall_seconds);
    if (train <= 0) return std::nullopt;
    const double affordable = std::min(size.max_tokens, train / seconds_per_token);
    double tokens = 0;
    if (size.fixed_tokens.has_value()) {
      tokens = *size.fixed_tokens;
    } else if (problem_.metric() == Metric::kLoss) {
      tokens = affordable;
    } else if (target.has_value()) {
      const std::optional<double> needed = problem_.loss().BestCaseTokens(size.law, *target);
      if (!needed.has_value()) return std::nullopt;
      tokens = *needed;
    }
    if (tokens * kBoundSlack > affordable) return std::nullopt;
    double loss = 0;
    if (problem_.metric() == Metric::kLoss) {
      loss = problem_.loss().BestCase(size.law, tokens);
      if (target.has_value() && loss * kBoundSlack > *target) return std::nullopt;
    }
    const double wall = at.overheads.WallSeconds(tokens * seconds_per_token) * slack;
    return BestCase{RankOf(problem_, size, at, place, loss, tokens * slack, wall), tokens};
  }

  bool Hopeless(const Rank& bound) const {
    return result_.best.has_value() && result_.best->rank.AsTuple() < bound.AsTuple();
  }

  void SearchGroup(const Group& group) {
    const Size& size = problem_.sizes()[static_cast<size_t>(group.size_index)];
    const SizeAtPlace at = problem_.At(size, group.place);
    const CostModel& model = ModelOf(group.size_index, group.place.pool_index);
    const LayoutSpace& space = Space(group.size_index);
    const WorkTable& work = WorkOf(group.size_index, group.place.pool_index);
    // Bounds worsen with seconds per token's worth: once this many are hopeless, all more are.
    double hopeless_seconds = kUnlimited;
    const BatchLimits limits = LimitsOf(group, size);
    if (options_.count) entered_ += space.Count(group.place.gpu_count);
    degrees_.clear();
    space.AppendDegrees(group.place.gpu_count, degrees_);
    for (const Degrees& degrees : degrees_) {
      if (Done()) return;
      const std::vector<int64_t>& zero_stages = space.ZeroStages(degrees);
      const std::vector<int64_t>& virtual_stages = space.VirtualStages(degrees.pipeline);
      const size_t first_cell = degrees.slice * work.cells_per_slice;
      const size_t modes = space.RecomputeModes().size();
      for (size_t mode = 0; mode < modes; ++mode) {
        // Micro-batches that may win by their work; memory, which grows with them, is looked at
        // once they are known.
        promising_.clear();
        for (size_t i = 0; i < space.MicroBatchSizes().size(); ++i) {
          const double smallest_batch = static_cast<double>(
              space.MicroBatchSizes()[i] * degrees.data * size.shape.sequence_length);
          const double seconds = work.gpu_seconds_per_token[first_cell + i * modes + mode] /
                                 static_cast<double>(group.place.gpu_count) *
                                 limits.Overhead(smallest_batch);
          if (seconds < hopeless_seconds && !WorthLooking(group, size, at, seconds)) {
            hopeless_seconds = seconds;
          }
          if (seconds < hopeless_seconds) promising_.push_back(space.MicroBatchSizes()[i]);
        }
        const size_t hopeless = space.MicroBatchSizes().size() - promising_.size();
        pruned_ += static_cast<int64_t>(hopeless * zero_stages.size() * virtual_stages.size());
        if (promising_.empty()) continue;
        for (const int64_t zero : zero_stages) {
          Layout layout =
              space.MakeLayout(degrees, zero, promising_[0], space.RecomputeModes()[mode], 1);
          if (StatesBytes(model, layout) > at.capacity_bytes) {
            pruned_ += static_cast<int64_t>(promising_.size() * virtual_stages.size());
            continue;
          }
          for (const int64_t v : virtual_stages) {
            layout.virtual_pipeline_stages = v;
            for (size_t i = 0; i < promising_.size(); ++i) {
              layout.micro_batch_size = promising_[i];
              if (Evaluate(group, at, model, layout, hopeless_seconds, limits) == Fit::kTooLarge) {
                pruned_ += static_cast<int64_t>(promising_.size() - i - 1);
                break;
              }
            }
          }
        }
      }
    }
  }

  // Weights, gradients and optimizer of the fullest stage: the same for every micro-batch,
  // recompute mode and v.
  static double StatesBytes(const CostModel& model, const Layout& layout) {
    const StageMemory stage = model.Memory(layout, 1, /*with_stages=*/false).peak;
    return stage.weights_bytes + stage.gradients_bytes + stage.optimizer_bytes;
  }

  bool WorthLooking(const Group& group, const Size& size, const SizeAtPlace& at,
                    double seconds_per_token) const {
    const std::optional<BestCase> best = Bound(size, at, group.place, seconds_per_token);
    return best.has_value() && !Hopeless(best->rank);
  }

  // What batches may cost in a group, at best: B_crit is largest, so the overhead least, at the
  // lowest loss.
  BatchLimits LimitsOf(const Group& group, const Size& size) const {
    const PlanQuestion& q = problem_.question();
    BatchLimits limits;
    if (q.global_batch_tokens.has_value()) {
      limits.largest_tokens = static_cast<double>(*q.global_batch_tokens);
      return limits;
    }
    // Fixed tokens are spent whatever the batch; a rule that reads tokens has no largest B_crit for
    // a target loss.
    const bool spends_all = problem_.metric() == Metric::kLoss;
    const std::optional<double>& target = q.target_loss_nats;
    const bool by_loss = q.batch_rule == BatchRule::kKaplan2020 || q.noise_scale_tokens.has_value();
    // Where the data-constrained law damps N with D, overhead does not bound the loss that simply.
    if (q.law.family == LawFamily::kDataConstrained) return limits;
    if (size.fixed_tokens.has_value() || (!spends_all && !(target.has_value() && by_loss))) {
      return limits;
    }
    const double loss = spends_all ? group.bound.metric : *target;
    limits.critical_tokens =
        problem_.loss().CriticalBatch(size.law, group.best_case_tokens, loss) / kBoundSlack;
    limits.reference_tokens = problem_.loss().ReferenceBatch(limits.critical_tokens);
    limits.largest_tokens = std::max(kMaxBatchOverCritical * limits.critical_tokens, 1.0);
    return limits;
  }

  // `hopeless_seconds`: seconds per token from which no layout of the group can win.
  Fit Evaluate(const Group& group, const SizeAtPlace& at, const CostModel& model,
               const Layout& layout, double hopeless_seconds, const BatchLimits& limits) {
    const Size& size = problem_.sizes()[static_cast<size_t>(group.size_index)];
    const StepCost step = StepCostOf(problem_, size, model, group.place, layout);
    const double tokens = static_cast<double>(layout.micro_batch_size * layout.data_parallel_size *
                                              size.shape.sequence_length);
    const double seconds = limits.LeastSeconds(step, tokens) * kBoundSlack;
    if (seconds >= hopeless_seconds) {
      ++pruned_;
      return Fit::kUnknown;
    }
    ++result_.summary.evaluated_count;
    if (!FitsAtAll(at, model, layout)) return Fit::kTooLarge;
    const std::optional<Candidate> candidate =
        EvaluateCandidate(problem_, group.size_index, at, model, group.place, layout);
    if (candidate.has_value()) Offer(*candidate);
    return Fit::kFits;
  }

  // A few plain layouts on the fewest and the most GPUs: something to answer when time runs out,
  // and to prune against.
  void TryPlainLayouts() {
    const int sizes = static_cast<int>(problem_.sizes().size());
    for (int pool = 0; pool < static_cast<int>(problem_.question().pools.size()); ++pool) {
      const std::vector<Place> places = problem_.PlacesOf(pool);
      if (places.empty()) continue;
      for (const Place& place : {places.front(), places.back()}) {
        if (place.gpu_count <= options_.min_gpu_count) continue;
        for (int i = 0; i < sizes; i += 1 + sizes / kPlainSizes) {
          if (Done()) return;
          TryPlainLayout(i, place);
        }
      }
    }
  }

  // The least memory an unpipelined layout needs, with the widest tensor split inside a node.
  void TryPlainLayout(int size_index, const Place& place) {
    const Size& size = problem_.sizes()[static_cast<size_t>(size_index)];
    const GpuPool& pool = problem_.question().pools[static_cast<size_t>(place.pool_index)];
    degrees_.clear();
    Space(size_index).AppendDegrees(place.gpu_count, degrees_);
    const Degrees* widest = nullptr;
    for (const Degrees& degrees : degrees_) {
      if (degrees.pipeline == 1 && degrees.context == 1 && degrees.tensor <= pool.gpus_per_node) {
        widest = &degrees;
      }
    }
    const LayoutSpace& space = Space(size_index);
    if (widest == nullptr || space.MicroBatchSizes().empty() || space.RecomputeModes().empty())
      return;
    const std::vector<int64_t>& zero_stages = space.ZeroStages(*widest);
    const std::vector<int64_t>& virtual_stages = space.VirtualStages(1);
    if (zero_stages.empty() || virtual_stages.empty()) return;
    const Layout layout =
        space.MakeLayout(*widest, zero_stages.back(), space.MicroBatchSizes().front(),
                         space.RecomputeModes().back(), virtual_stages.front());
    const std::optional<Candidate> candidate =
        EvaluateCandidate(problem_, size_index, problem_.At(size, place),
                          ModelOf(size_index, place.pool_index), place, layout);
    if (candidate.has_value()) Offer(*candidate);
  }

  void TryHint() {
    const Candidate& hint = *options_.hint;
    if (hint.size_index < 0 || hint.place.gpu_count == 0 ||
        hint.place.pool_index >= static_cast<int>(problem_.question().pools.size())) {
      return;
    }
    const std::vector<Place> places = problem_.PlacesOf(hint.place.pool_index);
    const bool there = std::any_of(places.begin(), places.end(), [&](const Place& place) {
      return place.gpu_count == hint.place.gpu_count;
    });
    if (!there || hint.size_index >= static_cast<int>(problem_.sizes().size())) return;
    const Size& size = problem_.sizes()[static_cast<size_t>(hint.size_index)];
    if (size.total_params != hint.rank.params || !ValidateLayout(size.shape, hint.layout).ok())
      return;
    const std::optional<Candidate> candidate =
        EvaluateCandidate(problem_, hint.size_index, problem_.At(size, hint.place),
                          ModelOf(hint.size_index, hint.place.pool_index), hint.place, hint.layout);
    if (candidate.has_value()) Offer(*candidate);
  }

  void Offer(const Candidate& candidate) {
    if (!result_.best.has_value() || Better(candidate, *result_.best)) result_.best = candidate;
  }

  bool Done() {
    if (options_.any && result_.best.has_value()) return true;
    const PlanOptions* plan_options = options_.plan_options;
    if (plan_options != nullptr && plan_options->should_stop != nullptr &&
        result_.summary.complete && plan_options->should_stop()) {
      result_.summary.complete = false;
    }
    return !result_.summary.complete;
  }

  size_t IndexOf(int size_index, int pool_index) const {
    return static_cast<size_t>(pool_index) * problem_.sizes().size() +
           static_cast<size_t>(size_index);
  }

  const LayoutSpace& Space(int size_index) {
    std::unique_ptr<LayoutSpace>& space = spaces_[static_cast<size_t>(size_index)];
    if (space == nullptr) {
      const PlanQuestion& q = problem_.question();
      space = std::make_unique<LayoutSpace>(problem_.sizes()[static_cast<size_t>(size_index)].shape,
                                            q.precision, q.layout);
    }
    return *space;
  }

  // GPU-seconds per token of the work of all stages on a micro-batch, spread evenly over the GPUs:
  // no pipeline, ZeRO stage or number of GPUs makes a layout of the same slice, micro-batch and
  // recompute faster than that.
  const WorkTable& WorkOf(int size_index, int pool_index) {
    WorkTable& work = work_[IndexOf(size_index, pool_index)];
    if (work.cells_per_slice != 0) return work;
    const Size& size = problem_.sizes()[static_cast<size_t>(size_index)];
    const LayoutSpace& space = Space(size_index);
    const CostModel& model = ModelOf(size_index, pool_index);
    work.cells_per_slice = space.MicroBatchSizes().size() * space.RecomputeModes().size();
    for (size_t slice = 0; slice < space.slice_count(); ++slice) {
      for (const int64_t micro_batch : space.MicroBatchSizes()) {
        for (const Recompute recompute : space.RecomputeModes()) {
          const Layout layout =
              space.MakeLayout(space.SliceDegrees(slice), 0, micro_batch, recompute, 1);
          const double gpus =
              static_cast<double>(layout.tensor_parallel_size * layout.context_parallel_size);
          const double tokens = static_cast<double>(micro_batch * size.shape.sequence_length);
          work.gpu_seconds_per_token.push_back(problem_.question().mfu.has_value()
                                                   ? PeakGpuSeconds(size, pool_index)
                                                   : model.MicroBatchWorkSeconds(layout) * gpus /
                                                         tokens * kBoundSlack);
          work.least = std::min(work.least, work.gpu_seconds_per_token.back());
        }
      }
    }
    return work;
  }

  const CostModel& ModelOf(int size_index, int pool_index) {
    std::unique_ptr<CostModel>& model = models_[IndexOf(size_index, pool_index)];
    if (model == nullptr) {
      const PlanQuestion& q = problem_.question();
      const GpuPool& pool = q.pools[static_cast<size_t>(pool_index)];
      model = std::make_unique<CostModel>(
          problem_.sizes()[static_cast<size_t>(size_index)].shape, pool.gpu,
          Fabric{pool.gpus_per_node, pool.inter_node_bytes_per_second_per_gpu}, q.framework);
    }
    return *model;
  }

  const Problem& problem_;
  const SearchOptions& options_;
  SearchResult result_;
  int64_t pruned_ = 0;
  int64_t entered_ = 0;  // layouts of the places searched, whatever became of them
  std::vector<Degrees> degrees_;
  std::vector<int64_t> promising_;
  // By size, and by pool and size; filled when first asked for.
  std::vector<std::unique_ptr<LayoutSpace>> spaces_;
  std::vector<std::unique_ptr<CostModel>> models_;
  std::vector<WorkTable> work_;
};

}  // namespace

SearchResult Search(const Problem& problem, const SearchOptions& options) {
  return Searcher(problem, options).Run();
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "planner/plan/layout_space.h"

namespace rhumb {
namespace {

// Bounds repeat the model's sums in another order; this much is left for rounding.
constexpr double kBoundSlack = 1 - 1e-9;

// A size at a place: the unit that is sorted and pruned first.
struct Group {
  int size_index = 0;
  Place place;
  Rank bound;
};

class Searcher {
 public:
  Searcher(const Problem& problem, const SearchOptions& options)
      : problem_(problem), options_(options) {}

  SearchResult Run() {
    if (!problem_.has_hardware()) return SearchSizesOnly();
    std::vector<Group> groups = MakeGroups();
    std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
      return a.bound.AsTuple() < b.bound.AsTuple();
    });
    if (options_.hint != nullptr) TryHint();
    for (const Group& group : groups) {
      if (Done()) break;
      SearchGroup(group);
    }
    result_.summary.pruned_count =
        result_.summary.complete
            ? result_.summary.candidate_count - result_.summary.evaluated_count
            : pruned_;
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

  std::vector<Group> MakeGroups() {
    std::vector<Group> groups;
    const int pools = static_cast<int>(problem_.question().pools.size());
    for (int pool = 0; pool < pools; ++pool) {
      const std::vector<Place> places = problem_.PlacesOf(pool);
      for (size_t i = 0; i < problem_.sizes().size(); ++i) {
        const Size& size = problem_.sizes()[i];
        const double seconds = PeakSecondsPerToken(size, pool);
        for (const Place& place : places) {
          if (!options_.any) {
            result_.summary.candidate_count += Space(static_cast<int>(i)).Count(place.gpu_count);
          }
          const std::optional<Rank> bound =
              Bound(size, problem_.At(size, place), place,
                    seconds / static_cast<double>(place.gpu_count));
          if (bound.has_value()) groups.push_back({static_cast<int>(i), place, *bound});
        }
      }
    }
    return groups;
  }

  // GPU-seconds per token at the dense peak: no layout is faster, for the model never exceeds an efficiency of 1.
  double PeakSecondsPerToken(const Size& size, int pool_index) {
    const PlanQuestion& q = problem_.question();
    const GpuPool& pool = q.pools[static_cast<size_t>(pool_index)];
    const double peak = PeakFlopsPerSecond(pool.gpu, q.precision).value_or(1);
    if (q.mfu.has_value()) return size.flops_per_token / (peak * *q.mfu);
    return ModelOf(IndexOf(size), pool_index).ModelFlopsPerToken() / peak * kBoundSlack;
  }

  int IndexOf(const Size& size) const {
    return static_cast<int>(&size - problem_.sizes().data());
  }

  // Best rank any layout could have if a token takes no less than `seconds_per_token`; nullopt if even that is
  // infeasible. Loss falls with tokens and tokens with speed; where spending all tokens is the aim, the cost bound may
  // assume that all are spent, because a candidate that spends fewer is already worse in its loss.
  std::optional<Rank> Bound(const Size& size, const SizeAtPlace& at, const Place& place,
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
    return RankOf(problem_, size, at, place, loss, tokens * slack, wall);
  }

  bool Hopeless(const Rank& bound) const {
    return result_.best.has_value() && result_.best->rank.AsTuple() < bound.AsTuple();
  }

  void SearchGroup(const Group& group) {
    if (Hopeless(group.bound)) return;
    const Size& size = problem_.sizes()[static_cast<size_t>(group.size_index)];
    const SizeAtPlace at = problem_.At(size, group.place);
    const CostModel& model = ModelOf(group.size_index, group.place.pool_index);
    const LayoutSpace& space = Space(group.size_index);
    degrees_.clear();
    space.AppendDegrees(group.place.gpu_count, degrees_);
    for (const Degrees& degrees : degrees_) {
      if (Done()) return;
      const std::vector<int64_t>& zero_stages = space.ZeroStages(degrees);
      const std::vector<int64_t>& virtual_stages = space.VirtualStages(degrees.pipeline);
      for (const int64_t zero : zero_stages) {
        for (const int64_t micro_batch : space.MicroBatchSizes()) {
          for (const Recompute recompute : space.RecomputeModes()) {
            Layout layout = space.MakeLayout(degrees, zero, micro_batch, recompute, 1);
            if (!WorthLooking(group, size, at, model, layout)) {
              pruned_ += static_cast<int64_t>(virtual_stages.size());
              continue;
            }
            for (const int64_t v : virtual_stages) {
              layout.virtual_pipeline_stages = v;
              Evaluate(group, at, model, layout);
            }
          }
        }
      }
    }
  }

  // Whether the work of all stages on a micro-batch, perfectly spread over the GPUs, could still win.
  bool WorthLooking(const Group& group, const Size& size, const SizeAtPlace& at,
                    const CostModel& model, const Layout& layout) {
    if (problem_.question().mfu.has_value()) return !Hopeless(group.bound);
    const double tokens = static_cast<double>(layout.micro_batch_size * layout.data_parallel_size *
                                              layout.pipeline_parallel_size * size.shape.sequence_length);
    const double seconds = Work(group, model, layout) / tokens * kBoundSlack;
    const std::optional<Rank> bound = Bound(size, at, group.place, seconds);
    return bound.has_value() && !Hopeless(*bound);
  }

  double Work(const Group& group, const CostModel& model, const Layout& layout) {
    const auto key = std::make_tuple(group.size_index, group.place.pool_index,
                                     layout.tensor_parallel_size, layout.context_parallel_size,
                                     layout.expert_parallel_size, layout.micro_batch_size,
                                     static_cast<int>(layout.recompute));
    const auto [it, inserted] = work_.try_emplace(key, 0.0);
    if (inserted) it->second = model.MicroBatchWorkSeconds(layout);
    return it->second;
  }

  void Evaluate(const Group& group, const SizeAtPlace& at, const CostModel& model,
                const Layout& layout) {
    ++result_.summary.evaluated_count;
    const std::optional<Candidate> candidate =
        EvaluateCandidate(problem_, group.size_index, at, model, group.place, layout);
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
    if (size.total_params != hint.rank.params || !ValidateLayout(size.shape, hint.layout).ok()) return;
    const std::optional<Candidate> candidate = EvaluateCandidate(
        problem_, hint.size_index, problem_.At(size, hint.place),
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
        result_.summary.complete && ++polls_ % 64 == 0 && plan_options->should_stop()) {
      result_.summary.complete = false;
    }
    return !result_.summary.complete;
  }

  const LayoutSpace& Space(int size_index) {
    std::unique_ptr<LayoutSpace>& space = spaces_[size_index];
    if (space == nullptr) {
      const PlanQuestion& q = problem_.question();
      space = std::make_unique<LayoutSpace>(problem_.sizes()[static_cast<size_t>(size_index)].shape,
                                            q.precision, q.layout);
    }
    return *space;
  }

  const CostModel& ModelOf(int size_index, int pool_index) {
    std::unique_ptr<CostModel>& model = models_[{size_index, pool_index}];
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
  int64_t polls_ = 0;
  std::vector<Degrees> degrees_;
  std::map<int, std::unique_ptr<LayoutSpace>> spaces_;
  std::map<std::pair<int, int>, std::unique_ptr<CostModel>> models_;
  std::map<std::tuple<int, int, int64_t, int64_t, int64_t, int64_t, int>, double> work_;
};

}  // namespace

SearchResult Search(const Problem& problem, const SearchOptions& options) {
  return Searcher(problem, options).Run();
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/search.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "planner/plan/layout_space.h"
#include "planner/plan/place_search.h"
#include "planner/plan/search_bounds.h"
#include "planner/plan/slice_table.h"

namespace rhumb {
namespace {

// Sizes tried with a plain layout before the search proper.
constexpr int kPlainSizes = 16;

// A size at the places `first` to `last` of a pool: what is bounded, split and pruned as one.
struct Region {
  int size_index = 0;
  int pool_index = 0;
  size_t first = 0, last = 0;
  bool is_exact = false;     // bounded by its one place, not only by what holds for many
  bool knows_curve = false;  // bounded by the work curve as well
  BestCase best;
  decltype(Rank().AsTuple()) order;

  // The greatest of a heap is the best.
  bool operator<(const Region& other) const { return other.order < order; }
};

class Searcher {
 public:
  Searcher(const Problem& problem, const SearchOptions& options)
      : problem_(problem), options_(options), costs_(options.costs) {
    if (costs_ == nullptr || !costs_->Serves(problem.question())) {
      own_costs_ = std::make_unique<CostCache>(problem.question());
      costs_ = own_costs_.get();
    }
    in_pool_.resize(problem.sizes().size() * problem.question().pools.size());
  }

  SearchResult Run() {
    if (!problem_.has_hardware()) return SearchSizesOnly();
    for (int pool = 0; pool < PoolCount(); ++pool) places_.push_back(PlacesOf(pool));
    if (options_.count) CountCandidates();
    if (options_.hint != nullptr) TryHint();
    TryPlainLayouts();
    AddRegions();
    while (!regions_.empty() && !Done()) {
      std::pop_heap(regions_.begin(), regions_.end());
      const Region region = std::move(regions_.back());
      regions_.pop_back();
      // The best that is left: if it is hopeless, all are.
      if (progress_.IsHopeless(region.best.rank)) break;
      if (DrawCurve(region)) continue;
      if (region.is_exact) {
        SearchPlace(region);
      } else if (region.first == region.last) {
        AddExact(region);
      } else {
        const size_t middle = region.first + (region.last - region.first) / 2;
        Add(region.size_index, region.pool_index, region.first, middle);
        Add(region.size_index, region.pool_index, middle + 1, region.last);
      }
    }
    // Layouts of places never entered are pruned as one; those of the others were counted one by
    // one.
    summary_.evaluated_count = progress_.evaluated_count;
    summary_.pruned_count =
        progress_.pruned_count + summary_.candidate_count - progress_.entered_count;
    return {Best(), std::move(progress_.tight_places), summary_};
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
      ++summary_.candidate_count;
      ++summary_.evaluated_count;
      const std::optional<BatchChoice> batch = ChooseBatch(problem_, sizes[i], nowhere, space);
      if (!batch.has_value()) continue;
      Candidate candidate;
      candidate.size_index = static_cast<int>(i);
      candidate.batch = *batch;
      candidate.rank = RankOf(problem_, sizes[i], nowhere, Place{}, batch->loss.loss_nats,
                              batch->token_count, 0);
      progress_.Offer(candidate);
    }
    return {Best(), {}, summary_};
  }

  std::optional<Candidate> Best() const {
    if (progress_.best().empty()) return std::nullopt;
    return progress_.best().front();
  }

  int SizeCount() const { return static_cast<int>(problem_.sizes().size()); }
  int PoolCount() const { return static_cast<int>(problem_.question().pools.size()); }

  std::vector<Place> PlacesOf(int pool_index) const {
    std::vector<Place> places = problem_.PlacesOf(pool_index);
    std::erase_if(places,
                  [this](const Place& place) { return place.gpu_count <= options_.min_gpu_count; });
    if (options_.searched == nullptr) return places;
    const std::vector<Place> searched = options_.searched->PlacesOf(pool_index);
    std::erase_if(places, [&searched](const Place& place) {
      return std::any_of(searched.begin(), searched.end(), [&place](const Place& known) {
        return known.gpu_count == place.gpu_count;
      });
    });
    return places;
  }

  void CountCandidates() {
    for (const std::vector<Place>& places : places_) {
      std::vector<int64_t> gpu_counts;
      for (const Place& place : places) gpu_counts.push_back(place.gpu_count);
      const GpuCounts counts(gpu_counts);
      for (int i = 0; i < SizeCount(); ++i) {
        summary_.candidate_count +=
            costs_->SpaceOf(problem_.sizes()[static_cast<size_t>(i)]).Count(counts);
      }
    }
  }

  // With what is known so far; regions are bounded again once more is.
  SearchBounds BoundsOf(int size_index, int pool_index) {
    return SearchBounds(problem_, problem_.sizes()[static_cast<size_t>(size_index)], pool_index,
                        InPool(size_index, pool_index));
  }

  // Learns more of the size and pool of `region`, which is bounded again; false if there is no more
  // to learn.
  bool DrawCurve(const Region& region) {
    SizeInPool& shared = InPool(region.size_index, region.pool_index);
    if (region.knows_curve || problem_.question().mfu.has_value()) return false;
    const double capacity_bytes = problem_.CapacityBytes(region.pool_index);
    if (!shared.HasCurveFor(capacity_bytes)) {
      const ModelShape& shape = SizeOf(region).shape;
      shared.curve.emplace(shared.slices, shared.space, shared.model,
                           static_cast<double>(shape.sequence_length),
                           static_cast<double>(shape.num_layers), capacity_bytes * kMemorySlack);
    }
    Add(region.size_index, region.pool_index, region.first, region.last);
    return true;
  }

  void Push(Region region) {
    if (progress_.IsHopeless(region.best.rank)) return;
    region.order = region.best.rank.AsTuple();
    regions_.push_back(region);
    std::push_heap(regions_.begin(), regions_.end());
  }

  void AddRegions() {
    if (options_.only != nullptr) {
      for (const TightPlace& opened : *options_.only) {
        const std::vector<Place>& places = places_[static_cast<size_t>(opened.pool_index)];
        for (size_t i = 0; i < places.size(); ++i) {
          if (places[i].gpu_count == opened.gpu_count)
            Add(opened.size_index, opened.pool_index, i, i);
        }
      }
      return;
    }
    for (int pool = 0; pool < PoolCount(); ++pool) {
      const size_t count = places_[static_cast<size_t>(pool)].size();
      for (int i = 0; i < SizeCount() && count > 0; ++i) Add(i, pool, 0, count - 1);
    }
  }

  void Add(int size_index, int pool_index, size_t first, size_t last) {
    const std::vector<Place>& places = places_[static_cast<size_t>(pool_index)];
    const std::optional<BestCase> best =
        BoundsOf(size_index, pool_index).OfPlaces(places[first], places[last]);
    const bool knows_curve =
        InPool(size_index, pool_index).HasCurveFor(problem_.CapacityBytes(pool_index));
    if (best.has_value()) {
      Push({size_index, pool_index, first, last, false, knows_curve, *best, {}});
    }
  }

  void AddExact(Region region) {
    const Place& place = PlaceOf(region);
    const SizeAtPlace at = problem_.At(SizeOf(region), place);
    const std::optional<BestCase> best =
        BoundsOf(region.size_index, region.pool_index).OfPlace(at, place);
    if (!best.has_value()) return;
    region.best = *best;
    region.is_exact = true;
    Push(std::move(region));
  }

  const Size& SizeOf(const Region& region) const {
    return problem_.sizes()[static_cast<size_t>(region.size_index)];
  }
  const Place& PlaceOf(const Region& region) const {
    return places_[static_cast<size_t>(region.pool_index)][region.first];
  }

  void SearchPlace(const Region& region) {
    PlaceSearch(problem_, region.size_index, InPool(region.size_index, region.pool_index),
                PlaceOf(region), region.best, progress_)
        .Run([this] { return Done(); });
  }

  // A few plain layouts on the fewest and the most GPUs: something to answer when time runs out,
  // and to prune against.
  void TryPlainLayouts() {
    const int sizes = SizeCount();
    for (const std::vector<Place>& places : places_) {
      if (places.empty()) continue;
      for (const Place& place : {places.front(), places.back()}) {
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
    SizeInPool& shared = InPool(size_index, place.pool_index);
    const LayoutSpace& space = shared.space;
    space.AppendDegrees(place.gpu_count, degrees_);
    const Degrees* widest = nullptr;
    for (const Degrees& degrees : degrees_) {
      if (degrees.pipeline == 1 && degrees.context == 1 && degrees.tensor <= pool.gpus_per_node) {
        widest = &degrees;
      }
    }
    if (widest == nullptr || space.MicroBatchSizes().empty() || space.RecomputeModes().empty())
      return;
    const std::vector<int64_t>& zero_stages = space.ZeroStages(*widest);
    const std::vector<int64_t>& virtual_stages = space.VirtualStages(1);
    if (zero_stages.empty() || virtual_stages.empty()) return;
    const Layout layout =
        space.MakeLayout(*widest, zero_stages.back(), space.MicroBatchSizes().front(),
                         space.RecomputeModes().back(), virtual_stages.front());
    const std::optional<Candidate> candidate = EvaluateCandidate(
        problem_, size_index, problem_.At(size, place), shared.model, place, layout);
    if (candidate.has_value()) progress_.Offer(*candidate);
  }

  void TryHint() {
    const Candidate& hint = *options_.hint;
    if (options_.searched != nullptr || options_.only != nullptr) {
      progress_.Offer(hint);
      return;
    }
    if (hint.size_index < 0 || hint.place.gpu_count == 0 ||
        hint.place.pool_index >= static_cast<int>(problem_.question().pools.size())) {
      return;
    }
    const std::vector<Place>& places = places_[static_cast<size_t>(hint.place.pool_index)];
    const bool there = std::any_of(places.begin(), places.end(), [&](const Place& place) {
      return place.gpu_count == hint.place.gpu_count;
    });
    if (!there || hint.size_index >= static_cast<int>(problem_.sizes().size())) return;
    const Size& size = problem_.sizes()[static_cast<size_t>(hint.size_index)];
    if (size.total_params != hint.rank.params || !ValidateLayout(size.shape, hint.layout).ok())
      return;
    const std::optional<Candidate> candidate = EvaluateCandidate(
        problem_, hint.size_index, problem_.At(size, hint.place),
        InPool(hint.size_index, hint.place.pool_index).model, hint.place, hint.layout);
    if (candidate.has_value()) progress_.Offer(*candidate);
  }

  bool Done() {
    if (options_.any && !progress_.best().empty()) return true;
    const PlanOptions* plan_options = options_.plan_options;
    if (plan_options != nullptr && plan_options->should_stop != nullptr && summary_.complete &&
        plan_options->should_stop()) {
      summary_.complete = false;
    }
    return !summary_.complete;
  }

  SizeInPool& InPool(int size_index, int pool_index) {
    SizeInPool*& shared = in_pool_[static_cast<size_t>(pool_index) * problem_.sizes().size() +
                                   static_cast<size_t>(size_index)];
    if (shared == nullptr) {
      shared = &costs_->Of(problem_.sizes()[static_cast<size_t>(size_index)], pool_index);
    }
    return *shared;
  }

  const Problem& problem_;
  const SearchOptions& options_;
  SearchSummary summary_;
  SearchProgress progress_;
  std::vector<Degrees> degrees_;
  std::unique_ptr<CostCache> own_costs_;
  CostCache* costs_;
  std::vector<SizeInPool*> in_pool_;        // by pool and size; those asked for
  std::vector<std::vector<Place>> places_;  // by pool
  std::vector<Region> regions_;             // a heap
};

}  // namespace

SearchResult Search(const Problem& problem, const SearchOptions& options) {
  return Searcher(problem, options).Run();
}

}  // namespace rhumb

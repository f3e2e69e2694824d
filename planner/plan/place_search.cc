// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/place_search.h"

#include <algorithm>

namespace rhumb {
namespace {

constexpr size_t kUsualDegrees = 256;
// From the pipeline size times the virtual stages on, more hold no more activations.
constexpr int64_t kManyMicroBatches = int64_t{1} << 30;

}  // namespace

PlaceSearch::PlaceSearch(const Problem& problem, int size_index, SizeInPool& shared,
                         const Place& place, const BestCase& best_case, SearchProgress& progress)
    : problem_(problem),
      size_index_(size_index),
      size_(problem.sizes()[static_cast<size_t>(size_index)]),
      shared_(shared),
      bounds_(problem, size_, place.pool_index, shared),
      place_(place),
      at_(problem.At(size_, place)),
      limits_(bounds_.LimitsOf(best_case)),
      progress_(progress) {}

void PlaceSearch::Run(const std::function<bool()>& is_done) {
  std::vector<Degrees> all;
  all.reserve(kUsualDegrees);
  shared_.space.AppendDegrees(place_.gpu_count, all);
  for (const Degrees& degrees : all) progress_.entered_count += shared_.space.CountInside(degrees);
  for (const Degrees& degrees : all) {
    if (is_done()) break;
    SearchDegrees(degrees);
  }
  if (least_refused_bytes_ < kUnlimited) {
    progress_.tight_places.push_back({.size_index = size_index_,
                                      .pool_index = place_.pool_index,
                                      .gpu_count = place_.gpu_count,
                                      .least_share = least_refused_bytes_ / at_.capacity_bytes});
  }
}

void PlaceSearch::SearchDegrees(const Degrees& degrees) {
  const LayoutSpace& space = shared_.space;
  if (space.MicroBatchSizes().empty()) return;
  const SliceTable::Slice& slice = shared_.slices.Of(degrees.slice);
  // No stage works less than the mean of them.
  const double mean_seconds =
      slice.least_gpu_seconds_per_token / static_cast<double>(place_.gpu_count);
  if (!limits_.MayTakeLess(hopeless_seconds_, mean_seconds, 0,
                           SmallestBatch(degrees, space.MicroBatchSizes().front()))) {
    progress_.pruned_count += space.CountInside(degrees);
    return;
  }
  // An effective MFU says it all.
  skew_share_ = problem_.question().mfu.has_value()
                    ? 0
                    : shared_.model.SkewShare(static_cast<double>(degrees.data * degrees.context));
  // And the slowest waits.
  const double least_seconds = mean_seconds * (1 + skew_share_);
  // Larger micro-batches come in larger batches: the first that cannot win ends them.
  const size_t all = space.MicroBatchSizes().size();
  in_degrees_.clear();
  while (in_degrees_.size() < all) {
    const double batch_tokens = SmallestBatch(degrees, space.MicroBatchSizes()[in_degrees_.size()]);
    if (batch_tokens > limits_.largest_tokens ||
        !limits_.MayTakeLess(hopeless_seconds_, least_seconds, 0, batch_tokens) ||
        !MayWin(least_seconds * limits_.Overhead(batch_tokens))) {
      break;
    }
    in_degrees_.push_back(in_degrees_.size());
  }
  if (in_degrees_.empty()) {
    progress_.pruned_count += space.CountInside(degrees);
    return;
  }
  stages_ = &shared_.slices.StagesOf(degrees.pipeline);
  KeepPromising(degrees, slice.least.data(), 1, {}, in_degrees_);
  const size_t zero_stages = space.ZeroStages(degrees).size();
  progress_.pruned_count += static_cast<int64_t>((all - in_degrees_.size()) * zero_stages *
                                                 LayoutsPerMicroBatch(degrees));
  if (in_degrees_.empty()) return;
  const double least_bytes = shared_.slices.LeastBytes(degrees);
  if (least_bytes > at_.capacity_bytes) {
    NoteTooLarge(least_bytes);
    progress_.pruned_count +=
        static_cast<int64_t>(in_degrees_.size() * zero_stages * LayoutsPerMicroBatch(degrees));
    return;
  }
  for (size_t zero = 0; zero < zero_stages; ++zero) SearchZeroStage(degrees, slice, zero);
}

size_t PlaceSearch::LayoutsPerMicroBatch(const Degrees& degrees) const {
  return shared_.space.RecomputeModes().size() *
         shared_.space.VirtualStages(degrees.pipeline).size();
}

void PlaceSearch::KeepPromising(const Degrees& degrees, const SliceTable::Cell* cells,
                                size_t stride, const ExchangeSeconds& exchange,
                                std::vector<size_t>& kept) {
  const std::vector<int64_t>& micro_batches = shared_.space.MicroBatchSizes();
  if (shared_.space.VirtualStages(degrees.pipeline).empty()) kept.clear();
  std::erase_if(kept, [&](size_t i) {
    return !MayWin(LeastSecondsOf(degrees, cells[i * stride], exchange, micro_batches[i]));
  });
}

double PlaceSearch::LeastSecondsOf(const Degrees& degrees, const SliceTable::Cell& cell,
                                   const ExchangeSeconds& exchange, int64_t micro_batch) const {
  const double unit_tokens = SmallestBatch(degrees, micro_batch);
  if (problem_.question().mfu.has_value()) {
    return cell.gpu_seconds_per_token / static_cast<double>(place_.gpu_count) *
           limits_.Overhead(unit_tokens);
  }
  // Stages wait for the slowest, and for each other at the ends of a step.
  const int64_t most_virtual_stages = shared_.space.VirtualStages(degrees.pipeline).back();
  const PaceSeconds pace = shared_.model.Pace(cell.units, *stages_);
  StepCost step = shared_.model.StepWithoutSends(pace, exchange, most_virtual_stages);
  step.per_micro_batch_seconds += skew_share_ * pace.slowest_stage;
  if (!limits_.MayTakeLess(hopeless_seconds_, step.per_micro_batch_seconds / unit_tokens,
                           step.fixed_seconds, unit_tokens)) {
    return kUnlimited;
  }
  return limits_.LeastSeconds(step, unit_tokens) * kBoundSlack;
}

void PlaceSearch::SearchZeroStage(const Degrees& degrees, const SliceTable::Slice& slice,
                                  size_t zero) {
  const LayoutSpace& space = shared_.space;
  Layout layout = space.MakeLayout(degrees, space.ZeroStages(degrees)[zero],
                                   space.MicroBatchSizes().front(), Recompute::kNone, 1);
  exchange_ =
      problem_.question().mfu.has_value() ? ExchangeSeconds{} : shared_.model.Exchange(layout);
  states_fit_.reset();
  in_zero_stage_ = in_degrees_;
  KeepPromising(degrees, slice.least.data(), 1, exchange_, in_zero_stage_);
  progress_.pruned_count += static_cast<int64_t>((in_degrees_.size() - in_zero_stage_.size()) *
                                                 LayoutsPerMicroBatch(degrees));
  if (in_zero_stage_.empty()) return;
  for (size_t mode = 0; mode < space.RecomputeModes().size(); ++mode) {
    in_mode_ = in_zero_stage_;
    KeepPromising(degrees, slice.cells.data() + mode, space.RecomputeModes().size(), exchange_,
                  in_mode_);
    progress_.pruned_count += static_cast<int64_t>((in_zero_stage_.size() - in_mode_.size()) *
                                                   space.VirtualStages(degrees.pipeline).size());
    layout.recompute = space.RecomputeModes()[mode];
    if (!in_mode_.empty()) SearchRecompute(degrees, slice, mode, layout);
  }
}

void PlaceSearch::SearchRecompute(const Degrees& degrees, const SliceTable::Slice& slice,
                                  size_t mode, Layout layout) {
  const LayoutSpace& space = shared_.space;
  for (const int64_t v : space.VirtualStages(degrees.pipeline)) {
    layout.virtual_pipeline_stages = v;
    for (size_t i = 0; i < in_mode_.size(); ++i) {
      layout.micro_batch_size = space.MicroBatchSizes()[in_mode_[i]];
      const StepCost step =
          StepOf(layout, slice, in_mode_[i] * space.RecomputeModes().size() + mode);
      const double least =
          limits_.LeastSeconds(step, SmallestBatch(degrees, layout.micro_batch_size)) * kBoundSlack;
      if (!MayWin(least)) {
        ++progress_.pruned_count;
        continue;
      }
      if (!states_fit_.has_value()) {
        const double bytes = StatesBytes(layout);
        states_fit_ = bytes <= at_.capacity_bytes;
        if (!*states_fit_) NoteTooLarge(bytes);
      }
      if (!*states_fit_) {
        ++progress_.pruned_count;
        continue;
      }
      ++progress_.evaluated_count;
      const double fewest_bytes = LeastBytesOf(shared_.model, layout);
      if (fewest_bytes > at_.capacity_bytes) {
        NoteTooLarge(fewest_bytes);
        // Nor does any larger micro-batch.
        progress_.pruned_count += static_cast<int64_t>(in_mode_.size() - i - 1);
        break;
      }
      const std::optional<Candidate> candidate =
          EvaluateCandidate(problem_, size_index_, at_, shared_.model, place_, layout);
      if (candidate.has_value() && progress_.Offer(*candidate)) promising_seconds_ = 0;
      // Memory may have set the number of micro-batches, and so the batch.
      if (shared_.model.Memory(layout, kManyMicroBatches, /*with_stages=*/false).p95_bytes >
          at_.capacity_bytes) {
        NoteTooLarge(at_.capacity_bytes);
      }
    }
  }
}

StepCost PlaceSearch::StepOf(const Layout& layout, const SliceTable::Slice& slice,
                             size_t cell) const {
  const CostModel& model = shared_.model;
  if (problem_.question().mfu.has_value()) {
    return StepCostOf(problem_, size_, model, place_, layout);
  }
  return model.Step(layout, slice.shares_units ? slice.cells[cell].units : model.Units(layout),
                    *stages_, exchange_);
}

bool PlaceSearch::MayWin(double seconds_per_token) {
  if (seconds_per_token >= hopeless_seconds_) return false;
  if (seconds_per_token <= promising_seconds_) return true;
  const std::optional<BestCase> best = bounds_.OfPlace(at_, place_, seconds_per_token);
  if (best.has_value() && !progress_.IsHopeless(best->rank)) {
    promising_seconds_ = seconds_per_token;
    return true;
  }
  hopeless_seconds_ = seconds_per_token;
  return false;
}

double PlaceSearch::SmallestBatch(const Degrees& degrees, int64_t micro_batch) const {
  return static_cast<double>(micro_batch * degrees.data * size_.shape.sequence_length);
}

double PlaceSearch::StatesBytes(const Layout& layout) const {
  const StageMemory stage = shared_.model.Memory(layout, 1, /*with_stages=*/false).peak;
  return stage.weights_bytes + stage.gradients_bytes + stage.optimizer_bytes;
}

void PlaceSearch::NoteTooLarge(double bytes) {
  least_refused_bytes_ = std::min(least_refused_bytes_, bytes);
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/place_search.h"

namespace rhumb {
namespace {

constexpr size_t kUsualDegrees = 256;

}  // namespace

PlaceSearch::PlaceSearch(const Problem& problem, int size_index, SizeInPool& shared,
                         const Place& place, const BestCase& best_case, SearchProgress& progress)
    : problem_(problem),
      size_index_(size_index),
      size_(problem.sizes()[static_cast<size_t>(size_index)]),
      shared_(shared),
      bounds_(problem, size_, shared),
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
    if (is_done()) return;
    SearchDegrees(degrees);
  }
}

void PlaceSearch::SearchDegrees(const Degrees& degrees) {
  const LayoutSpace& space = shared_.space;
  if (space.MicroBatchSizes().empty()) return;
  const SliceTable::Slice& slice = shared_.slices.Of(degrees.slice);
  const double least = slice.least_gpu_seconds_per_token / static_cast<double>(place_.gpu_count) *
                       limits_.Overhead(SmallestBatch(degrees, space.MicroBatchSizes().front()));
  if (!MayWin(least)) {
    progress_.pruned_count += space.CountInside(degrees);
    return;
  }
  stages_ = &shared_.slices.StagesOf(degrees.pipeline);
  FindPromising(degrees, slice);
  const size_t zero_stages = space.ZeroStages(degrees).size();
  const size_t virtual_stages = space.VirtualStages(degrees.pipeline).size();
  const size_t modes = space.RecomputeModes().size();
  progress_.pruned_count += static_cast<int64_t>(
      (space.MicroBatchSizes().size() - promising_.size()) * modes * zero_stages * virtual_stages);
  if (promising_.empty()) return;
  exchange_.fill(std::nullopt);
  states_fit_.fill(std::nullopt);
  for (size_t mode = 0; mode < modes; ++mode) {
    promising_in_mode_.clear();
    for (const size_t i : promising_) {
      if (MayWin(
              LeastSecondsOf(degrees, slice.cells[i * modes + mode], space.MicroBatchSizes()[i]))) {
        promising_in_mode_.push_back(i);
      }
    }
    progress_.pruned_count += static_cast<int64_t>((promising_.size() - promising_in_mode_.size()) *
                                                   zero_stages * virtual_stages);
    if (promising_in_mode_.empty()) continue;
    for (size_t zero = 0; zero < zero_stages; ++zero) SearchZeroStage(degrees, slice, mode, zero);
  }
}

void PlaceSearch::FindPromising(const Degrees& degrees, const SliceTable::Slice& slice) {
  const std::vector<int64_t>& micro_batches = shared_.space.MicroBatchSizes();
  promising_.clear();
  if (shared_.space.VirtualStages(degrees.pipeline).empty()) return;
  for (size_t i = 0; i < micro_batches.size(); ++i) {
    if (MayWin(LeastSecondsOf(degrees, slice.least[i], micro_batches[i]))) promising_.push_back(i);
  }
}

double PlaceSearch::LeastSecondsOf(const Degrees& degrees, const SliceTable::Cell& cell,
                                   int64_t micro_batch) const {
  const double unit_tokens = SmallestBatch(degrees, micro_batch);
  if (problem_.question().mfu.has_value()) {
    return cell.gpu_seconds_per_token / static_cast<double>(place_.gpu_count) *
           limits_.Overhead(unit_tokens);
  }
  // Stages wait for the slowest, and for each other at the ends of a step.
  const int64_t most_virtual_stages = shared_.space.VirtualStages(degrees.pipeline).back();
  return limits_.LeastSeconds(shared_.model.WorkStep(cell.units, *stages_, most_virtual_stages),
                              unit_tokens) *
         kBoundSlack;
}

void PlaceSearch::SearchZeroStage(const Degrees& degrees, const SliceTable::Slice& slice,
                                  size_t mode, size_t zero) {
  const LayoutSpace& space = shared_.space;
  const std::vector<int64_t>& micro_batches = space.MicroBatchSizes();
  const size_t modes = space.RecomputeModes().size();
  Layout layout = space.MakeLayout(degrees, space.ZeroStages(degrees)[zero], micro_batches.front(),
                                   space.RecomputeModes()[mode], 1);
  for (const int64_t v : space.VirtualStages(degrees.pipeline)) {
    layout.virtual_pipeline_stages = v;
    for (size_t i = 0; i < promising_in_mode_.size(); ++i) {
      layout.micro_batch_size = micro_batches[promising_in_mode_[i]];
      const StepCost step = StepOf(layout, slice, promising_in_mode_[i] * modes + mode, zero);
      const double least =
          limits_.LeastSeconds(step, SmallestBatch(degrees, layout.micro_batch_size)) * kBoundSlack;
      if (!MayWin(least)) {
        ++progress_.pruned_count;
        continue;
      }
      if (!states_fit_[zero].has_value()) states_fit_[zero] = StatesFit(layout);
      if (!*states_fit_[zero]) {
        ++progress_.pruned_count;
        continue;
      }
      ++progress_.evaluated_count;
      if (!FitsAtAll(at_, shared_.model, layout)) {
        // Nor does any larger micro-batch.
        progress_.pruned_count += static_cast<int64_t>(promising_in_mode_.size() - i - 1);
        break;
      }
      const std::optional<Candidate> candidate =
          EvaluateCandidate(problem_, size_index_, at_, shared_.model, place_, layout);
      if (candidate.has_value() && progress_.Offer(*candidate)) promising_seconds_ = 0;
    }
  }
}

StepCost PlaceSearch::StepOf(const Layout& layout, const SliceTable::Slice& slice, size_t cell,
                             size_t zero) {
  const CostModel& model = shared_.model;
  if (problem_.question().mfu.has_value()) {
    return StepCostOf(problem_, size_, model, place_, layout);
  }
  if (!exchange_[zero].has_value()) exchange_[zero] = model.Exchange(layout);
  return model.Step(layout, slice.shares_units ? slice.cells[cell].units : model.Units(layout),
                    *stages_, *exchange_[zero]);
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

bool PlaceSearch::StatesFit(const Layout& layout) const {
  const StageMemory stage = shared_.model.Memory(layout, 1, /*with_stages=*/false).peak;
  return stage.weights_bytes + stage.gradients_bytes + stage.optimizer_bytes <= at_.capacity_bytes;
}

}  // namespace rhumb

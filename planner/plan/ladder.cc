// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/ladder.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace rhumb {
namespace {

constexpr double kSmallHeadBelow = 1e9;
constexpr double kGroupedQueryFrom = 3e9;
constexpr int64_t kGroupedKeyValueHeads = 8;
constexpr int64_t kMinHidden = 256;
constexpr int64_t kMaxHidden = 65536;
constexpr int64_t kMinAspect = 64;  // hidden / layers
constexpr int64_t kMaxAspect = 160;
constexpr int64_t kReshapeStep = 32;  // of the FFN width
constexpr size_t kUsualRungs = 1 << 17;

int64_t RoundToMultiple(double value, int64_t multiple) {
  return std::max<int64_t>(1, std::llround(value / static_cast<double>(multiple))) * multiple;
}

ModelShape MakeShape(int64_t hidden, int64_t layers, bool small_heads, bool grouped) {
  ModelShape shape;
  shape.num_layers = layers;
  shape.hidden_size = hidden;
  shape.head_dim = small_heads ? 64 : 128;
  shape.num_attention_heads = hidden / shape.head_dim;
  shape.num_key_value_heads = grouped ? kGroupedKeyValueHeads : shape.num_attention_heads;
  shape.ffn_hidden_size = RoundToMultiple(8.0 / 3.0 * static_cast<double>(hidden), 256);
  shape.gated = true;
  shape.tied_embeddings = small_heads;
  return shape;
}

// A shape by what the rules choose: few figures, as there are many thousand.
struct Rung {
  int64_t hidden = 0, layers = 0;
  bool small_heads = false, grouped = false;
  double param_count = 0;  // non-embedding

  ModelShape Shape() const { return MakeShape(hidden, layers, small_heads, grouped); }
};

double NonEmbeddingParams(const Rung& rung) {
  ModelShape shape = rung.Shape();
  shape.vocab_size = 1;
  return ParamCount(shape, ParamCountConvention::kNonEmbedding);
}

// All shapes the rules allow, whatever their size, smallest first.
std::vector<Rung> AllowedShapes() {
  std::vector<Rung> rungs;
  rungs.reserve(kUsualRungs);
  for (int64_t hidden = kMinHidden; hidden <= kMaxHidden; hidden += 128) {
    // The class of a size decides its heads, and its heads its size: accept where both agree.
    for (const auto& [small_heads, grouped] :
         {std::pair{true, false}, std::pair{false, false}, std::pair{false, true}}) {
      if (grouped && hidden % (128 * kGroupedKeyValueHeads) != 0) continue;
      Rung rung{.hidden = hidden, .layers = 1, .small_heads = small_heads, .grouped = grouped};
      const double one_layer = NonEmbeddingParams(rung);
      rung.layers = 2;
      const double each_layer = NonEmbeddingParams(rung) - one_layer;
      for (rung.layers = (hidden + kMaxAspect - 1) / kMaxAspect; rung.layers * kMinAspect <= hidden;
           ++rung.layers) {
        rung.param_count = one_layer + each_layer * static_cast<double>(rung.layers - 1);
        if (small_heads != (rung.param_count < kSmallHeadBelow)) continue;
        if (grouped != (rung.param_count >= kGroupedQueryFrom)) continue;
        rungs.push_back(rung);
      }
    }
  }
  std::sort(rungs.begin(), rungs.end(), [](const Rung& a, const Rung& b) {
    return std::tie(a.param_count, a.hidden, a.layers) <
           std::tie(b.param_count, b.hidden, b.layers);
  });
  return rungs;
}

// How often a shape can be cut into equal pipeline stages and tensor slices; higher is better.
int Divisibility(const Rung& rung) {
  const int64_t heads = rung.Shape().num_attention_heads;
  int score = 0;
  for (const int64_t parts : {2, 4, 8}) {
    score += rung.layers % parts == 0 ? 2 : 0;
    score += heads % parts == 0 ? 2 : 0;
  }
  return score;
}

// The rung nearest to `target`, or a better divisible one within half a step.
const Rung& PickRung(const std::vector<Rung>& rungs, double target) {
  const double half_step = std::log(10.0) / kLadderSizesPerDecade / 2;
  const Rung* best = &rungs.front();
  const auto distance = [target](const Rung& rung) {
    return std::abs(std::log(rung.param_count / target));
  };
  const auto better = [&](const Rung& a, const Rung& b) {
    const bool near_a = distance(a) <= half_step;
    const bool near_b = distance(b) <= half_step;
    if (near_a != near_b) return near_a;
    if (near_a && Divisibility(a) != Divisibility(b)) {
      return Divisibility(a) > Divisibility(b);
    }
    return distance(a) < distance(b);
  };
  // Sorted by size: only rungs within a step and the neighbours of that window can win.
  const double step = std::exp(2 * half_step);
  const auto below = [](const Rung& rung, double size) { return rung.param_count < size; };
  auto first = std::lower_bound(rungs.begin(), rungs.end(), target / step, below);
  auto last = std::lower_bound(first, rungs.end(), target * step, below);
  if (first != rungs.begin()) --first;
  if (last != rungs.end()) ++last;
  for (; first != last; ++first) {
    if (better(*first, *best)) best = &*first;
  }
  return *best;
}

// Vocabulary, sequence and name play no part in choosing a rung.
std::vector<ModelShape> BuildRungs() {
  const std::vector<Rung> allowed = AllowedShapes();
  const int sizes = static_cast<int>(std::floor(
      kLadderSizesPerDecade * std::log10(kLadderMaxParamCount / kLadderMinParamCount) + 1e-9));
  std::vector<ModelShape> ladder;
  double last = 0;
  for (int i = 0; i <= sizes; ++i) {
    const Rung& rung =
        PickRung(allowed, kLadderMinParamCount * std::pow(10.0, double(i) / kLadderSizesPerDecade));
    if (rung.param_count <= last) continue;  // small sizes share rungs
    last = rung.param_count;
    ladder.push_back(rung.Shape());
  }
  return ladder;
}

std::string NameOf(const ModelShape& shape) {
  return absl::StrCat("rhumb-l", shape.num_layers, "-h", shape.hidden_size, "-f",
                      shape.ffn_hidden_size);
}

}  // namespace

std::vector<ModelShape> Ladder(int64_t vocab_size, int64_t sequence_length) {
  static const std::vector<ModelShape>& rungs = *new std::vector<ModelShape>(BuildRungs());
  std::vector<ModelShape> ladder = rungs;
  for (ModelShape& shape : ladder) {
    shape.vocab_size = vocab_size;
    shape.sequence_length = sequence_length;
    shape.name = NameOf(shape);
  }
  return ladder;
}

ModelShape ShapeOfSize(double param_count, ParamCountConvention convention, int64_t vocab_size,
                       int64_t sequence_length) {
  const auto distance = [&](const ModelShape& shape) {
    return std::abs(std::log(ParamCount(shape, convention) / param_count));
  };
  const std::vector<ModelShape> ladder = Ladder(vocab_size, sequence_length);
  ModelShape best = *std::min_element(
      ladder.begin(), ladder.end(),
      [&](const ModelShape& a, const ModelShape& b) { return distance(a) < distance(b); });
  const double step = kReshapeStep * 3.0 * static_cast<double>(best.hidden_size * best.num_layers);
  const double missing = param_count - ParamCount(best, convention);
  const int64_t width = best.ffn_hidden_size + kReshapeStep * std::llround(missing / step);
  best.ffn_hidden_size = std::clamp(width, best.hidden_size, 8 * best.hidden_size);
  best.name = NameOf(best);
  return best;
}

}  // namespace rhumb

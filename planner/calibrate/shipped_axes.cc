// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/shipped_axes.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "planner/calibrate/constant_space.h"

namespace rhumb {
namespace {

// How far a family is believed to lie from what families have in common, and that from what is
// published or expected.
constexpr double kFamilySpread = 0.15;
constexpr double kCommonSpread = 0.2;
// Constants that no source states to better than a factor of two, and better than a half.
constexpr double kVagueSpread = 0.7;
constexpr double kFairSpread = 0.3;
constexpr absl::string_view kFill = "gemm_fill_elements";
constexpr const char* kFamiliesWithRuns[] = {"ampere", "hopper", "blackwell"};

ConstantAxis PowerAxis() {
  return {"power_exponent", &TimeConstants::power_exponent, 0.05, 1, false};
}

std::vector<ConstantAxis> FamilyAxes(const TimeConstants& constants) {
  std::vector<ConstantAxis> axes = AxesOf(constants);
  axes.push_back(PowerAxis());
  return axes;
}

// Of an anchor's share where the generic set holds shares.
double AnchoredFactor(const FamilyAnchor& anchor, double TimeConstants::*member) {
  const TimeConstants ones = [&] {
    TimeConstants constants = CommonPriors();
    constants.*member = 1;
    return ConstantsFromAnchor(anchor, constants);
  }();
  return ones.*member;
}

void AddFamilies(std::vector<ShippedAxis>& axes) {
  const TimeConstants& common = CommonPriors();
  for (const ConstantAxis& axis : FamilyAxes(common)) {
    axes.push_back({.owner = "generic",
                    .name = axis.name,
                    .of_family = axis.member,
                    .least = axis.name == kFill ? 0.1 : axis.least,
                    // Shares of an anchor may exceed 1.
                    .most = axis.name == kFill ? 10 : std::max(axis.most, 1.5),
                    .centre = common.*axis.member,
                    .spread = kCommonSpread,
                    .reason = "published or expected: CommonPriors()"});
  }
  for (const char* family : kFamiliesWithRuns) {
    for (const ConstantAxis& axis : FamilyAxes(AnchorConstantsOf(family))) {
      int parent = 0;
      while (axes[static_cast<size_t>(parent)].name != axis.name) ++parent;
      axes.push_back({.owner = family,
                      .name = axis.name,
                      .of_family = axis.member,
                      .least = axis.least,
                      .most = axis.most,
                      .centre = AnchoredFactor(AnchorOf(family), axis.member),
                      .parent = parent,
                      .spread = kFamilySpread,
                      .reason = "as the other families, from its anchor"});
    }
  }
}

struct ProfileLine {
  const char* owner;
  double FrameworkProfile::*member;
  const char* name;
  std::vector<std::string> profiles;
  double least, most, centre, spread;
  const char* reason;
  const char* parent = nullptr;  // owner of the same constant that it is pulled to
};

void AddProfiles(std::vector<ShippedAxis>& axes) {
  const std::vector<std::string> megatron = {"megatron", "megatron-26.06", "nemo"};
  const std::vector<std::string> deepspeed = {"megatron-deepspeed", "deepspeed"};
  const std::vector<std::string> fsdp = {"fsdp", "llm-foundry", "accelerate", "nanotron"};
  constexpr auto kLaunch = &FrameworkProfile::layer_launch_seconds;
  constexpr auto kElementwise = &FrameworkProfile::elementwise_hidden_bytes;
  constexpr auto kSends = &FrameworkProfile::pipeline_sends_per_pass;
  constexpr auto kHalfWidth = &FrameworkProfile::expert_half_width;
  const char* const eager = "some 20 operations of a layer, 20 microseconds of host time each";
  const char* const forked =
      "some 25 operations of a layer and two forks of random state, 20 and 50 microseconds each";
  const char* const fused = "fused kernels are half as many";
  const char* const fused_elementwise =
      "two norms (4 bytes each), two fused sums of bias, dropout and residual (7 each)";
  const char* const eager_elementwise =
      "two norms (4 bytes each), two residual sums (6 each), casts (8)";
  const char* const width = "a tile of grouped GEMMs is 128 to 256 wide; several keep a GPU busy";
  const char* const sibling = "as megatron-deepspeed, of which it is the base";
  const std::vector<ProfileLine> lines = {
      {"megatron", kLaunch, "layer_launch_seconds", megatron, 2e-5, 3e-3, 2e-4, kVagueSpread,
       fused},
      {"megatron-deepspeed", kLaunch, "layer_launch_seconds", deepspeed, 2e-5, 3e-3, 6e-4,
       kVagueSpread, forked},
      {"megatron-lm",
       kLaunch,
       "layer_launch_seconds",
       {"megatron-lm"},
       2e-5,
       3e-3,
       1,
       kFairSpread,
       sibling,
       "megatron-deepspeed"},
      {"fsdp", kLaunch, "layer_launch_seconds", fsdp, 2e-5, 3e-3, 4e-4, kVagueSpread, eager},
      {"torchtitan",
       kLaunch,
       "layer_launch_seconds",
       {"torchtitan"},
       2e-5,
       3e-3,
       2e-4,
       kVagueSpread,
       fused},
      {"megatron",
       kElementwise,
       "elementwise_hidden_bytes",
       {"megatron", "megatron-26.06", "nemo", "nanotron"},
       5,
       150,
       22,
       kFairSpread,
       fused_elementwise},
      {"megatron-deepspeed", kElementwise, "elementwise_hidden_bytes", deepspeed, 5, 150, 22,
       kFairSpread, fused_elementwise},
      {"megatron-lm",
       kElementwise,
       "elementwise_hidden_bytes",
       {"megatron-lm"},
       5,
       150,
       1,
       kFairSpread,
       sibling,
       "megatron-deepspeed"},
      {"fsdp",
       kElementwise,
       "elementwise_hidden_bytes",
       {"fsdp", "llm-foundry", "accelerate", "torchtitan"},
       5,
       150,
       28,
       kFairSpread,
       eager_elementwise},
      {"megatron",
       kHalfWidth,
       "expert_half_width",
       {"megatron", "nemo", "megatron-lm", "megatron-deepspeed", "deepspeed", "fsdp", "llm-foundry",
        "accelerate", "torchtitan", "nanotron"},
       20,
       5000,
       400,
       kVagueSpread,
       width},
      {"megatron-26.06",
       kHalfWidth,
       "expert_half_width",
       {"megatron-26.06"},
       20,
       5000,
       400,
       kVagueSpread,
       width},
      {"megatron",
       kSends,
       "pipeline_sends_per_pass",
       {"megatron", "megatron-26.06", "nemo", "megatron-lm", "fsdp", "llm-foundry", "accelerate",
        "torchtitan", "nanotron"},
       0.5,
       4,
       1.4,
       kFairSpread,
       "two, an activation and a gradient, which partly travel at once"},
      {"megatron-deepspeed", kSends, "pipeline_sends_per_pass", deepspeed, 0.5, 4, 2, kFairSpread,
       "its engine waits for each"},
      {"deepspeed",
       &FrameworkProfile::gather_network_fraction,
       "gather_network_fraction",
       {"deepspeed"},
       0.02,
       1,
       0.125,
       kFairSpread,
       "one NIC of a node's eight"},
  };
  for (const ProfileLine& line : lines) {
    int parent = -1;
    for (size_t i = 0; line.parent != nullptr && i < axes.size(); ++i) {
      if (axes[i].owner == line.parent && axes[i].name == line.name) parent = static_cast<int>(i);
    }
    axes.push_back({.owner = line.owner,
                    .name = line.name,
                    .of_profile = line.member,
                    .profiles = line.profiles,
                    .least = line.least,
                    .most = line.most,
                    .centre = line.centre,
                    .parent = parent,
                    .spread = line.spread,
                    .reason = line.reason});
  }
}

struct WorkLine {
  const char* name;
  double WorkConstants::*member;
  double least, most, centre, spread;
  const char* reason;
};

void AddWork(std::vector<ShippedAxis>& axes) {
  using W = WorkConstants;
  const WorkLine lines[] = {
      {"backward_launch_ratio", &W::backward_launch_ratio, 1, 6, 2, kFairSpread,
       "gradients of inputs and of weights"},
      {"moe_launch_ratio", &W::moe_launch_ratio, 1, 10, 2.5, kFairSpread,
       "routing, permutation and dispatch beside the layer's kernels"},
      {"compiled_launch_ratio", &W::compiled_launch_ratio, 0.1, 1, 0.6, kFairSpread,
       "fusion leaves the GEMMs and attention, about half of the kernels"},
      {"compiled_elementwise_ratio", &W::compiled_elementwise_ratio, 0.1, 1, 0.5, kFairSpread,
       "each fused pair saves a write and a read"},
      {"score_traffic_bytes", &W::score_traffic_bytes, 3, 40, 15, kFairSpread,
       "scores, softmax and dropout in 16 bit: 14 forward, 16 backward"},
      {"unfused_gemm_overhead", &W::unfused_gemm_overhead, 0.7, 4, 1.3, kFairSpread,
       "batched GEMMs over heads are small"},
      {"misaligned_slowdown", &W::misaligned_slowdown, 2, 60, 16, kFairSpread,
       "A100: 312 TFLOP/s on tensor cores, 19.5 without"},
      {"permutation_bytes", &W::permutation_bytes, 4, 80, 16, kFairSpread,
       "a read and a write in 16 bit, to permute and back, each pass"},
      {"logits_traffic_bytes", &W::logits_traffic_bytes, 4, 60, 18, kFairSpread,
       "16-bit logits, fp32 softmax and their gradients"},
      {"operator_recompute_share", &W::operator_recompute_share, 0.2, 1, 0.6, kFairSpread,
       "every second GEMM and all element-wise operations"},
      {"all_to_all_exposed", &W::all_to_all_exposed, 0.1, 1, 0.8, kFairSpread,
       "shared experts and permutation hide part"},
      {"sequence_parallel_backward_ratio", &W::sequence_parallel_backward_ratio, 1, 1.8, 1.5, 0.1,
       "one further gather a pair (2205.05198, section 4.2.2)"},
      {"collective_base_seconds", &W::collective_base_seconds, 1e-6, 1e-4, 1e-5, kVagueSpread,
       "launch of a kernel"},
      {"collective_seconds_per_doubling", &W::collective_seconds_per_doubling, 1e-6, 1e-4, 12e-6,
       kFairSpread, "NCCL all-reduces of 1 MiB on 8 A100 take 45 to 90 microseconds (vTrain)"},
      {"gather_seconds_per_doubling", &W::gather_seconds_per_doubling, 1e-6, 2e-4, 12e-6,
       kVagueSpread, "as other collectives"},
      {"gather_seconds_per_node", &W::gather_seconds_per_node, 1e-6, 1e-4, 8e-6, kVagueSpread,
       "a hop over the network"},
      {"overlap_slowdown", &W::overlap_slowdown, 0.005, 0.8, 0.1, kVagueSpread,
       "collectives take multiprocessors and memory bandwidth from what they hide behind"},
      {"pipeline_send_seconds", &W::pipeline_send_seconds, 1e-6, 1e-4, 15e-6, kVagueSpread,
       "two kernels and a hop"},
      {"pipeline_exposed_when_overlapped", &W::pipeline_exposed_when_overlapped, 0.05, 1, 0.3,
       kFairSpread, "warm-up and drain wait"},
      {"replica_skew", &W::replica_skew, 1e-4, 0.05, 0.005, kVagueSpread,
       "steps of one replica vary by about a percent, and the slowest of n is waited for"},
      {"step_fixed_seconds", &W::step_fixed_seconds, 2e-4, 5e-2, 4e-3, kVagueSpread,
       "optimizer launch, clipping, logging"},
  };
  for (const WorkLine& line : lines) {
    axes.push_back({.owner = "work",
                    .name = line.name,
                    .of_work = line.member,
                    .least = line.least,
                    .most = line.most,
                    .centre = line.centre,
                    .spread = line.spread,
                    .reason = line.reason});
  }
}

}  // namespace

const std::vector<ShippedAxis>& ShippedAxes() {
  static const auto* const axes = [] {
    auto* all = new std::vector<ShippedAxis>;
    AddFamilies(*all);
    AddProfiles(*all);
    AddWork(*all);
    return all;
  }();
  return *axes;
}

TimeConstants FamilyAt(const std::vector<double>& values, absl::string_view family) {
  const std::vector<ShippedAxis>& axes = ShippedAxes();
  TimeConstants common = CommonPriors();
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].owner == "generic") common.*axes[i].of_family = values[i];
  }
  TimeConstants constants = ConstantsFromAnchor(AnchorOf(family), common);
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].of_family != nullptr && axes[i].owner == family) {
      constants.*axes[i].of_family = values[i];
      constants.fitted = true;
    }
  }
  return constants;
}

FrameworkProfile ProfileAt(const std::vector<double>& values, FrameworkProfile profile) {
  const std::vector<ShippedAxis>& axes = ShippedAxes();
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].of_work != nullptr) profile.work.*axes[i].of_work = values[i];
    if (axes[i].of_profile == nullptr) continue;
    const std::vector<std::string>& names = axes[i].profiles;
    if (std::find(names.begin(), names.end(), profile.name) != names.end()) {
      profile.*axes[i].of_profile = values[i];
    }
  }
  return profile;
}

std::vector<double> ShippedValues() {
  std::vector<double> values;
  for (const ShippedAxis& axis : ShippedAxes()) {
    if (axis.of_family != nullptr) {
      const double factor =
          axis.owner == "generic" ? AnchoredFactor(AnchorOf("generic"), axis.of_family) : 1.0;
      values.push_back(TimeConstantsOf(axis.owner).*axis.of_family / factor);
    } else if (axis.of_profile != nullptr) {
      values.push_back(FindFrameworkProfile(axis.profiles.front()).value().*axis.of_profile);
    } else {
      values.push_back(WorkConstants{}.*axis.of_work);
    }
  }
  return values;
}

}  // namespace rhumb

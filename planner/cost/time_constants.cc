// SPDX-License-Identifier: Apache-2.0
// Families with measured runs take the fitted values of shipped_constants.h; the others their
// anchors and what the fitted families have in common. Anchors: stas00/ml-engineering @744d01e,
// compute/accelerator and network. Read the constants as effective values: some trade against each
// other.
#include "planner/cost/time_constants.h"

#include <cstddef>

#include "planner/cost/shipped_constants.h"
#include "planner/units.h"

namespace rhumb {
namespace {

TimeConstants ShippedCommon() {
  return {
      .family = "generic",
      .source = "",
      .fitted = false,
      .gemm_16bit_fraction = shipped::kGenericGemm16bitFraction,
      .gemm_8bit_fraction = shipped::kGenericGemm8bitFraction,
      .gemm_4bit_fraction = shipped::kGenericGemm4bitFraction,
      .gemm_fill_elements = shipped::kGenericGemmFillElements,
      .flash_attention_fraction = shipped::kGenericFlashAttentionFraction,
      .cudnn_attention_fraction = shipped::kGenericCudnnAttentionFraction,
      .memory_fraction = shipped::kGenericMemoryFraction,
      .scale_up_fraction = shipped::kGenericScaleUpFraction,
      .network_fraction = shipped::kGenericNetworkFraction,
      .tensor_parallel_overlap = shipped::kGenericTensorParallelOverlap,
      .data_parallel_overlap = shipped::kGenericDataParallelOverlap,
      .expert_gemm_fraction = shipped::kGenericExpertGemmFraction,
      .reference_watts_per_peak = 0,
      .power_exponent = shipped::kGenericPowerExponent,
  };
}

TimeConstants ShippedAmpere() {
  return {
      .family = "ampere",
      .source = shipped::kAmpereSource,
      .fitted = true,
      .gemm_16bit_fraction = shipped::kAmpereGemm16bitFraction,
      .gemm_8bit_fraction = 0,
      .gemm_4bit_fraction = 0,
      .gemm_fill_elements = shipped::kAmpereGemmFillElements,
      .flash_attention_fraction = shipped::kAmpereFlashAttentionFraction,
      .cudnn_attention_fraction = shipped::kAmpereCudnnAttentionFraction,
      .memory_fraction = shipped::kAmpereMemoryFraction,
      .scale_up_fraction = shipped::kAmpereScaleUpFraction,
      .network_fraction = shipped::kAmpereNetworkFraction,
      .tensor_parallel_overlap = shipped::kAmpereTensorParallelOverlap,
      .data_parallel_overlap = shipped::kAmpereDataParallelOverlap,
      .expert_gemm_fraction = shipped::kAmpereExpertGemmFraction,
      .reference_watts_per_peak = AnchorOf("ampere").watts_per_peak,
      .power_exponent = shipped::kAmperePowerExponent,
  };
}

TimeConstants ShippedHopper() {
  return {
      .family = "hopper",
      .source = shipped::kHopperSource,
      .fitted = true,
      .gemm_16bit_fraction = shipped::kHopperGemm16bitFraction,
      .gemm_8bit_fraction = shipped::kHopperGemm8bitFraction,
      .gemm_4bit_fraction = 0,
      .gemm_fill_elements = shipped::kHopperGemmFillElements,
      .flash_attention_fraction = shipped::kHopperFlashAttentionFraction,
      .cudnn_attention_fraction = shipped::kHopperCudnnAttentionFraction,
      .memory_fraction = shipped::kHopperMemoryFraction,
      .scale_up_fraction = shipped::kHopperScaleUpFraction,
      .network_fraction = shipped::kHopperNetworkFraction,
      .tensor_parallel_overlap = shipped::kHopperTensorParallelOverlap,
      .data_parallel_overlap = shipped::kHopperDataParallelOverlap,
      .expert_gemm_fraction = shipped::kHopperExpertGemmFraction,
      .reference_watts_per_peak = AnchorOf("hopper").watts_per_peak,
      .power_exponent = shipped::kHopperPowerExponent,
  };
}

TimeConstants ShippedBlackwell() {
  return {
      .family = "blackwell",
      .source = shipped::kBlackwellSource,
      .fitted = true,
      .gemm_16bit_fraction = shipped::kBlackwellGemm16bitFraction,
      .gemm_8bit_fraction = shipped::kBlackwellGemm8bitFraction,
      .gemm_4bit_fraction = shipped::kBlackwellGemm4bitFraction,
      .gemm_fill_elements = shipped::kBlackwellGemmFillElements,
      .flash_attention_fraction = shipped::kBlackwellFlashAttentionFraction,
      .cudnn_attention_fraction = shipped::kBlackwellCudnnAttentionFraction,
      .memory_fraction = shipped::kBlackwellMemoryFraction,
      .scale_up_fraction = shipped::kBlackwellScaleUpFraction,
      .network_fraction = shipped::kBlackwellNetworkFraction,
      .tensor_parallel_overlap = shipped::kBlackwellTensorParallelOverlap,
      .data_parallel_overlap = shipped::kBlackwellDataParallelOverlap,
      .expert_gemm_fraction = shipped::kBlackwellExpertGemmFraction,
      .reference_watts_per_peak = AnchorOf("blackwell").watts_per_peak,
      .power_exponent = shipped::kBlackwellPowerExponent,
  };
}

// A family with measured runs.
struct ShippedFamily {
  TimeConstants constants;
  // Of predictions for runs whose table was left out of the fit (of Blackwell's one table: whose
  // model was left out), so that it says what unseen runs will see.
  TimeError error;
};

const std::vector<ShippedFamily>& FamiliesWithRuns() {
  static const auto* const families = new std::vector<ShippedFamily>{
      {ShippedAmpere(),
       {
           .log_bias = shipped::kAmpereErrorLogBias,
           .log_sigma = shipped::kAmpereErrorLogSigma,
           .log_quantile_05 = shipped::kAmpereErrorLogQuantile05,
           .log_quantile_95 = shipped::kAmpereErrorLogQuantile95,
           .row_count = shipped::kAmpereErrorRowCount,
           .table_count = shipped::kAmpereErrorTableCount,
           .source = shipped::kAmpereErrorSource,
       }},
      {ShippedHopper(),
       {
           .log_bias = shipped::kHopperErrorLogBias,
           .log_sigma = shipped::kHopperErrorLogSigma,
           .log_quantile_05 = shipped::kHopperErrorLogQuantile05,
           .log_quantile_95 = shipped::kHopperErrorLogQuantile95,
           .row_count = shipped::kHopperErrorRowCount,
           .table_count = shipped::kHopperErrorTableCount,
           .source = shipped::kHopperErrorSource,
       }},
      {ShippedBlackwell(),
       {
           .log_bias = shipped::kBlackwellErrorLogBias,
           .log_sigma = shipped::kBlackwellErrorLogSigma,
           .log_quantile_05 = shipped::kBlackwellErrorLogQuantile05,
           .log_quantile_95 = shipped::kBlackwellErrorLogQuantile95,
           .row_count = shipped::kBlackwellErrorRowCount,
           .table_count = shipped::kBlackwellErrorTableCount,
           .source = shipped::kBlackwellErrorSource,
       }},
  };
  return *families;
}

// Null for a family without measured runs.
const ShippedFamily* FindFamilyWithRuns(absl::string_view family) {
  for (const ShippedFamily& known : FamiliesWithRuns()) {
    if (known.constants.family == family) return &known;
  }
  return nullptr;
}

// One an anchor; the last one serves any family that is not listed.
const std::vector<TimeConstants>& Families() {
  static const auto* const families = [] {
    auto* all = new std::vector<TimeConstants>;
    for (const FamilyAnchor& anchor : FamilyAnchors()) {
      const ShippedFamily* measured = FindFamilyWithRuns(anchor.family);
      all->push_back(measured != nullptr ? measured->constants
                                         : ConstantsFromAnchor(anchor, ShippedCommon()));
    }
    return all;
  }();
  return *families;
}

// Twice the error of the families with runs, each weighing the same, to either side: a judgement,
// since nothing was measured.
TimeError UnmeasuredError() {
  const double family_count = static_cast<double>(FamiliesWithRuns().size());
  double sigma = 0, spread = 0;
  for (const ShippedFamily& known : FamiliesWithRuns()) {
    sigma += known.error.log_sigma / family_count;
    spread += (known.error.log_quantile_95 - known.error.log_quantile_05) / family_count;
  }
  return {
      .log_bias = 0,
      .log_sigma = 2 * sigma,
      .log_quantile_05 = -spread,
      .log_quantile_95 = spread,
      .row_count = 0,
      .table_count = 0,
      .source = "no measured runs of this GPU family; twice the error of families with runs",
  };
}

}  // namespace

const std::vector<FamilyAnchor>& FamilyAnchors() {
  // Tiles of GEMM kernels: 128 x 128 elements, 128 x 256 from Hopper on.
  constexpr double kTile = 128 * 128;
  constexpr double kProcessorTile = 32 * 12;
  constexpr double kWideTile = 128 * 256;
  // PyTorch gives cuBLAS 8 MiB of workspace, from Hopper on 32 MiB (the defaults :4096:2:16:8 and
  // :4096:8 of CUBLAS_WORKSPACE_CONFIG in its notes on CUDA semantics).
  constexpr double kLargerWorkspace = 24 * kMebibyte;
  static const auto* const anchors = new std::vector<FamilyAnchor>{
      {.family = "ampere",
       .source = "anchor: achievable 271/312 TFLOP/s, 235/300 GB/s",
       .gemm_fraction = 271.0 / 312,
       .scale_up_fraction = 235.0 / 300,
       .fill_elements = 108 * kTile / 2,
       .watts_per_peak = 400.0 / 312},
      {.family = "hopper",
       .source = "anchor: achievable 794/989 TFLOP/s, 368/450 GB/s",
       .gemm_fraction = 794.0 / 989,
       .scale_up_fraction = 368.0 / 450,
       .fill_elements = 132 * kWideTile / 2,
       .has_8bit = true,
       .watts_per_peak = 700.0 / 989,
       .more_workspace_bytes = kLargerWorkspace},
      // Boards of 1,400 W.
      {.family = "blackwell",
       .source = "anchor: achievable 1822/2500 TFLOP/s",
       .gemm_fraction = 1822.0 / 2500,
       .scale_up_fraction = 0.80,
       .fill_elements = 148 * kWideTile / 2,
       .has_8bit = true,
       .has_4bit = true,
       .watts_per_peak = 1400.0 / 2500,
       .more_workspace_bytes = kLargerWorkspace},
      {.family = "volta",
       .source = "anchor: large GEMMs reach about 100 of 125 TFLOP/s",
       .gemm_fraction = 0.80,
       .scale_up_fraction = 0.80,
       .fill_elements = 80 * kTile / 2,
       .has_8bit = true,
       .has_4bit = true},
      {.family = "cdna2",
       .source = "anchor: as MI300X",
       .gemm_fraction = 668.0 / 1307,
       .scale_up_fraction = 0.80,
       .fill_elements = 110 * kTile / 2,
       .has_8bit = true,
       .has_4bit = true},
      {.family = "cdna3",
       .source = "anchor: achievable 668/1307 TFLOP/s on MI300X, 785/1307 on MI325X",
       .gemm_fraction = 726.5 / 1307,
       .scale_up_fraction = 0.80,
       .fill_elements = 304 * kTile / 2,
       .has_8bit = true,
       .has_4bit = true},
      {.family = "cdna4",
       .source = "anchor: achievable 1565/2500 TFLOP/s on MI355X",
       .gemm_fraction = 1565.0 / 2500,
       .scale_up_fraction = 0.80,
       .fill_elements = 256 * kTile / 2,
       .has_8bit = true,
       .has_4bit = true},
      // Peaks are cores x clock x 32 FLOP a cycle with AVX2 or half of AVX-512's units; of a rate
      // that was measured the fraction is 1, which a calibration finds. Kernels hold tiles of some
      // hundred elements a core.
      {.family = "cpu",
       .source = "anchor: BLAS libraries reach about 0.85 of cores x clock x FMA width",
       .gemm_fraction = 0.85,
       .scale_up_fraction = 0.80,
       .fill_elements = 16 * kProcessorTile / 2},
      {.family = "generic",
       .source = "no anchor for this family: as MI355X, the middle of those measured",
       .gemm_fraction = 1565.0 / 2500,
       .scale_up_fraction = 0.80,
       .fill_elements = 132 * kWideTile / 2,
       .has_8bit = true,
       .has_4bit = true},
  };
  return *anchors;
}

const FamilyAnchor& AnchorOf(absl::string_view family) {
  for (const FamilyAnchor& anchor : FamilyAnchors()) {
    if (anchor.family == family) return anchor;
  }
  return FamilyAnchors().back();
}

TimeConstants ConstantsFromAnchor(const FamilyAnchor& anchor, const TimeConstants& common) {
  TimeConstants constants = common;
  constants.family = anchor.family;
  constants.source = anchor.source;
  constants.fitted = false;
  constants.gemm_16bit_fraction *= anchor.gemm_fraction;
  constants.gemm_8bit_fraction *= anchor.has_8bit ? anchor.gemm_fraction : 0.0;
  constants.gemm_4bit_fraction *= anchor.has_4bit ? anchor.gemm_fraction : 0.0;
  constants.gemm_fill_elements *= anchor.fill_elements;
  constants.flash_attention_fraction *= anchor.gemm_fraction;
  constants.cudnn_attention_fraction *= anchor.gemm_fraction;
  constants.scale_up_fraction *= anchor.scale_up_fraction;
  constants.reference_watts_per_peak = anchor.watts_per_peak;
  return constants;
}

const TimeConstants& CommonPriors() {
  static const auto* const priors = new TimeConstants{
      .family = "generic",
      .source = "",
      .fitted = false,
      .gemm_16bit_fraction = 0.9,       // layers multiply smaller matrices than the anchor's
      .gemm_8bit_fraction = 0.9,        // of a peak that is twice as high
      .gemm_4bit_fraction = 0.6,        // four times as high: quantisation and memory weigh more
      .gemm_fill_elements = 1,          // the last wave is half full on average
      .flash_attention_fraction = 0.4,  // FlashAttention-2 on H100: 350/989 TFLOP/s (2407.08608)
      .cudnn_attention_fraction = 0.6,  // FlashAttention-3 causal: 480-640/989 TFLOP/s (the same)
      .memory_fraction = 0.8,           // copies reach 0.8 to 0.9 of the data sheet
      .scale_up_fraction = 1,           // as the anchor's bus bandwidth
      .network_fraction = 0.8,          // as inside the node
      .tensor_parallel_overlap = 0.5,   // no source: the middle
      .data_parallel_overlap = 0.8,     // all but the first and last buckets
      .expert_gemm_fraction = 0.8,      // groups are uneven; the slowest counts
      .reference_watts_per_peak = 0,
      // A100 PCIe against SXM: achievable 253 against 271 TFLOP/s at 300 against 400 W.
      .power_exponent = 0.24,
  };
  return *priors;
}

const TimeConstants& TimeConstantsOf(absl::string_view family) {
  for (const TimeConstants& constants : Families()) {
    if (constants.family == family) return constants;
  }
  return Families().back();
}

std::vector<const TimeConstants*> AllTimeConstants() {
  std::vector<const TimeConstants*> all;
  for (const TimeConstants& constants : Families()) all.push_back(&constants);
  return all;
}

const TimeConstants& AnchorConstantsOf(absl::string_view family) {
  static const auto* const families = [] {
    auto* all = new std::vector<TimeConstants>;
    for (const FamilyAnchor& anchor : FamilyAnchors()) {
      all->push_back(ConstantsFromAnchor(anchor, CommonPriors()));
    }
    return all;
  }();
  for (const TimeConstants& constants : *families) {
    if (constants.family == family) return constants;
  }
  return families->back();
}

const TimeError& TimeErrorOf(absl::string_view family) {
  static const auto* const unmeasured = new TimeError(UnmeasuredError());
  const ShippedFamily* measured = FindFamilyWithRuns(family);
  return measured != nullptr ? measured->error : *unmeasured;
}

}  // namespace rhumb

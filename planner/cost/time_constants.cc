// SPDX-License-Identifier: Apache-2.0
// How the fitted sets were obtained: a bounded pattern search over the constants of all families,
// of the framework profiles and of step_time.cc at once, minimising the mean over 17 tables (1,381
// runs) of mean |log(predicted / measured)|, plus a small pull towards published anchors:
// achievable GEMM rates (271/312 TFLOP/s on A100, 794/989 on H100, 1822/2500 on GB200) and NCCL bus
// bandwidths (235/300 GB/s on A100, 368/450 on H200). Every table weighs the same; no constant
// belongs to a table. Read them as effective values: some trade against each other. Families
// without runs take 0.88 of an achievable GEMM rate, which is what the fitted families reached, and
// the generic set for the rest. Anchors: stas00/ml-engineering @744d01e, compute/accelerator and
// network.
#include "planner/cost/time_constants.h"

namespace rhumb {
namespace {

const TimeConstants kAmpere = {
    .family = "ampere",
    .source = "fitted on 1,204 runs of 8 tables (A100)",
    .fitted = true,
    .gemm_16bit_fraction = 0.77,
    .gemm_8bit_fraction = 0,
    .gemm_4bit_fraction = 0,
    .gemm_fill_elements = 1.05e6,
    .flash_attention_fraction = 0.31,
    .cudnn_attention_fraction = 0.31,
    .memory_fraction = 0.95,
    .scale_up_fraction = 0.95,
    .network_fraction = 0.73,
    .tensor_parallel_overlap = 0.44,  // no runs with overlap; as on Hopper
    .data_parallel_overlap = 0.62,
    .expert_gemm_fraction = 0.78,  // no runs with experts; as on Hopper
    .reference_watts_per_peak = 1.28,
    .power_exponent =
        0.25,  // A100 PCIe against SXM: achievable 253 against 271 TFLOP/s at 300 against 400 W
};

const TimeConstants kHopper = {
    .family = "hopper",
    .source = "fitted on 106 runs of 9 tables (H100)",
    .fitted = true,
    .gemm_16bit_fraction = 0.72,
    .gemm_8bit_fraction = 0.685,
    .gemm_4bit_fraction = 0,
    .gemm_fill_elements = 2.0e6,
    .flash_attention_fraction = 0.20,
    .cudnn_attention_fraction = 0.39,
    .memory_fraction = 0.57,
    .scale_up_fraction = 0.93,
    .network_fraction = 0.79,
    .tensor_parallel_overlap = 0.43,
    .data_parallel_overlap = 0.92,
    .expert_gemm_fraction = 0.78,
    .reference_watts_per_peak = 0.708,
    .power_exponent = 0.29,
};

const TimeConstants kBlackwell = {
    .family = "blackwell",
    .source = "fitted on 71 runs of 1 table (B200, B300, GB200, GB300)",
    .fitted = true,
    .gemm_16bit_fraction = 0.68,
    .gemm_8bit_fraction = 0.67,
    .gemm_4bit_fraction = 0.40,
    .gemm_fill_elements = 3.0e6,
    .flash_attention_fraction = 0.25,  // no runs; half of cuDNN's, as on Hopper
    .cudnn_attention_fraction = 0.52,
    .memory_fraction = 0.91,
    .scale_up_fraction = 0.79,
    .network_fraction = 0.82,
    .tensor_parallel_overlap = 0.49,
    .data_parallel_overlap = 0.81,
    .expert_gemm_fraction = 1.0,
    .reference_watts_per_peak = 0.56,
    .power_exponent = 0.54,
};

TimeConstants Anchored(const char* family, const char* source, double gemm_fraction) {
  TimeConstants constants = {
      .family = family,
      .source = source,
      .fitted = false,
      .gemm_16bit_fraction = gemm_fraction,
      .gemm_8bit_fraction = gemm_fraction,
      .gemm_4bit_fraction = 0.6 * gemm_fraction,
      .gemm_fill_elements = 2e6,
      .flash_attention_fraction = 0.4 * gemm_fraction,
      .cudnn_attention_fraction = 0.55 * gemm_fraction,
      .memory_fraction = 0.75,
      .scale_up_fraction = 0.80,
      .network_fraction = 0.78,
      .tensor_parallel_overlap = 0.44,
      .data_parallel_overlap = 0.70,
      .expert_gemm_fraction = 0.78,
      .reference_watts_per_peak = 0,
      .power_exponent = 0,
  };
  return constants;
}

// The last one serves any family that is not listed.
const TimeConstants& Family(int index) {
  static const TimeConstants* const families = new TimeConstants[8]{
      kAmpere,
      kHopper,
      kBlackwell,
      Anchored("volta", "anchor: large GEMMs reach about 100 of 125 TFLOP/s", 0.70),
      Anchored("cdna2", "anchor: as MI300X", 0.47),
      Anchored("cdna3", "anchor: achievable 668/1307 TFLOP/s on MI300X, 785/1307 on MI325X", 0.48),
      Anchored("cdna4", "anchor: achievable 1565/2500 TFLOP/s on MI355X", 0.55),
      Anchored("generic", "no anchor for this family: middle of the others", 0.55),
  };
  return families[index];
}
constexpr int kFamilyCount = 8;

TimeConstants WithBusFraction(TimeConstants constants, double scale_up_fraction) {
  constants.scale_up_fraction = scale_up_fraction;
  return constants;
}

// Families with runs, as if there were none: achievable GEMM rates and NCCL bus bandwidths (see the
// top of this file).
const TimeConstants& AnchoredFamily(int index) {
  static const TimeConstants* const families = new TimeConstants[3]{
      WithBusFraction(Anchored("ampere", "anchor: achievable 271/312 TFLOP/s, 235/300 GB/s", 0.76),
                      0.78),
      WithBusFraction(Anchored("hopper", "anchor: achievable 794/989 TFLOP/s, 368/450 GB/s", 0.71),
                      0.82),
      Anchored("blackwell", "anchor: achievable 1822/2500 TFLOP/s", 0.64),
  };
  return families[index];
}

// Of predictions for rows whose table was left out of the fit (Blackwell's one table: whose model
// was left out), so that they say what unseen runs will see; every table weighs the same in the
// quantiles.
const TimeError kAmpereError = {
    .log_bias = -0.01,
    .log_sigma = 0.12,
    .log_quantile_05 = -0.14,
    .log_quantile_95 = 0.25,
    .row_count = 1204,
    .table_count = 8,
    .source = "left-out error on 1,204 runs of 8 tables (A100)",
};
const TimeError kHopperError = {
    .log_bias = -0.03,
    .log_sigma = 0.14,
    .log_quantile_05 = -0.25,
    .log_quantile_95 = 0.23,
    .row_count = 106,
    .table_count = 9,
    .source = "left-out error on 106 runs of 9 tables (H100)",
};
const TimeError kBlackwellError = {
    .log_bias = 0,
    .log_sigma = 0.21,
    .log_quantile_05 = -0.32,
    .log_quantile_95 = 0.28,
    .row_count = 71,
    .table_count = 1,
    .source = "left-out error on 71 runs of 3 models in 1 table (B200, B300, GB200, GB300)",
};
// Twice the spread of the families with runs: a judgement, not a measurement.
const TimeError kUnmeasuredError = {
    .log_bias = 0,
    .log_sigma = 0.28,
    .log_quantile_05 = -0.50,
    .log_quantile_95 = 0.50,
    .row_count = 0,
    .table_count = 0,
    .source = "no measured runs of this GPU family; twice the error of families with runs",
};

}  // namespace

const TimeConstants& TimeConstantsOf(absl::string_view family) {
  for (int i = 0; i < kFamilyCount; ++i) {
    if (Family(i).family == family) return Family(i);
  }
  return Family(kFamilyCount - 1);
}

std::vector<const TimeConstants*> AllTimeConstants() {
  std::vector<const TimeConstants*> all;
  for (int i = 0; i < kFamilyCount; ++i) all.push_back(&Family(i));
  return all;
}

const TimeConstants& AnchorConstantsOf(absl::string_view family) {
  for (int i = 0; i < 3; ++i) {
    if (AnchoredFamily(i).family == family) return AnchoredFamily(i);
  }
  return TimeConstantsOf(family);
}

const TimeError& TimeErrorOf(absl::string_view family) {
  if (family == "ampere") return kAmpereError;
  if (family == "hopper") return kHopperError;
  if (family == "blackwell") return kBlackwellError;
  return kUnmeasuredError;
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
// Efficiencies of a GPU family, one set a family, and how far predictions made with them were off
// on measured runs.
#ifndef RHUMB_PLANNER_COST_TIME_CONSTANTS_H_
#define RHUMB_PLANNER_COST_TIME_CONSTANTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb {

// Fractions are of the data-sheet figure that hardware.h holds.
struct TimeConstants {
  std::string family;
  std::string source;  // measured tables it was fitted on, or the published anchors it was set from
  bool fitted = false;

  double gemm_16bit_fraction = 0.6;
  double gemm_8bit_fraction = 0.6;
  double gemm_4bit_fraction = 0.4;
  // Output elements that a GEMM pays for beyond its own: the mean of what the last, partly filled
  // wave of tiles wastes.
  double gemm_fill_elements = 1e6;
  double flash_attention_fraction =
      0.3;  // FlashAttention-2, of the dense 16-bit peak on causal FLOPs
  double cudnn_attention_fraction = 0.4;  // cuDNN and FlashAttention-3
  double memory_fraction = 0.75;
  double scale_up_fraction = 0.75;
  double network_fraction = 0.75;
  double tensor_parallel_overlap = 0.5;  // share hidden when the framework overlaps it
  double data_parallel_overlap = 0.7;
  double expert_gemm_fraction =
      0.9;  // grouped GEMM of experts over a plain one, before the width term
  // Boards with less power per peak FLOP/s than `reference_watts_per_peak` clock down: the GEMM
  // rate scales with (ratio)^power_exponent, never up. Watts per TFLOP/s of the dense 16-bit peak.
  double reference_watts_per_peak = 0;
  double power_exponent = 0.5;
};

// Constants of `family`; an unknown family gets those of "generic".
const TimeConstants& TimeConstantsOf(absl::string_view family);

// All sets, "generic" the last.
std::vector<const TimeConstants*> AllTimeConstants();

// What is published of a family: achievable rates, as fractions of the data sheet, and what its
// libraries keep. Everything else of it is what families have in common until its own runs say
// otherwise.
struct FamilyAnchor {
  const char* family = "";
  const char* source = "";
  double gemm_fraction = 0;      // achievable, large GEMMs in 16 bit
  double scale_up_fraction = 0;  // NCCL bus bandwidth; 0.80 where none is published
  double fill_elements = 0;      // half a wave of tiles: multiprocessors x elements of a tile / 2
  bool has_8bit = false, has_4bit = false;
  double watts_per_peak = 0;  // of the board the anchor was measured on; 0: power is not modelled
  double more_workspace_bytes = 0;  // of cuBLAS, beside what framework profiles count
};

// "generic", for families that are not listed, is the last.
const std::vector<FamilyAnchor>& FamilyAnchors();
const FamilyAnchor& AnchorOf(absl::string_view family);

// A family of `anchor` when `common` holds what families have in common: its GEMM, attention and
// scale-up fractions and its fill are shares of the anchor's, the other members are taken as they
// stand.
TimeConstants ConstantsFromAnchor(const FamilyAnchor& anchor, const TimeConstants& common);

// What families have in common before any run was looked at: published figures and plain
// expectations, each with its reason in the source. Its GEMM, attention and scale-up fractions and
// its fill are shares of an anchor's.
const TimeConstants& CommonPriors();

// What is known of `family` from published anchors and CommonPriors() alone, without any of the
// runs.
const TimeConstants& AnchorConstantsOf(absl::string_view family);

// Spread of log(measured / predicted) step time on measured runs of a family, for intervals of wall
// time.
struct TimeError {
  double log_bias = 0;   // median of log(measured / predicted)
  double log_sigma = 0;  // robust spread: half the distance between the 16% and 84% quantiles
  double log_quantile_05 = 0;
  double log_quantile_95 = 0;
  int64_t row_count = 0;
  int64_t table_count = 0;
  std::string source;  // "1,203 rows of 9 tables", or why another family's error is borrowed
};

// Error of out-of-the-box predictions for `family`; families without measured rows get a widened
// error, labelled.
const TimeError& TimeErrorOf(absl::string_view family);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_TIME_CONSTANTS_H_

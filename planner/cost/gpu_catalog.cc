// SPDX-License-Identifier: Apache-2.0
// Data-sheet figures, each with its source; tags in the rows stand for the texts in SourceText.
// Usable bytes are what the driver reports as total device memory, in GiB as PyTorch and nvidia-smi
// print it; parts that we have no report of get 99% of the nominal size. Prices: see PriceSource.
#include "planner/cost/gpu_catalog.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "planner/cost/time_constants.h"
#include "planner/units.h"

namespace rhumb {
namespace {

constexpr double kTera = 1e12;
constexpr double kGiga = 1e9;

enum class PriceSource { kNone, kRunPod, kSpheron };

// One line of the catalogue, in the units data sheets use; 0 = unknown or not supported.
struct CatalogRow {
  const char* id;
  const char* aliases;  // separated by blanks; Slurm's NVML auto-detection names included
  const char* family;
  double usable_gib;
  double memory_gb_per_second;
  double fp16_tflops, bf16_tflops, fp8_tflops, fp4_tflops;
  const char* link;
  double link_gb_per_second;
  int64_t domain_gpus;
  double nic_gbit_per_second;
  double board_watts;
  double price_usd_per_hour;
  PriceSource price_source;
  const char* source;  // by number, with the tags of SourceText
};

constexpr CatalogRow kRows[] = {
    {"V100-SXM2-32GB", "V100 V100-32G tesla_v100-sxm2-32gb", "volta", 31.7, 900, 125, 0, 0, 0,
     "NVLink2", 150, 8, 100, 300, 0, PriceSource::kNone,
     "peaks, memory, bandwidth: [LA]/v100-sxm-32gb.json, no bf16 tensor cores; NVLink: "
     "[MN]"},
    {"A100-SXM4-40GB", "A100 A100-40G A100-40GB nvidia_a100-sxm4-40gb", "ampere", 39.4, 1555, 312,
     312, 0, 0, "NVLink3", 300, 8, 200, 400, 0, PriceSource::kNone,
     "peaks, memory: [ML]; bandwidth: [DS]; NVLink: [MN]"},
    {"A100-SXM4-80GB", "A100 A100-80G A100-SXM A100-SXM-80GB nvidia_a100-sxm4-80gb", "ampere",
     79.15, 2039, 312, 312, 0, 0, "NVLink3", 300, 8, 200, 400, 1.39, PriceSource::kRunPod,
     "peaks, memory, bandwidth: [ML], [LA]; NVLink: [MN]"},
    {"A100-PCIe-80GB", "A100 A100-PCIe nvidia_a100_80gb_pcie", "ampere", 79.15, 1935, 312, 312, 0,
     0, "PCIe4", 31, 1, 100, 300, 1.19, PriceSource::kRunPod,
     "peaks, memory, bandwidth: [ML]; link: PCIe 4.0, without NVLink bridge"},
    {"H100-SXM5-80GB", "H100 H100-SXM H100-SXM5 H100-SXM-80GB nvidia_h100_80gb_hbm3", "hopper",
     79.1, 3350, 989, 989, 1979, 0, "NVLink4", 450, 8, 400, 700, 2.69, PriceSource::kRunPod,
     "peaks: [ML], [TT]; memory, bandwidth: [ML]; NVLink: [MN]"},
    {"H100-PCIe-80GB", "H100 H100-PCIe nvidia_h100_pcie", "hopper", 79.1, 2000, 756, 756, 1513, 0,
     "PCIe5", 63, 1, 200, 350, 1.99, PriceSource::kRunPod,
     "peaks: [ML], [TT]; memory, bandwidth: [ML]; link: PCIe 5.0"},
    {"H100-NVL-94GB", "H100 H100-NVL nvidia_h100_nvl", "hopper", 93.0, 3900, 835, 835, 1671, 0,
     "NVLink bridge pair + PCIe5", 300, 2, 200, 400, 0, PriceSource::kNone,
     "peaks: [TT] (bf16, fp16), [OL] (fp8); memory, bandwidth, bridge: [DS]"},
    {"H100-SXM-96GB", "H100 H100-96G H100-96G-500W", "hopper", 95.0, 2400, 989, 989, 1979, 0,
     "NVLink4", 450, 8, 400, 500, 0, PriceSource::kNone,
     "bandwidth (HBM2e), 500 W: [TB]; peaks of the standard part, which power caps; "
     "NVLink: [MN]"},
    {"H200-SXM-141GB", "H200 H200-SXM nvidia_h200", "hopper", 139.8, 4800, 989, 989, 1979, 0,
     "NVLink4", 450, 8, 400, 700, 3.59, PriceSource::kRunPod,
     "peaks, memory, bandwidth: [ML]; NVLink: [MN]"},
    {"B200-SXM-180GB", "B200 B200-SXM nvidia_b200", "blackwell", 178.3, 8000, 2250, 2250, 4500,
     9000, "NVLink5", 900, 8, 400, 1000, 5.98, PriceSource::kRunPod,
     "peaks: [ML], [TT]; memory, bandwidth: [ML]; NVLink: [MN]"},
    {"B300-SXM-288GB", "B300 B300-SXM nvidia_b300", "blackwell", 267.7, 8000, 2250, 2250, 4500,
     12600, "NVLink5", 900, 8, 800, 1400, 0, PriceSource::kNone,
     "peaks, memory, bandwidth: [ML], but sources differ on fp4 (12.6 or 13.5 PFLOP/s); "
     "NVLink: [MN]"},
    {"GB200-NVL72-186GB", "GB200 GB200-NVL72 nvidia_gb200", "blackwell", 184.3, 8000, 2500, 2500,
     5000, 10000, "NVLink5", 900, 72, 400, 1200, 4.54, PriceSource::kSpheron,
     "peaks, memory, bandwidth: [ML]; NVLink: [MN]"},
    {"GB300-NVL72-288GB", "GB300 GB300-NVL72 nvidia_gb300", "blackwell", 276.0, 8000, 2500, 2500,
     5000, 15000, "NVLink5", 900, 72, 800, 1400, 0, PriceSource::kNone,
     "peaks, bandwidth: [ML]; memory by analogy to B300; NVLink: [MN]"},
    {"MI250X-128GB", "MI250X", "cdna2", 127.9, 3280, 383, 383, 0, 0, "xGMI", 350, 8, 100, 560, 0,
     PriceSource::kNone,
     "peaks, memory, bandwidth: [ML], two dies together, each half of this; xGMI: [MN]"},
    {"MI300X-192GB", "MI300X", "cdna3", 191.9, 5300, 1307, 1307, 2615, 0, "xGMI", 448, 8, 400, 750,
     0, PriceSource::kNone, "peaks, memory, bandwidth: [ML]; xGMI: [MN]"},
    {"MI325X-256GB", "MI325X", "cdna3", 255.9, 6000, 1307, 1307, 2615, 0, "xGMI", 448, 8, 400, 1000,
     0, PriceSource::kNone, "peaks, memory, bandwidth: [ML]; xGMI: [MN]"},
    {"MI355X-288GB", "MI355X", "cdna4", 287.9, 8000, 2500, 2500, 5000, 10100, "xGMI", 535.5, 8, 400,
     1400, 0, PriceSource::kNone, "peaks (fp4 = MXFP4), memory, bandwidth: [ML]; xGMI: [MN]"},
    {"L40S-48GB", "L40S nvidia_l40s", "ada", 44.4, 864, 362, 362, 733, 0, "PCIe4", 31, 1, 100, 350,
     0.79, PriceSource::kRunPod, "peaks, memory, bandwidth: [ML]; link: PCIe 4.0"},
    {"A10-24GB", "A10 nvidia_a10", "ampere-pcie", 22.2, 600, 125, 125, 0, 0, "PCIe4", 31, 1, 25,
     150, 0, PriceSource::kNone,
     "peaks: [LA]/a10-pcie-28gb.json; memory, bandwidth: [DS]; link: PCIe 4.0; network of "
     "25 to 100 Gbit/s is usual"},
    {"L4-24GB", "L4 nvidia_l4", "ada", 22.0, 300, 121, 121, 242, 0, "PCIe4", 31, 1, 25, 72, 0.44,
     PriceSource::kRunPod,
     "peaks, memory, bandwidth: [DS]; link: PCIe 4.0; network of 25 to 100 Gbit/s is usual"},
    {"RTX-4090-24GB", "RTX4090 RTX-4090 4090 nvidia_geforce_rtx_4090", "ada", 23.6, 1008, 165, 165,
     330, 0, "PCIe4 (no P2P)", 31, 1, 10, 450, 0.34, PriceSource::kRunPod,
     "peaks (fp32 accumulate), memory, bandwidth: [DS]; link: PCIe 4.0; network of 10 to "
     "100 Gbit/s is usual"},
};

std::optional<double> KnownTflops(double tflops) {
  if (tflops <= 0) return std::nullopt;
  return tflops * kTera;
}

const char* PriceSourceText(PriceSource source) {
  switch (source) {
    case PriceSource::kRunPod:
      return "typical RunPod rental price, deploybase.ai/articles/runpod-gpu-pricing, 2026-03-10";
    case PriceSource::kSpheron:
      return "half of Spheron's on-demand price of a two-GPU Superchip, "
             "spheron.network/blog/nvidia-h200-vs-b200-vs-gb200, "
             "2026-03-17";
    case PriceSource::kNone:
      break;
  }
  return "";
}

// A row's source spelt out, with what holds for every row.
std::string SourceText(const char* source) {
  const std::string text = absl::StrReplaceAll(
      source, {{"[ML]", "stas00/ml-engineering @744d01e compute/accelerator/README.md"},
               {"[MN]", "stas00/ml-engineering @744d01e network/README.md"},
               {"[TT]", "pytorch/torchtitan @b5bcd76 torchtitan/tools/utils.py"},
               {"[TB]", "benchmarks of pytorch/torchtitan @b5bcd76"},
               {"[OL]", "speed_monitor of allenai/OLMo-core"},
               {"[LA]", "cli99/llm-analysis @d841e40 gpu_configs"},
               {"[DS]", "the vendor's data sheet, not checked again"}});
  return absl::StrCat(text,
                      "; board power, unless said: the vendor's data sheet, not checked again; "
                      "network: what such nodes commonly have; usable memory: as drivers report "
                      "it, else 99% of the nominal size");
}

Gpu ToGpu(const CatalogRow& row) {
  Gpu gpu;
  gpu.id = row.id;
  gpu.aliases = absl::StrSplit(row.aliases, ' ');
  gpu.family = row.family;
  gpu.memory_bytes = static_cast<int64_t>(row.usable_gib * kGibibyte);
  gpu.memory_bytes_per_second = row.memory_gb_per_second * kGiga;
  gpu.peak_fp16_flops_per_second = KnownTflops(row.fp16_tflops);
  gpu.peak_bf16_flops_per_second = KnownTflops(row.bf16_tflops);
  gpu.peak_fp8_flops_per_second = KnownTflops(row.fp8_tflops);
  gpu.peak_fp4_flops_per_second = KnownTflops(row.fp4_tflops);
  gpu.scale_up_link = row.link;
  gpu.scale_up_bytes_per_second = row.link_gb_per_second * kGiga;
  gpu.gpus_per_scale_up_domain = row.domain_gpus;
  gpu.network_bytes_per_second = row.nic_gbit_per_second * kGiga / 8;  // NICs are sold in Gbit/s
  gpu.board_watts = row.board_watts;
  if (row.price_usd_per_hour > 0) gpu.price_usd_per_gpu_hour = row.price_usd_per_hour;
  gpu.price_source = PriceSourceText(row.price_source);
  gpu.source = SourceText(row.source);
  return gpu;
}

// Slurm writes h100_pcie where people write H100-PCIe.
std::string Normalized(absl::string_view name) {
  std::string text = absl::AsciiStrToLower(name);
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

int EditDistance(const std::string& a, const std::string& b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// The ids nearest to `name`, by the best distance over id and aliases.
std::vector<std::string> NearestIds(const std::string& name, const std::vector<Gpu>& types,
                                    size_t count) {
  std::vector<std::pair<int, std::string>> ranked;
  for (const Gpu& gpu : types) {
    int best = EditDistance(name, Normalized(gpu.id));
    for (const std::string& alias : gpu.aliases)
      best = std::min(best, EditDistance(name, Normalized(alias)));
    ranked.emplace_back(best, gpu.id);
  }
  // Stable: of equally near ids the earlier of `types` wins.
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> ids;
  for (size_t i = 0; i < std::min(count, ranked.size()); ++i) ids.push_back(ranked[i].second);
  return ids;
}

}  // namespace

const std::vector<Gpu>& GpuCatalog() {
  static const std::vector<Gpu>* const catalog = [] {
    auto* gpus = new std::vector<Gpu>();
    for (const CatalogRow& row : kRows) gpus->push_back(ToGpu(row));
    return gpus;
  }();
  return *catalog;
}

absl::StatusOr<Gpu> FindGpu(absl::string_view id_or_alias) {
  return FindGpu(id_or_alias, GpuCatalog());
}

absl::StatusOr<Gpu> FindGpu(absl::string_view id_or_alias, const std::vector<Gpu>& types) {
  const std::string name = Normalized(id_or_alias);
  std::vector<const Gpu*> matches;
  for (const Gpu& gpu : types) {
    if (Normalized(gpu.id) == name) return gpu;
    const bool fits =
        std::any_of(gpu.aliases.begin(), gpu.aliases.end(),
                    [&name](const std::string& alias) { return Normalized(alias) == name; });
    if (fits) matches.push_back(&gpu);
  }
  if (matches.size() == 1) return *matches.front();
  if (matches.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown GPU type \"", std::string(id_or_alias),
                     "\"; nearest: ", absl::StrJoin(NearestIds(name, types, 3), ", ")));
  }
  const std::string ids = absl::StrJoin(
      matches, ", ", [](std::string* out, const Gpu* gpu) { absl::StrAppend(out, gpu->id); });
  return absl::InvalidArgumentError(
      absl::StrCat("GPU type \"", std::string(id_or_alias), "\" is ambiguous; give one of ", ids));
}

bool SameGpuName(absl::string_view a, absl::string_view b) {
  return Normalized(a) == Normalized(b);
}

std::vector<std::string> GpuFamilies() {
  std::set<std::string> families;
  for (const Gpu& gpu : GpuCatalog()) families.insert(gpu.family);
  for (const TimeConstants* constants : AllTimeConstants()) families.insert(constants->family);
  return {families.begin(), families.end()};
}

}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu_types.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"
#include "proto/convert/gpu_message.h"

namespace rhumb::daemon {
namespace {

constexpr size_t kMaxNameLength = 63;
constexpr int kMaxAliasCount = 32;
constexpr char kNoSource[] = "applied without a source";

bool HasOnly(absl::string_view text, absl::string_view marks) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           marks.find(c) != absl::string_view::npos;
  });
}

void CheckName(absl::string_view id, FieldViolations& violations) {
  if (!id.empty() && id.size() <= kMaxNameLength && HasOnly(id, "-") && id.front() != '-') return;
  violations.Add("gpu_type.name",
                 absl::StrCat("must have letters, digits and dashes only, begin with no dash and "
                              "be at most ",
                              kMaxNameLength, " long, got \"", id.substr(0, 80), "\""));
}

void CheckAliases(const v1::GpuType& type, absl::string_view id, const std::vector<Gpu>& known,
                  FieldViolations& violations) {
  if (type.aliases_size() > kMaxAliasCount) {
    violations.Add("gpu_type.aliases",
                   absl::StrCat("must be at most ", kMaxAliasCount, ", got ", type.aliases_size()));
    return;
  }
  for (int i = 0; i < type.aliases_size(); ++i) {
    const std::string& alias = type.aliases(i);
    const std::string field = absl::StrCat("gpu_type.aliases[", i, "]");
    if (alias.empty() || alias.size() > kMaxNameLength || !HasOnly(alias, "-_.")) {
      violations.Add(field,
                     absl::StrCat("must have letters, digits, dashes, dots and underscores only "
                                  "and be at most ",
                                  kMaxNameLength, " long"));
    }
    for (int j = 0; j < i; ++j) {
      if (SameGpuName(alias, type.aliases(j))) {
        violations.Add(field, absl::StrCat("\"", alias, "\" is given twice"));
      }
    }
    for (const Gpu& gpu : known) {
      // Nobody could ever ask by it: an id wins over an alias.
      if (SameGpuName(alias, gpu.id) && !SameGpuName(id, gpu.id)) {
        violations.Add(field, absl::StrCat("\"", alias, "\" is the name of another type"));
      }
    }
  }
}

void CheckFigures(const v1::GpuType& type, FieldViolations& violations) {
  const std::vector<std::string> families = GpuFamilies();
  if (std::find(families.begin(), families.end(), type.family()) == families.end()) {
    violations.Add("gpu_type.family", absl::StrCat("must be one of ", absl::StrJoin(families, ", "),
                                                   ", got \"", type.family(), "\""));
  }
  if (!type.has_peak_fp16_flops_per_second() && !type.has_peak_bf16_flops_per_second()) {
    violations.Add("gpu_type.peak_bf16_flops_per_second",
                   "or peak_fp16_flops_per_second must be given");
  }
}

// Clusters that name the type `id`.
absl::StatusOr<std::vector<std::string>> ClustersWith(const std::string& id, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredResource> rows,
                         store.clusters().List(std::nullopt, std::numeric_limits<int>::max()));
  std::vector<std::string> names;
  for (const StoredResource& row : rows) {
    v1::Cluster cluster;
    if (!cluster.ParseFromString(row.content)) continue;  // whoever asks for it is told
    const bool named =
        std::any_of(cluster.pools().begin(), cluster.pools().end(),
                    [&](const v1::Pool& pool) { return SameGpuName(pool.gpu_type(), id); });
    if (named) names.push_back(row.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

absl::StatusOr<std::vector<v1::GpuType>> AllGpuTypes(Store& store) {
  RHUMB_ASSIGN_OR_RETURN(std::vector<StoredResource> rows,
                         store.gpu_types().List(std::nullopt, std::numeric_limits<int>::max()));
  std::sort(rows.begin(), rows.end(),
            [](const StoredResource& a, const StoredResource& b) { return a.name < b.name; });
  std::vector<v1::GpuType> types;
  for (const Gpu& gpu : GpuCatalog()) {
    types.push_back(convert::ToProto(gpu));
    const auto in_place = std::find_if(rows.begin(), rows.end(), [&](const StoredResource& row) {
      return row.name == types.back().name();
    });
    if (in_place == rows.end()) continue;
    RHUMB_ASSIGN_OR_RETURN(types.back(), ReadResource<v1::GpuType>(*in_place));
    rows.erase(in_place);
  }
  for (const StoredResource& row : rows) {
    RHUMB_ASSIGN_OR_RETURN(v1::GpuType type, ReadResource<v1::GpuType>(row));
    types.push_back(std::move(type));
  }
  return types;
}

absl::StatusOr<std::vector<Gpu>> AllGpus(Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<v1::GpuType> types, AllGpuTypes(store));
  std::vector<Gpu> gpus;
  gpus.reserve(types.size());
  for (const v1::GpuType& type : types) gpus.push_back(convert::FromProto(type));
  return gpus;
}

v1::GpuType GpuTypeToStore(const v1::ApplyGpuTypeRequest& request, const std::vector<Gpu>& known,
                           FieldViolations& violations) {
  // Sources are sentences, which the check of single values would find too long.
  v1::ApplyGpuTypeRequest values = request;
  values.mutable_gpu_type()->clear_source();
  values.mutable_gpu_type()->clear_price_source();
  values.mutable_gpu_type()->clear_version();
  values.mutable_gpu_type()->clear_owner_uid();
  if (!request.has_gpu_type()) {
    violations.Add("gpu_type", "must be given");
    return {};
  }
  const v1::GpuType& asked = request.gpu_type();
  const std::string id(absl::StripPrefix(asked.name(), "gpuTypes/"));
  CheckName(id, violations);
  CheckAliases(asked, id, known, violations);
  CheckFigures(asked, violations);
  CheckSentence(asked.source(), "gpu_type.source", violations);
  CheckSentence(asked.price_source(), "gpu_type.price_source", violations);
  ValidateValues(values, violations);

  v1::GpuType type = asked;
  type.clear_update_time();
  type.clear_version();
  type.clear_owner_uid();
  type.set_name(absl::StrCat("gpuTypes/", id));
  for (const Gpu& gpu : known) {
    if (SameGpuName(gpu.id, id)) type.set_name(absl::StrCat("gpuTypes/", gpu.id));
  }
  if (type.source().empty()) type.set_source(kNoSource);
  if (type.has_price_usd_per_gpu_hour() && type.price_source().empty())
    type.set_price_source(kNoSource);
  return type;
}

absl::Status CheckGpuTypeUnused(const std::string& id, Store& store) {
  const std::vector<Gpu>& catalog = GpuCatalog();
  const bool catalogued = std::any_of(catalog.begin(), catalog.end(),
                                      [&](const Gpu& gpu) { return SameGpuName(gpu.id, id); });
  if (catalogued) return absl::OkStatus();  // the catalogue's type holds again
  RHUMB_ASSIGN_OR_RETURN(const std::vector<std::string> clusters, ClustersWith(id, store));
  if (clusters.empty()) return absl::OkStatus();
  return ErrorWithReason(
      absl::StatusCode::kFailedPrecondition, "GPU_TYPE_IN_USE",
      absl::StrCat("gpuTypes/", id, " is named by ", absl::StrJoin(clusters, ", "),
                   "; apply or delete them first"));
}

}  // namespace rhumb::daemon

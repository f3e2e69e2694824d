// SPDX-License-Identifier: Apache-2.0
#include "daemon/calibrations.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "daemon/resolve.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"
#include "proto/convert/calibration_message.h"

namespace rhumb::daemon {
namespace {

constexpr int kMaxFamilies = 32;
constexpr int kMaxConstants = 64;
constexpr size_t kSha256HexLength = 64;

// One constant of a family.
void CheckConstant(const v1::StepTimeConstant& constant, absl::string_view family,
                   const std::vector<convert::NamedConstant>& known, const std::string& path,
                   FieldViolations& violations) {
  const auto named = std::find_if(
      known.begin(), known.end(),
      [&](const convert::NamedConstant& each) { return constant.name() == each.name; });
  if (named == known.end()) {
    const auto name_of = [](std::string* out, const convert::NamedConstant& each) {
      out->append(each.name);
    };
    violations.Add(
        absl::StrCat(path, ".name"),
        absl::StrCat("must be a constant of ", family, " (", absl::StrJoin(known, ", ", name_of),
                     "), got \"", absl::string_view(constant.name()).substr(0, 80), "\""));
    return;
  }
  const double value = constant.value();
  if (value >= named->least && value <= named->most) return;
  violations.Add(absl::StrCat(path, ".value"),
                 absl::StrCat(named->name, " must be from ", ShowNumber(named->least), " to ",
                              ShowNumber(named->most), ", got ", ShowNumber(value)));
}

void CheckError(const v1::StepTimeError& error, const std::string& path,
                FieldViolations& violations) {
  CheckSentence(error.source(), absl::StrCat(path, ".source"), violations);
  // An interval without its own prediction would plan runs into their time limit.
  if (error.log_quantile_05() > 0) {
    violations.Add(absl::StrCat(path, ".log_quantile_05"),
                   absl::StrCat("must not be above 0, which is the prediction itself, got ",
                                ShowNumber(error.log_quantile_05())));
  }
  if (error.log_quantile_95() < 0) {
    violations.Add(absl::StrCat(path, ".log_quantile_95"),
                   absl::StrCat("must not be below 0, which is the prediction itself, got ",
                                ShowNumber(error.log_quantile_95())));
  }
}

void CheckFamily(const v1::CalibratedFamily& family, const std::string& path,
                 FieldViolations& violations) {
  const std::vector<std::string> families = GpuFamilies();
  if (std::find(families.begin(), families.end(), family.family()) == families.end()) {
    violations.Add(absl::StrCat(path, ".family"),
                   absl::StrCat("must be one of ", absl::StrJoin(families, ", "), ", got \"",
                                absl::string_view(family.family()).substr(0, 80), "\""));
    return;
  }
  if (family.constants_size() == 0 || family.constants_size() > kMaxConstants) {
    violations.Add(absl::StrCat(path, ".constants"),
                   absl::StrCat("must be 1 to ", kMaxConstants, ", got ", family.constants_size()));
    return;
  }
  if (family.table_count() > family.run_count()) {
    violations.Add(absl::StrCat(path, ".table_count"),
                   absl::StrCat("must be at most the run_count ", family.run_count(), ", got ",
                                family.table_count()));
  }
  const std::vector<convert::NamedConstant> known = convert::NamedConstantsOf(family.family());
  std::set<std::string> given;
  for (int i = 0; i < family.constants_size(); ++i) {
    const std::string field = absl::StrCat(path, ".constants[", i, "]");
    CheckConstant(family.constants(i), family.family(), known, field, violations);
    if (!given.insert(family.constants(i).name()).second) {
      violations.Add(absl::StrCat(field, ".name"), "is there twice");
    }
  }
  if (family.has_error()) CheckError(family.error(), absl::StrCat(path, ".error"), violations);
}

void CheckRowsHash(const std::string& hash, FieldViolations& violations) {
  const bool hexadecimal = std::all_of(hash.begin(), hash.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
  });
  if (hash.empty() || (hash.size() == kSha256HexLength && hexadecimal)) return;
  violations.Add(
      "calibration.rows_sha256",
      absl::StrCat("must be ", kSha256HexLength, " lower-case hexadecimal digits or empty, got \"",
                   absl::string_view(hash).substr(0, 80), "\""));
}

// Without what only answers say.
v1::Calibration Stated(const v1::Calibration& calibration) {
  v1::Calibration stated = calibration;
  stated.clear_run_count();
  stated.clear_table_count();
  stated.clear_create_time();
  stated.clear_version();
  stated.clear_owner_uid();
  for (v1::CalibratedFamily& family : *stated.mutable_families()) {
    for (v1::StepTimeConstant& constant : *family.mutable_constants()) {
      constant.clear_unit();
      constant.clear_default_value();
    }
  }
  return stated;
}

absl::StatusOr<std::string> UnknownCalibration(const VersionedName& name, Store& store) {
  if (name.version.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> newest,
                           store.calibrations().Find(name.resource));
    if (newest.has_value()) {
      return absl::StrCat(name.id(), " has no version ", *name.version, "; the newest is ",
                          newest->version);
    }
  }
  RHUMB_ASSIGN_OR_RETURN(std::vector<std::string> names, store.calibrations().Names());
  for (std::string& each : names) each = std::string(absl::StripPrefix(each, "calibrations/"));
  return UnknownName("calibration", name.id(), names);
}

}  // namespace

v1::Calibration CalibrationToStore(const v1::ApplyCalibrationRequest& request,
                                   FieldViolations& violations) {
  if (!request.has_calibration()) {
    violations.Add("calibration", "must be given");
    return {};
  }
  v1::Calibration calibration = Stated(request.calibration());
  calibration.set_name(
      ResourceName("calibrations", calibration.name(), "calibration.name", violations));
  if (calibration.families_size() == 0 || calibration.families_size() > kMaxFamilies) {
    violations.Add("calibration.families", absl::StrCat("must be 1 to ", kMaxFamilies, ", got ",
                                                        calibration.families_size()));
    return {};
  }
  std::set<std::string> families;
  for (int i = 0; i < calibration.families_size(); ++i) {
    const std::string path = absl::StrCat("calibration.families[", i, "]");
    CheckFamily(calibration.families(i), path, violations);
    if (!families.insert(calibration.families(i).family()).second) {
      violations.Add(absl::StrCat(path, ".family"), "is there twice");
    }
  }
  CheckRowsHash(calibration.rows_sha256(), violations);
  CheckSentence(calibration.source(), "calibration.source", violations);
  // Sources are sentences, which the check of single values would find too long.
  v1::ApplyCalibrationRequest values = request;
  *values.mutable_calibration() = calibration;
  values.mutable_calibration()->clear_source();
  for (v1::CalibratedFamily& family : *values.mutable_calibration()->mutable_families()) {
    if (family.has_error()) family.mutable_error()->clear_source();
  }
  ValidateValues(values, violations);
  if (!violations.empty()) return {};
  for (v1::CalibratedFamily& family : *calibration.mutable_families()) {
    convert::CompleteConstants(family);
  }
  return Stated(calibration);
}

absl::StatusOr<v1::Calibration> ReadCalibration(const StoredResource& stored) {
  v1::Calibration calibration;
  if (!calibration.ParseFromString(stored.content)) {
    return absl::DataLossError(stored.name + " is damaged in the store");
  }
  calibration.set_name(stored.name);
  calibration.set_version(stored.version);
  calibration.set_owner_uid(stored.owner_uid);
  *calibration.mutable_create_time() = ToTimestamp(stored.update_time_ns);
  int64_t runs = 0, tables = 0;
  for (v1::CalibratedFamily& family : *calibration.mutable_families()) {
    convert::CompleteConstants(family);
    runs += family.run_count();
    tables += family.table_count();
  }
  calibration.set_run_count(runs);
  calibration.set_table_count(tables);
  return calibration;
}

absl::StatusOr<std::optional<StoredResource>> FindCalibration(const VersionedName& name,
                                                              Store& store) {
  if (!name.version.has_value()) return store.calibrations().Find(name.resource);
  return store.calibrations().FindVersion(name.resource, *name.version);
}

absl::StatusOr<v1::Calibration> GetCalibrationMessage(const VersionedName& name, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> stored, FindCalibration(name, store));
  if (stored.has_value()) return ReadCalibration(*stored);
  RHUMB_ASSIGN_OR_RETURN(const std::string text, UnknownCalibration(name, store));
  return ErrorWithReason(absl::StatusCode::kNotFound, "CALIBRATION_NOT_FOUND", text);
}

absl::StatusOr<std::shared_ptr<const TimeCalibration>> ResolveCalibration(
    absl::string_view name, Store& store, FieldViolations& violations) {
  std::shared_ptr<const TimeCalibration> none;
  if (name.empty()) return none;
  absl::StatusOr<VersionedName> parsed = ParseVersionedName("calibrations", name, "calibration");
  // An id that no calibration can have is an unknown one, with the names there are.
  if (!parsed.ok()) {
    parsed = VersionedName{absl::StrCat("calibrations/", absl::StripPrefix(name, "calibrations/")),
                           std::nullopt};
  }
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> stored,
                         FindCalibration(*parsed, store));
  if (!stored.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const std::string text, UnknownCalibration(*parsed, store));
    violations.Add("calibration", text);
    return none;
  }
  RHUMB_ASSIGN_OR_RETURN(const v1::Calibration message, ReadCalibration(*stored));
  return std::make_shared<const TimeCalibration>(convert::FromProto(message));
}

absl::Status CheckCalibrationWriter(const Caller& caller, absl::string_view name,
                                    int64_t owner_uid) {
  if (caller.MayChange(owner_uid)) return absl::OkStatus();
  return ErrorWithReason(
      absl::StatusCode::kPermissionDenied, "NOT_OWNER",
      absl::StrCat(name, " belongs to uid ", owner_uid,
                   "; only its owner and the daemon's user may change or delete it"));
}

}  // namespace rhumb::daemon

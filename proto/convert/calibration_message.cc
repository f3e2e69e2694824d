// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/calibration_message.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "planner/calibrate/constant_space.h"

namespace rhumb::convert {
namespace {

// Constants that a fit leaves alone, with bounds far beyond any board.
constexpr NamedConstant kBoardConstants[] = {
    {"reference_watts_per_peak", &TimeConstants::reference_watts_per_peak, 0, 100,
     "W per dense 16-bit TFLOP/s"},
    {"power_exponent", &TimeConstants::power_exponent, 0, 2, "exponent"},
};

const char* UnitOf(absl::string_view name) {
  if (name == "gemm_8bit_fraction") return "of the dense 8-bit peak";
  if (name == "gemm_4bit_fraction") return "of the dense 4-bit peak";
  if (name == "memory_fraction") return "of the memory bandwidth";
  if (name == "scale_up_fraction") return "of the scale-up bandwidth";
  if (name == "network_fraction") return "of the network bandwidth";
  if (name == "expert_gemm_fraction") return "of a plain GEMM's rate";
  if (absl::EndsWith(name, "_overlap")) return "share hidden";
  if (absl::EndsWith(name, "_elements")) return "elements";
  if (absl::StrContains(name, "gemm") || absl::StrContains(name, "attention")) {
    return "of the dense 16-bit peak";
  }
  return "";
}

}  // namespace

std::vector<NamedConstant> NamedConstantsOf(absl::string_view family) {
  std::vector<NamedConstant> constants;
  for (const ConstantAxis& axis : AxesOf(TimeConstantsOf(family))) {
    constants.push_back({axis.name, axis.member, axis.least, axis.most, UnitOf(axis.name)});
  }
  for (const NamedConstant& constant : kBoardConstants) constants.push_back(constant);
  return constants;
}

void CompleteConstants(v1::CalibratedFamily& family) {
  const TimeConstants& defaults = TimeConstantsOf(family.family());
  const v1::CalibratedFamily given = family;
  family.clear_constants();
  for (const NamedConstant& constant : NamedConstantsOf(given.family())) {
    v1::StepTimeConstant& out = *family.add_constants();
    out.set_name(constant.name);
    out.set_unit(constant.unit);
    out.set_default_value(defaults.*constant.member);
    out.set_value(out.default_value());
    for (const v1::StepTimeConstant& in : given.constants()) {
      if (in.name() == constant.name) out.set_value(in.value());
    }
  }
}

TimeCalibration FromProto(const v1::Calibration& in) {
  TimeCalibration out;
  out.name = in.name();
  out.version = in.version();
  for (const v1::CalibratedFamily& family : in.families()) {
    CalibratedFamily calibrated;
    calibrated.constants = TimeConstantsOf(family.family());
    calibrated.constants.family = family.family();
    calibrated.constants.fitted = true;
    calibrated.constants.source = absl::StrCat(in.name(), "@", in.version());
    const std::vector<NamedConstant> known = NamedConstantsOf(family.family());
    for (const v1::StepTimeConstant& constant : family.constants()) {
      for (const NamedConstant& named : known) {
        if (constant.name() == named.name) calibrated.constants.*named.member = constant.value();
      }
    }
    calibrated.run_count = family.run_count();
    calibrated.table_count = family.table_count();
    if (family.has_left_out_error_fraction()) {
      calibrated.left_out_error = family.left_out_error_fraction();
    }
    calibrated.error = TimeErrorOf(family.family());
    if (family.has_error()) {
      const v1::StepTimeError& error = family.error();
      calibrated.error = {error.log_bias(),        error.log_sigma(), error.log_quantile_05(),
                          error.log_quantile_95(), error.run_count(), family.table_count(),
                          error.source()};
    }
    out.families.push_back(std::move(calibrated));
  }
  return out;
}

v1::StepTimeError ToProto(const TimeError& error) {
  v1::StepTimeError out;
  out.set_log_bias(error.log_bias);
  out.set_log_sigma(error.log_sigma);
  out.set_log_quantile_05(error.log_quantile_05);
  out.set_log_quantile_95(error.log_quantile_95);
  out.set_run_count(error.row_count);
  out.set_source(error.source);
  return out;
}

v1::CalibratedFamily ToProto(const FamilyCalibration& in) {
  v1::CalibratedFamily out;
  out.set_family(in.constants.family);
  for (const NamedConstant& constant : NamedConstantsOf(in.constants.family)) {
    v1::StepTimeConstant& item = *out.add_constants();
    item.set_name(constant.name);
    item.set_value(in.constants.*constant.member);
  }
  CompleteConstants(out);
  out.set_run_count(in.run_count);
  out.set_table_count(in.table_count);
  out.set_default_error_fraction(in.default_error);
  out.set_error_fraction(in.error);
  return out;
}

}  // namespace rhumb::convert

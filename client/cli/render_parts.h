// SPDX-License-Identifier: Apache-2.0
// Parts that answers share: model, layout, memory, time, cost, assumptions, warnings.
#ifndef RHUMB_CLIENT_CLI_RENDER_PARTS_H_
#define RHUMB_CLIENT_CLI_RENDER_PARTS_H_

#include <string>

#include "client/cli/report.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "rhumb/v1/architecture.pb.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::cli {

// "256 x H100-SXM5-80GB in 32 nodes of 8".
std::string DescribeAllocation(const v1::Plan::Allocation& allocation);

void AddModel(const v1::Architecture& model, Report& report);
void AddLayout(const v1::Layout& layout, Report& report);
struct MemoryShown {
  bool parts = false;   // what "other" is made of
  bool stages = false;  // a line for each pipeline stage too
};
void AddMemory(const v1::MemoryPlan& memory, const MemoryShown& shown, Report& report);
struct TimeShown {
  double level = 0;       // of the interval; 0 if unknown
  bool whole_run = true;  // else of a step only
  bool causes = false;    // the step's time by cause too
};
void AddTime(const v1::TimePlan& time, const TimeShown& shown, Report& report);
void AddCost(const v1::Plan::Cost& cost, Report& report);
// Nothing where the constants are as shipped because no calibration was asked for.
void AddCalibration(const v1::Plan::Calibration& calibration, Report& report);
void AddWarnings(const google::protobuf::RepeatedPtrField<v1::Plan::Warning>& warnings,
                 Report& report);
// With `sources` one a line, with where it comes from; without, all in one paragraph.
void AddAssumptions(const google::protobuf::RepeatedPtrField<v1::Plan::Assumption>& assumptions,
                    bool sources, Report& report);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_PARTS_H_

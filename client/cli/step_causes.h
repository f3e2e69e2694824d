// SPDX-License-Identifier: Apache-2.0
// What the time of a step goes to, in the order and the words in which it is shown.
#ifndef RHUMB_CLIENT_CLI_STEP_CAUSES_H_
#define RHUMB_CLIENT_CLI_STEP_CAUSES_H_

#include <array>

#include "rhumb/v1/plan.pb.h"

namespace rhumb::cli {

struct StepCause {
  const char* name;
  const char* title;  // of a column
  double (v1::StepBreakdown::*seconds)() const;
};

inline constexpr std::array<StepCause, 9> kStepCauses = {{
    {"compute", "COMPUTE", &v1::StepBreakdown::compute_seconds},
    {"tensor parallel", "TP", &v1::StepBreakdown::tensor_parallel_seconds},
    {"context parallel", "CP", &v1::StepBreakdown::context_parallel_seconds},
    {"expert parallel", "EP", &v1::StepBreakdown::expert_parallel_seconds},
    {"pipeline bubble", "PP BUBBLE", &v1::StepBreakdown::pipeline_bubble_seconds},
    {"pipeline communication", "PP SENDS", &v1::StepBreakdown::pipeline_communication_seconds},
    {"data parallel", "DP", &v1::StepBreakdown::data_parallel_seconds},
    {"optimizer", "OPTIMIZER", &v1::StepBreakdown::optimizer_seconds},
    {"other", "OTHER", &v1::StepBreakdown::other_seconds},
}};

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_STEP_CAUSES_H_

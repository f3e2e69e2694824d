// SPDX-License-Identifier: Apache-2.0
// A plan as the file of a launcher. Pure: a message in, a text out.
#ifndef RHUMB_CLIENT_LAUNCH_PLAN_LAUNCH_H_
#define RHUMB_CLIENT_LAUNCH_PLAN_LAUNCH_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/launch/launch_kind.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::launch {

// What the plan was made with and does not repeat itself.
struct LaunchOptions {
  // Network of one GPU between nodes, in gigabits per second; nullopt: the type's typical value.
  std::optional<double> inter_node_gbps_per_gpu;
  // What the site's Slurm calls the plan's GPU type ("h100"); empty: it is not known, or none.
  std::string slurm_gpu_name;
  // What the model's file says and the plan does not hold, for launchers that must be told.
  std::vector<std::string> model_remarks;
};

struct LaunchText {
  std::string text;
  // What the file cannot say itself: all that is left to fill in where its format has no comments,
  // and what the plan's numbers hold for.
  std::vector<std::string> remarks;
};

// `plan` as a file of `kind`: which plan it is, what it needs, and what is still to be filled in
// (data, tokenizer, script) stand in its comments. INVALID_ARGUMENT if the plan has no answer, no
// hardware and layout where the kind needs them, or something that the launcher cannot express:
// the message names the field and the kinds that can.
absl::StatusOr<LaunchText> WriteLaunch(const v1::Plan& plan, LaunchKind kind,
                                       const LaunchOptions& options = {});

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_PLAN_LAUNCH_H_

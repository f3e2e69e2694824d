// SPDX-License-Identifier: Apache-2.0
// `rhumb plan --why-not PARTS`: the best plan that has a layout which the plan has not, beside it.
#ifndef RHUMB_CLIENT_CLI_WHY_NOT_H_
#define RHUMB_CLIENT_CLI_WHY_NOT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/home.h"
#include "client/cli/report.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

// Parts of a layout as they were given, and as a question holds them.
struct WhyNot {
  std::string text;
  v1::LayoutConstraints parts;
};

// --why-not; repeatable.
Flag WhyNotFlag();

// What --why-not asks about; empty without it. INVALID_ARGUMENT for text that is not
// PART=VALUE[,PART=VALUE...], an unknown part, or a value that is none.
absl::StatusOr<std::vector<WhyNot>> ReadWhyNot(const Invocation& invocation);

// The best plan of `question` that has the parts; nothing is stored. It is an exact answer, not an
// estimate: what the plan itself was preferred to.
absl::StatusOr<v1::Plan> AskWithParts(const WhyNot& asked, const v1::CreatePlanRequest& question,
                                      const Home& home);

// Whether the layout of `plan` has the parts.
bool HasParts(const v1::Plan& plan, const v1::LayoutConstraints& parts);

// One paragraph: `with` is the answer of AskWithParts.
void AddWhyNot(const WhyNot& asked, const v1::Plan& plan, const v1::Plan& with, Report& report);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_WHY_NOT_H_

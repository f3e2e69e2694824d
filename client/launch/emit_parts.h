// SPDX-License-Identifier: Apache-2.0
// What the writers of launcher files share.
#ifndef RHUMB_CLIENT_LAUNCH_EMIT_PARTS_H_
#define RHUMB_CLIENT_LAUNCH_EMIT_PARTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/launch/launch_kind.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::launch {

// `text` as one word of a POSIX shell: as it is where that is safe, else in single quotes.
std::string ShellQuote(absl::string_view text);

// `text` with control characters as blanks: what came from elsewhere may not end a comment.
std::string OneLine(absl::string_view text);

// Which plan it is, by which law, what it predicts; a line each, without comment signs.
std::vector<std::string> DescribePlan(const v1::Plan& plan);

// "# line\n" of each.
std::string HashComments(const std::vector<std::string>& lines);

// The comment block at the top of a shell text: DescribePlan, the learning rate, `more`, `remarks`.
std::string ShellHeader(const v1::Plan& plan, const std::vector<std::string>& more,
                        const std::vector<std::string>& remarks);

// "export NAME=value\n", the value quoted.
std::string Export(absl::string_view name, absl::string_view value);

// The time limit of one job of the plan: the upper end of its wall time, no more than a job may
// take, which is cut to whole minutes.
double JobSeconds(const v1::TimePlan& time);

// GPUs of one node that ranks run on. INVALID_ARGUMENT if nodes would hold different numbers.
absl::StatusOr<int64_t> RanksPerNode(const v1::Plan& plan);

// "RECOMPUTE_FULL" as "full", in the words of the command line.
std::string RecomputeName(v1::Recompute recompute);
std::string PrecisionName(v1::Precision precision);

// INVALID_ARGUMENT "FIELD is VALUE: REASON".
absl::Status CannotExpress(absl::string_view field, absl::string_view value,
                           absl::string_view reason);

// A remark where the plan's time and memory were predicted for another framework than `kind`
// starts; empty otherwise.
std::string FrameworkRemark(const v1::Plan& plan, LaunchKind kind);

// Peak learning rate in as many digits as the suggestion has.
std::string LearningRateText(const v1::Plan& plan);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_EMIT_PARTS_H_

// SPDX-License-Identifier: Apache-2.0
// Layouts of plans as the cost model takes them.
#ifndef RHUMB_CONVERT_LAYOUT_MESSAGE_H_
#define RHUMB_CONVERT_LAYOUT_MESSAGE_H_

#include "planner/cost/layout.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::convert {

// Of a plan: complete. Accumulation and framework are no part of it.
Layout FromProto(const v1::Layout& layout);

}  // namespace rhumb::convert

#endif  // RHUMB_CONVERT_LAYOUT_MESSAGE_H_

// SPDX-License-Identifier: Apache-2.0
// Laws as API messages and back. No look-ups and no judgement of whether a law makes sense.
#ifndef RHUMB_CONVERT_LAW_MESSAGE_H_
#define RHUMB_CONVERT_LAW_MESSAGE_H_

#include <optional>

#include "planner/laws/law.h"
#include "planner/laws/published_law.h"
#include "rhumb/v1/architecture.pb.h"
#include "rhumb/v1/law.pb.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::convert {

// UNSPECIFIED is nullopt.
std::optional<ParamCountConvention> FromProto(v1::ParamCountConvention convention);
std::optional<FlopsConvention> FromProto(v1::FlopsConvention convention);
v1::ParamCountConvention ToProto(ParamCountConvention convention);
v1::FlopsConvention ToProto(FlopsConvention convention);

v1::Law ToProto(const Law& law, bool with_covariance);
v1::Law ToProto(const PublishedLaw& law, bool with_covariance);
v1::Plan::LawUse ToLawUse(const Law& law);
v1::Plan::LawUse ToLawUse(const PublishedLaw& law);

// A planable law as a planner uses it; FromProto(ToProto(law, true)) is `law`. Unset conventions
// are TOTAL and SIX_ND.
Law FromProto(const v1::Law& law);

// Whether a fit by `method` gives a loss of N and D, which alone can be stored as a law; unset is
// the default method, which does.
bool GivesLossSurface(v1::FitMethod method);

}  // namespace rhumb::convert

#endif  // RHUMB_CONVERT_LAW_MESSAGE_H_

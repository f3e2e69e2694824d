// SPDX-License-Identifier: Apache-2.0
// Laws, published and stored, as API messages and back. No look-ups and no judgement: whether a law
// makes sense is law_validate.h's.
#ifndef RHUMB_DAEMON_CONVERT_LAW_H_
#define RHUMB_DAEMON_CONVERT_LAW_H_

#include <optional>
#include <string>

#include "planner/laws/law.h"
#include "planner/laws/published_law.h"
#include "rhumb/v1/architecture.pb.h"
#include "rhumb/v1/law.pb.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::daemon {

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

// What a planable law predicts and where it is from, in one form: without name, version, and what
// the daemon says of it.
v1::Law Canonical(const v1::Law& law);

// SHA-256 of the canonical form.
std::string LawContentHash(const v1::Law& law);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_CONVERT_LAW_H_

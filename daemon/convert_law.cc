// SPDX-License-Identifier: Apache-2.0
#include "daemon/convert_law.h"

#include "daemon/identity.h"
#include "planner/sha256.h"

namespace rhumb::daemon {

v1::Law Canonical(const v1::Law& law) {
  Law planner_law = FromProto(law);
  planner_law.name.clear();
  planner_law.version = 0;
  v1::Law out = ToProto(planner_law, /*with_covariance=*/true);
  out.clear_name();
  out.clear_version();
  return out;
}

std::string LawContentHash(const v1::Law& law) {
  return Sha256Hex(DeterministicBytes(Canonical(law)));
}

}  // namespace rhumb::daemon

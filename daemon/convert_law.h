// SPDX-License-Identifier: Apache-2.0
// Laws as the daemon stores and compares them; convert/law_message.h makes them messages and back.
#ifndef RHUMB_DAEMON_CONVERT_LAW_H_
#define RHUMB_DAEMON_CONVERT_LAW_H_

#include <string>

#include "proto/convert/law_message.h"
#include "rhumb/v1/law.pb.h"

namespace rhumb::daemon {

using convert::FromProto;
using convert::ToLawUse;
using convert::ToProto;

// What a planable law predicts and where it is from, in one form: without name, version, and what
// the daemon says of it.
v1::Law Canonical(const v1::Law& law);

// SHA-256 of the canonical form.
std::string LawContentHash(const v1::Law& law);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_CONVERT_LAW_H_

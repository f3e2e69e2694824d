// SPDX-License-Identifier: Apache-2.0
// The one place that includes SOCI. Debian builds it with Boost support but does not depend on
// Boost's headers; we use none of the bindings to Boost types, which are templates only, so they
// are switched off before SOCI looks.
#ifndef RHUMB_DAEMON_STORE_SOCI_H_
#define RHUMB_DAEMON_STORE_SOCI_H_

#include <soci/soci-config.h>
#undef SOCI_HAVE_BOOST
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#endif  // RHUMB_DAEMON_STORE_SOCI_H_

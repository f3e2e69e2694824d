// SPDX-License-Identifier: Apache-2.0
// Gauges of /metrics that are read from the store when somebody asks.
#ifndef RHUMB_DAEMON_STORE_GAUGES_H_
#define RHUMB_DAEMON_STORE_GAUGES_H_

#include <string>
#include <vector>

#include "daemon/metrics.h"
#include "daemon/store/store.h"

namespace rhumb::daemon {

// rhumb_db_size_bytes of the file with its log (none for an empty path), rhumb_runs by state, and
// rhumb_inventory_gpus by GPU type and state (free, allocated, drained, down, reserved) over all
// clusters. What cannot be read is left out: a scrape says what it can.
std::vector<GaugeSample> ReadStoreGauges(Store& store, const std::string& database_path);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_GAUGES_H_

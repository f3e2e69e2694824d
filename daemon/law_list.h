// SPDX-License-Identifier: Apache-2.0
// Lists of the law service: laws published and stored in one order, observation sets, rows.
#ifndef RHUMB_DAEMON_LAW_LIST_H_
#define RHUMB_DAEMON_LAW_LIST_H_

#include "absl/status/statusor.h"
#include "daemon/store/store.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::daemon {

absl::StatusOr<v1::ListLawsResponse> AnswerListLaws(const v1::ListLawsRequest& request,
                                                    Store& store);
absl::StatusOr<v1::ListObservationSetsResponse> AnswerListObservationSets(
    const v1::ListObservationSetsRequest& request, Store& store);
absl::StatusOr<v1::GetObservationsResponse> AnswerGetObservations(
    const v1::GetObservationsRequest& request, Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_LAW_LIST_H_

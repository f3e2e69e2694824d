// SPDX-License-Identifier: Apache-2.0
#include "daemon/law_list.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/convert_law.h"
#include "daemon/law_lookup.h"
#include "daemon/observation_rows.h"
#include "daemon/page_token.h"
#include "daemon/rpc_status.h"
#include "daemon/validate.h"
#include "planner/laws/published_law.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr int kDefaultRowCount = 1000;
constexpr int kMaxRowCount = 10000;
// Stored laws read at a time; a filter may pass over them.
constexpr int kLawsPerRead = 200;

bool IsWanted(const v1::Law& law, const v1::ListLawsRequest& request) {
  if (request.has_planable() && law.planable() != request.planable()) return false;
  return request.origin() == v1::LAW_ORIGIN_UNSPECIFIED || law.origin() == request.origin();
}

// Published laws that are wanted, after `after`, in order of name; names are without "laws/".
std::vector<v1::Law> PublishedAfter(const std::string& after, const v1::ListLawsRequest& request) {
  std::vector<v1::Law> laws;
  for (const PublishedLaw& law : PublishedLaws()) {
    if (law.name <= after) continue;
    v1::Law message = ToProto(law, /*with_covariance=*/false);
    if (IsWanted(message, request)) laws.push_back(std::move(message));
  }
  std::sort(laws.begin(), laws.end(),
            [](const v1::Law& a, const v1::Law& b) { return a.name() < b.name(); });
  return laws;
}

// Up to `limit` stored laws that are wanted.
absl::StatusOr<std::vector<v1::Law>> StoredAfter(std::string after, size_t limit,
                                                 const v1::ListLawsRequest& request, Store& store) {
  std::vector<v1::Law> laws;
  while (laws.size() < limit) {
    RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredLaw> rows,
                           store.laws().ListLaws("laws/" + after, kLawsPerRead));
    for (const StoredLaw& row : rows) {
      RHUMB_ASSIGN_OR_RETURN(v1::Law law, ToMessage(row));
      law.clear_covariance();
      law.clear_covariance_parameters();
      if (IsWanted(law, request) && laws.size() < limit) laws.push_back(std::move(law));
    }
    if (static_cast<int>(rows.size()) < kLawsPerRead) break;
    after = std::string(absl::StripPrefix(rows.back().name, "laws/"));
  }
  return laws;
}

}  // namespace

absl::StatusOr<v1::ListLawsResponse> AnswerListLaws(const v1::ListLawsRequest& request,
                                                    Store& store) {
  FieldViolations violations;
  v1::ListLawsRequest plain = request;
  plain.clear_page_size();  // told with its own words
  ValidateValues(plain, violations);
  RHUMB_RETURN_IF_ERROR(violations.ToStatus());
  RHUMB_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<ListPosition> after,
                         ParsePageToken(request.page_token()));
  const std::string start = after.has_value() ? after->name : "";
  const auto wanted = static_cast<size_t>(size);
  const std::vector<v1::Law> published = PublishedAfter(start, request);
  // One more than shown tells whether there is a next page.
  RHUMB_ASSIGN_OR_RETURN(const std::vector<v1::Law> stored,
                         StoredAfter(start, wanted + 1, request, store));
  std::vector<v1::Law> laws;
  std::merge(published.begin(), published.end(), stored.begin(), stored.end(),
             std::back_inserter(laws),
             [](const v1::Law& a, const v1::Law& b) { return a.name() < b.name(); });
  v1::ListLawsResponse response;
  for (size_t i = 0; i < laws.size() && i < wanted; ++i) {
    *response.add_laws() = std::move(laws[i]);
  }
  if (laws.size() > wanted) {
    const std::string& last = response.laws(size - 1).name();
    response.set_next_page_token(PageTokenOf({0, std::string(absl::StripPrefix(last, "laws/"))}));
  }
  return response;
}

absl::StatusOr<v1::ListObservationSetsResponse> AnswerListObservationSets(
    const v1::ListObservationSetsRequest& request, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<ListPosition> after,
                         ParsePageToken(request.page_token()));
  RHUMB_ASSIGN_OR_RETURN(std::vector<StoredObservationSet> rows,
                         store.observations().ListSets(after, size + 1));
  v1::ListObservationSetsResponse response;
  if (static_cast<int>(rows.size()) > size) {
    rows.pop_back();
    response.set_next_page_token(PageTokenOf({rows.back().create_time_ns, rows.back().name}));
  }
  for (const StoredObservationSet& row : rows) {
    RHUMB_ASSIGN_OR_RETURN(*response.add_observation_sets(), ToMessage(row));
  }
  return response;
}

absl::StatusOr<v1::GetObservationsResponse> AnswerGetObservations(
    const v1::GetObservationsRequest& request, Store& store) {
  if (request.page_size() < 0) {
    return FieldError("page_size", absl::StrCat("must not be negative, got ", request.page_size()));
  }
  const int64_t size =
      request.page_size() == 0 ? kDefaultRowCount : std::min(request.page_size(), kMaxRowCount);
  RHUMB_ASSIGN_OR_RETURN(const std::optional<ListPosition> after,
                         ParsePageToken(request.page_token()));
  RHUMB_ASSIGN_OR_RETURN(const StoredObservationSet set, GetStoredSet(request.name(), store));
  if (after.has_value() && after->name != set.name) {
    return FieldError("page_token", absl::StrCat("is of other observations than ", set.name));
  }
  // A position is the number of rows before it.
  const int64_t first =
      after.has_value() ? std::clamp<int64_t>(after->time_ns, 0, set.row_count) : 0;
  v1::GetObservationsResponse response;
  RHUMB_ASSIGN_OR_RETURN(*response.mutable_observation_set(), ToMessage(set));
  RHUMB_ASSIGN_OR_RETURN(std::vector<v1::Observation> rows,
                         ReadObservations(set.name, first, size, store));
  for (v1::Observation& row : rows) *response.add_observations() = std::move(row);
  const int64_t next = first + static_cast<int64_t>(rows.size());
  if (next < set.row_count) response.set_next_page_token(PageTokenOf({next, set.name}));
  return response;
}

}  // namespace rhumb::daemon

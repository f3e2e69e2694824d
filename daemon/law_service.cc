// SPDX-License-Identifier: Apache-2.0
#include "daemon/law_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/strip.h"
#include "daemon/call.h"
#include "daemon/convert.h"
#include "daemon/page_token.h"
#include "daemon/resolve.h"
#include "daemon/validate.h"
#include "planner/laws/catalog.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

absl::StatusOr<v1::ListLawsResponse> ListLawsImpl(const v1::ListLawsRequest& request) {
  RHUMB_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<ListPosition> after,
                         ParsePageToken(request.page_token()));
  std::vector<const Law*> laws;
  for (const Law& law : LawCatalog()) {
    if (!after.has_value() || law.name > after->name) laws.push_back(&law);
  }
  std::sort(laws.begin(), laws.end(), [](const Law* a, const Law* b) { return a->name < b->name; });
  v1::ListLawsResponse response;
  for (const Law* law : laws) {
    if (response.laws_size() == size) {
      response.set_next_page_token(PageTokenOf(
          {0, std::string(absl::StripPrefix(response.laws(size - 1).name(), "laws/"))}));
      break;
    }
    *response.add_laws() = ToProto(*law, /*with_covariance=*/false);
  }
  return response;
}

}  // namespace

grpc::Status LawService::GetLaw(grpc::ServerContext* context, const v1::GetLawRequest* request,
                                v1::Law* response) {
  const Call call(*context, "LawService/GetLaw", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<v1::Law> {
    RHUMB_ASSIGN_OR_RETURN(const std::string name, ResourceName("laws", request->name(), "name"));
    const absl::string_view id = absl::StripPrefix(name, "laws/");
    const Law* law = FindLaw(id);
    if (law == nullptr) {
      return ErrorWithReason(absl::StatusCode::kNotFound, "LAW_NOT_FOUND",
                             UnknownName("law", id, LawNames()));
    }
    return ToProto(*law, /*with_covariance=*/true);
  });
}

grpc::Status LawService::ListLaws(grpc::ServerContext* context, const v1::ListLawsRequest* request,
                                  v1::ListLawsResponse* response) {
  const Call call(*context, "LawService/ListLaws", peers_);
  return Serve(call, response, [&] { return ListLawsImpl(*request); });
}

}  // namespace rhumb::daemon

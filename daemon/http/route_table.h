// SPDX-License-Identifier: Apache-2.0
// Which RPC a method and a path of HTTP mean. Made from the descriptors of the services by rule, so
// that an RPC that is new has its paths without a line here. Not calling: see forward_call.h.
//
// Every method M of a service S is `POST /v1/S/M`. Besides, with the nouns of resources in lower
// camel case and plural (gpuTypes):
//   GetPlan        GET    /v1/plans/{name}      GET /v1/nodes where the request has no `name`
//   ListPlans      GET    /v1/plans
//   DeletePlan     DELETE /v1/plans/{name}
//   CreatePlan     POST   /v1/plans
//   VerbNoun       POST   /v1/nouns:verb        and POST /v1/nouns/{name}:verb
// WatchRun, and other verbs that only read (kReadingVerbs), are GET too: a browser's EventSource
// can do nothing else.
#ifndef RHUMB_DAEMON_HTTP_ROUTE_TABLE_H_
#define RHUMB_DAEMON_HTTP_ROUTE_TABLE_H_

#include <google/protobuf/descriptor.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb::daemon {

struct Route {
  std::string http_method;  // "POST"
  std::string pattern;      // "/v1/runs/{name}:finish"
  // The request's field that stands in braces; nullptr without.
  const google::protobuf::FieldDescriptor* path_field = nullptr;
  const google::protobuf::MethodDescriptor* rpc = nullptr;

  // "/rhumb.v1.RunService/FinishRun", as gRPC calls it.
  std::string RpcPath() const;
};

struct RouteMatch {
  const Route* route = nullptr;  // nullptr: see allowed_methods
  std::string path_value;        // what stands where the braces are
  // Methods that the path has, in order; empty: the path is unknown.
  std::vector<std::string> allowed_methods;
};

// Immutable, so free to share between threads.
class RouteTable {
 public:
  // Services by full name; each must be linked into this program.
  explicit RouteTable(const std::vector<std::string>& service_names);

  // `path` is decoded. HEAD is GET.
  RouteMatch Find(absl::string_view http_method, absl::string_view path) const;

  // All of them, in order of service, method and pattern.
  const std::vector<Route>& routes() const { return routes_; }

 private:
  void AddMethod(const google::protobuf::MethodDescriptor& rpc);
  void Add(absl::string_view http_method, const std::string& pattern,
           const google::protobuf::FieldDescriptor* path_field,
           const google::protobuf::MethodDescriptor& rpc);

  std::vector<Route> routes_;
  // Index into routes_, by pattern with "{}" for the braces, then by HTTP method.
  std::map<std::string, std::map<std::string, size_t>, std::less<>> by_pattern_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_ROUTE_TABLE_H_

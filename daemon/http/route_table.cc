// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/route_table.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <functional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace rhumb::daemon {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::MethodDescriptor;

// Verbs of methods that change nothing and whose question fits a query.
constexpr std::array<const char*, 3> kReadingVerbs = {"Compare", "Stream", "Watch"};

// "FinishRun" -> {"Finish", "Run"}.
std::pair<std::string, std::string> SplitVerb(const std::string& method) {
  const auto second = std::find_if(method.begin() + 1, method.end(), [](char c) {
    return absl::ascii_isupper(static_cast<unsigned char>(c));
  });
  return {std::string(method.begin(), second), std::string(second, method.end())};
}

std::string LowerFirst(std::string text) {
  if (!text.empty()) text[0] = absl::ascii_tolower(static_cast<unsigned char>(text[0]));
  return text;
}

// "gpuTypes" of "GpuType", "observations" of "Observations".
std::string Plural(const std::string& noun) {
  const std::string word = LowerFirst(noun);
  if (absl::EndsWith(word, "s")) return word;
  if (absl::EndsWith(word, "y")) return absl::StrCat(word.substr(0, word.size() - 1), "ies");
  return absl::StrCat(word, "s");
}

// The field that names what a request is about: `name`, or that of the noun (`run` of WatchRun).
const FieldDescriptor* NameField(const MethodDescriptor& rpc, const std::string& noun) {
  for (const std::string& name : {std::string("name"), absl::AsciiStrToLower(noun)}) {
    const FieldDescriptor* field = rpc.input_type()->FindFieldByName(name);
    if (field != nullptr && !field->is_repeated() && field->type() == FieldDescriptor::TYPE_STRING)
      return field;
  }
  return nullptr;
}

}  // namespace

std::string Route::RpcPath() const {
  return absl::StrCat("/", rpc->service()->full_name(), "/", rpc->name());
}

RouteTable::RouteTable(const std::vector<std::string>& service_names) {
  for (const std::string& name : service_names) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    assert(service != nullptr);
    if (service == nullptr) continue;
    for (int i = 0; i < service->method_count(); ++i) AddMethod(*service->method(i));
  }
}

void RouteTable::AddMethod(const MethodDescriptor& rpc) {
  Add("POST", absl::StrCat("/v1/", rpc.service()->name(), "/", rpc.name()), nullptr, rpc);
  const auto [verb, noun] = SplitVerb(rpc.name());
  if (noun.empty()) return;
  const std::string collection = absl::StrCat("/v1/", Plural(noun));
  const FieldDescriptor* const name = NameField(rpc, noun);
  const std::string item = name == nullptr ? "" : absl::StrCat(collection, "/{", name->name(), "}");
  if (verb == "List" || verb == "Create") {
    Add(verb == "List" ? "GET" : "POST", collection, nullptr, rpc);
  } else if (verb == "Get") {
    Add("GET", name == nullptr ? collection : item, name, rpc);
  } else if (verb == "Delete" && name != nullptr) {
    Add("DELETE", item, name, rpc);
  } else {
    const std::string suffix = absl::StrCat(":", LowerFirst(verb));
    const bool reads =
        std::find(kReadingVerbs.begin(), kReadingVerbs.end(), verb) != kReadingVerbs.end();
    for (const char* method : {"POST", "GET"}) {
      if (*method == 'G' && (!reads || rpc.client_streaming())) continue;
      Add(method, absl::StrCat(collection, suffix), nullptr, rpc);
      if (name != nullptr && !rpc.client_streaming())
        Add(method, absl::StrCat(item, suffix), name, rpc);
    }
  }
}

void RouteTable::Add(absl::string_view http_method, const std::string& pattern,
                     const FieldDescriptor* path_field, const MethodDescriptor& rpc) {
  std::string key = pattern;
  if (path_field != nullptr) {
    const size_t open = key.find('{');
    key.replace(open, key.find('}') - open + 1, "{}");
  }
  // The first to claim a path has it; /v1/Service/Method is always there.
  if (!by_pattern_[key].emplace(http_method, routes_.size()).second) return;
  routes_.push_back({std::string(http_method), pattern, path_field, &rpc});
}

RouteMatch RouteTable::Find(absl::string_view http_method, absl::string_view path) const {
  const std::string method(http_method == "HEAD" ? "GET" : http_method);
  RouteMatch match;
  auto found = by_pattern_.find(path);
  if (found == by_pattern_.end()) {
    // "/v1/runs/r-1:finish": what stands between the last slash and the last colon is the name.
    const size_t slash = path.rfind('/');
    if (slash == absl::string_view::npos || slash + 1 == path.size()) return match;
    size_t colon = path.rfind(':');
    if (colon == absl::string_view::npos || colon < slash) colon = path.size();
    found = by_pattern_.find(absl::StrCat(path.substr(0, slash), "/{}", path.substr(colon)));
    if (found == by_pattern_.end() || colon == slash + 1) return match;
    match.path_value = std::string(path.substr(slash + 1, colon - slash - 1));
  }
  for (const auto& [known, index] : found->second) {
    match.allowed_methods.push_back(known);
    if (known == method) match.route = &routes_[index];
  }
  return match;
}

}  // namespace rhumb::daemon

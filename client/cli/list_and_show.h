// SPDX-License-Identifier: Apache-2.0
// What every `list` and every `show` does: the way home, one question, its answer in the form asked
// for, the failure if there is none.
#ifndef RHUMB_CLIENT_CLI_LIST_AND_SHOW_H_
#define RHUMB_CLIENT_CLI_LIST_AND_SHOW_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/output.h"
#include "client/cli/table.h"
#include "client/cpp/client.h"
#include "google/protobuf/repeated_ptr_field.h"

namespace rhumb::cli {

// A list response and the resources in it.
template <typename List, typename Item>
struct Listing {
  std::function<absl::StatusOr<List>(client::Client&)> ask;
  const google::protobuf::RepeatedPtrField<Item>& (List::*items)() const = nullptr;
  std::function<Table(const std::vector<Item>&)> table;
  std::function<void(const List&)> then;  // what comes after the answer; optional
};

// Answers the exit code; `output` is what ReadOutputOptions read.
template <typename List, typename Item>
int RunListing(const Listing<List, Item>& listing, const OutputOptions& output,
               const Invocation& invocation, Context& context) {
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<List> list = listing.ask(*home->client);
  if (!list.ok()) return Fail(context, list.status());
  const auto& range = ((*list).*listing.items)();
  const std::vector<Item> items(range.begin(), range.end());
  std::vector<std::string> names;
  for (const Item& item : items) names.push_back(item.name());
  const auto table = [&] {
    return RenderTable(listing.table(items), output.table, context.out_terminal);
  };
  const absl::Status written = WriteMessage(*list, output, table, names, context);
  if (!written.ok()) return Fail(context, written);
  if (listing.then) listing.then(*list);
  return kExitOk;
}

// One resource.
template <typename Item>
struct Showing {
  std::function<absl::StatusOr<Item>(client::Client&)> ask;
  std::function<Table(const std::vector<Item>&)> table;  // for --parsable
  std::function<std::string(const Item&)> render;        // for a person
  // What comes after the answer; optional.
  std::function<absl::Status(const Item&, client::Client&)> then;
};

template <typename Item>
int RunShowing(const Showing<Item>& showing, const OutputOptions& output,
               const Invocation& invocation, Context& context) {
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<Item> item = showing.ask(*home->client);
  if (!item.ok()) return Fail(context, item.status());
  const auto table = [&] {
    return output.table.parsable
               ? RenderTable(showing.table({*item}), output.table, context.out_terminal)
               : showing.render(*item);
  };
  absl::Status written = WriteMessage(*item, output, table, {item->name()}, context);
  if (written.ok() && showing.then) written = showing.then(*item, *home->client);
  return written.ok() ? kExitOk : Fail(context, written);
}

// --dry-run and --request-id of the commands that apply a file.
inline std::vector<Flag> ApplyFlags() {
  constexpr char kApply[] = "Apply";
  return {{.name = "dry-run",
           .kind = FlagKind::kSwitch,
           .help = "check only; change nothing",
           .group = kApply},
          {.name = "request-id",
           .field = "request_id",
           .kind = FlagKind::kText,
           .placeholder = "UUID",
           .help = "makes a repetition answer the same",
           .group = kApply}};
}

// Sends `request`, which holds what is to be applied, with what ApplyFlags() say, and shows the
// answer as `shown`; `ask` is the method of Client.
template <typename Request, typename Item>
int RunApplication(Request request, absl::StatusOr<Item> (client::Client::*ask)(const Request&),
                   Showing<Item> shown, const OutputOptions& output, const Invocation& invocation,
                   Context& context) {
  request.set_validate_only(invocation.Has("dry-run"));
  request.set_request_id(invocation.Value("request-id"));
  shown.ask = [&](client::Client& client) { return (client.*ask)(request); };
  const int code = RunShowing(shown, output, invocation, context);
  if (code == kExitOk && request.validate_only()) {
    Remark(invocation, context, "nothing was changed, as --dry-run says");
  }
  return code;
}

// Deletes what the first argument names, or with --dry-run says whether it could be; `ask` is the
// method of Client.
template <typename Request>
int RunDeletion(absl::Status (client::Client::*ask)(const Request&), const Invocation& invocation,
                Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  Request request;
  request.set_name(invocation.arguments[0]);
  request.set_validate_only(invocation.Has("dry-run"));
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::Status status = ((*home->client).*ask)(request);
  if (!status.ok()) return Fail(context, status);
  Remark(invocation, context,
         absl::StrCat(request.name(), request.validate_only() ? " would be deleted" : " deleted"));
  return kExitOk;
}

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LIST_AND_SHOW_H_

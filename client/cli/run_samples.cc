// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run_samples.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/resources.h"
#include "client/config/document.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {

absl::StatusOr<v1::ListRunSamplesResponse> FetchSamples(client::Client& client,
                                                        const std::string& name,
                                                        std::optional<int64_t> last) {
  v1::ListRunSamplesResponse all;
  v1::ListRunSamplesRequest request;
  request.set_name(name);
  request.set_page_size(kPageSize);
  do {
    RHUMB_ASSIGN_OR_RETURN(const v1::ListRunSamplesResponse page, client.ListRunSamples(request));
    all.mutable_samples()->MergeFrom(page.samples());
    // Not one by one: each deletion moves what is left.
    if (last.has_value() && all.samples_size() > 2 * *last + kPageSize) {
      all.mutable_samples()->DeleteSubrange(0, static_cast<int>(all.samples_size() - *last));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (last.has_value() && all.samples_size() > *last) {
    all.mutable_samples()->DeleteSubrange(0, static_cast<int>(all.samples_size() - *last));
  }
  return all;
}

std::string SampleCsvHeader() {
  const google::protobuf::Descriptor& type = *v1::RunSample::descriptor();
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return absl::StrCat(absl::StrJoin(names, ","), "\n");
}

std::string SampleCsvLine(const v1::RunSample& sample) {
  const google::protobuf::Descriptor& type = *v1::RunSample::descriptor();
  // Numbers as every other output has them: what the printer of JSON makes of them.
  const absl::StatusOr<DocumentValue> tree = ParseJson(PrintJson(sample));
  std::vector<std::string> cells;
  for (int i = 0; tree.ok() && i < type.field_count(); ++i) {
    const DocumentValue* value = tree->Find(type.field(i)->name());
    if (value == nullptr) {
      cells.emplace_back();
    } else if (value->kind == ValueKind::kInteger) {
      cells.push_back(absl::StrCat(value->integer));
    } else if (value->kind == ValueKind::kNumber) {
      cells.push_back(PrintJsonNumber(value->number));
    } else if (value->kind == ValueKind::kBool) {
      cells.push_back(value->boolean ? "true" : "false");
    } else {
      cells.push_back(value->text);
    }
  }
  return absl::StrCat(absl::StrJoin(cells, ","), "\n");
}

}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "daemon/identity.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "daemon/sha256.h"
#include "planner/plan/make_plan.h"

namespace rhumb::daemon {

std::string PlanInputsBytes(const Law& law, int64_t owner_uid, absl::string_view calibration,
                            absl::string_view cluster_content) {
  // Lengths before free bytes, so that no two inputs share a text.
  return absl::StrCat("planner ", kPlannerVersion, "\nlaw ", law.name, " ", law.version, "\nowner ",
                      owner_uid, "\ncalibration ", calibration.size(), " ", calibration,
                      "\ncluster ", cluster_content.size(), "\n", cluster_content);
}

std::string PlanName(absl::string_view request_bytes, absl::string_view inputs_bytes) {
  const std::string hash =
      Sha256Hex(absl::StrCat(request_bytes.size(), "\n", request_bytes, inputs_bytes));
  return absl::StrCat("plans/p-", hash.substr(0, 20));
}

std::string DeterministicBytes(const google::protobuf::Message& message) {
  std::unique_ptr<google::protobuf::Message> known(message.New());
  known->CopyFrom(message);
  known->DiscardUnknownFields();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    known->SerializeToCodedStream(&coded);
  }
  return bytes;
}

std::string RequestContentHash(const google::protobuf::Message& request) {
  std::unique_ptr<google::protobuf::Message> content(request.New());
  content->CopyFrom(request);
  for (const char* name : {"request_id", "validate_only"}) {
    if (const auto* field = content->GetDescriptor()->FindFieldByName(name)) {
      content->GetReflection()->ClearField(content.get(), field);
    }
  }
  return Sha256Hex(DeterministicBytes(*content));
}

}  // namespace rhumb::daemon

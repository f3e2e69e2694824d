// SPDX-License-Identifier: Apache-2.0
// Messages become planner structs and come back the same, whatever fields they have: found by
// reflection, so that a field that is added and not carried over fails here.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/message_differencer.h>

#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/convert/architecture_message.h"
#include "proto/convert/gpu_message.h"
#include "proto/convert/law_message.h"
#include "proto/convert/observation_message.h"

namespace rhumb::convert {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::MessageDifferencer;

// The last value of an enum: zero is UNSPECIFIED, and the first one often the default.
const google::protobuf::EnumValueDescriptor* LastValue(const FieldDescriptor& field) {
  return field.enum_type()->value(field.enum_type()->value_count() - 1);
}

// Sets a field to something that is no default; numbers differ from field to field. Maps and
// messages are left to the test.
void SetField(const FieldDescriptor& field, Message& message) {
  const Reflection& reflection = *message.GetReflection();
  const int number = field.number() + 3;
  if (field.is_repeated() || field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.SetDouble(&message, &field, 0.5 + number);
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(&message, &field, number);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.SetBool(&message, &field, true);
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.SetString(&message, &field, "text " + std::to_string(number));
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.SetEnum(&message, &field, LastValue(field));
    default:
      FAIL() << field.full_name() << " has a type that this test does not know";
  }
}

// One message for each field but those of `skipped`, that differs from `base` in that field alone;
// each must come back the same through `round_trip`.
template <typename M, typename RoundTrip>
void ExpectEveryFieldComesBack(const M& base, const std::set<std::string>& skipped,
                               const RoundTrip& round_trip) {
  const google::protobuf::Descriptor& type = *M::descriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (skipped.count(std::string(field.name())) > 0) continue;
    M one = base;
    SetField(field, one);
    const M back = round_trip(one);
    MessageDifferencer differencer;
    std::string difference;
    differencer.ReportDifferencesToString(&difference);
    EXPECT_TRUE(differencer.Compare(one, back)) << field.name() << ": " << difference;
  }
}

// A planable law as the daemon writes it, with everything that a law can have.
v1::Law FullLaw(const std::string& family) {
  v1::Law law;
  law.set_name("laws/mine");
  law.set_family(family);
  law.set_param_count_convention(v1::PARAM_COUNT_CONVENTION_TOTAL);
  law.set_flops_convention(v1::FLOPS_CONVENTION_SIX_ND);
  auto& constants = *law.mutable_constants();
  constants["E"] = 1.7;
  constants["A"] = 400;
  constants["B"] = 2000;
  constants["alpha"] = 0.34;
  constants["beta"] = 0.36;
  constants["gamma"] = 1.1;
  std::vector<std::string> parameters = {"ln_A", "ln_B", "ln_E", "alpha", "beta", "ln_gamma"};
  if (family == "data-constrained") {
    constants["R_D"] = 15;
    constants["R_N"] = 5;
    parameters.insert(parameters.end(), {"ln_R_D", "ln_R_N"});
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    law.add_covariance_parameters(parameters[i]);
    for (size_t j = 0; j < parameters.size(); ++j) {
      law.add_covariance(i == j ? 0.01 : 0.001 * static_cast<double>(i + j));
    }
  }
  law.set_covariance_source("bootstrap");
  // Together or not at all.
  law.set_slope_error_fraction(0.2);
  law.set_slope_error_degrees(5);
  return law;
}

// What the daemon says of a law rather than the law itself: not asked back.
const std::set<std::string>& OutputOnly() {
  static const auto* const fields = new std::set<std::string>{
      "std_errors",   "planable",    "origin",      "verification", "variables",
      "output",       "output_unit", "create_time", "owner_uid",    "content_hash",
      "observations", "fit_options", "form",        "conventions"};
  return *fields;
}

v1::Law WithoutOutputOnly(v1::Law law) {
  for (const std::string& name : OutputOnly()) {
    law.GetReflection()->ClearField(&law, v1::Law::descriptor()->FindFieldByName(name));
  }
  return law;
}

class LawMessageTest : public ::testing::TestWithParam<const char*> {};

TEST_P(LawMessageTest, EveryFieldComesBack) {
  std::set<std::string> skipped = OutputOnly();
  skipped.insert({"name", "family"});  // not free; in FullLaw
  ExpectEveryFieldComesBack(FullLaw(GetParam()), skipped, [](const v1::Law& law) {
    return WithoutOutputOnly(ToProto(FromProto(law), /*with_covariance=*/true));
  });
}

INSTANTIATE_TEST_SUITE_P(Families, LawMessageTest,
                         ::testing::Values("chinchilla", "data-constrained"),
                         [](const auto& family) {
                           return family.index == 0 ? "Chinchilla" : "DataConstrained";
                         });

// Every field named OutputOnly() is one that there is.
TEST(LawMessageTest, FieldsThatAreNotAskedBackExist) {
  for (const std::string& name : OutputOnly()) {
    EXPECT_NE(v1::Law::descriptor()->FindFieldByName(name), nullptr) << name;
  }
}

TEST(GpuMessageTest, EveryFieldComesBack) {
  v1::GpuType base;
  base.set_name("gpuTypes/X");
  base.add_aliases("x-1");
  base.add_aliases("x-2");
  ExpectEveryFieldComesBack(base, {"name", "version", "owner_uid"},  // not free; of the store
                            [](const v1::GpuType& type) { return ToProto(FromProto(type)); });
}

TEST(LawMessageTest, EveryConventionComesBack) {
  for (const auto convention :
       {ParamCountConvention::kTotal, ParamCountConvention::kNonEmbedding}) {
    EXPECT_EQ(FromProto(ToProto(convention)), convention);
  }
  for (const auto convention :
       {FlopsConvention::kSixNd, FlopsConvention::kExactCausal, FlopsConvention::kExactFull}) {
    EXPECT_EQ(FromProto(ToProto(convention)), convention);
  }
}

TEST(ArchitectureMessageTest, EveryFieldComesBack) {
  v1::Architecture base = ToProto(ModelShape());
  base.set_num_attention_heads(4);
  base.set_num_key_value_heads(2);
  base.set_head_dim(64);
  // Counted from the shape.
  const std::set<std::string> skipped = {"param_count", "active_param_count",
                                         "param_count_convention"};
  ExpectEveryFieldComesBack(base, skipped,
                            [](const v1::Architecture& in) { return ToProto(FromProto(in)); });
}

TEST(ObservationMessageTest, EveryFieldComesBack) {
  v1::Observation base;
  // The planner knows no lines.
  ExpectEveryFieldComesBack(base, {"line"},
                            [](const v1::Observation& in) { return ToProto(FromProto(in)); });
}

}  // namespace
}  // namespace rhumb::convert

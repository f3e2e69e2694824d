// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/message_differencer.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/json/json_names.h"
#include "proto/json/json_printer.h"
#include "proto/json/json_reader.h"
#include "rhumb/v1/cluster_service.pb.h"
#include "rhumb/v1/law_service.pb.h"
#include "rhumb/v1/plan_service.pb.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;
using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Fills any message with values that are hard to carry: extremes, denormals, control characters,
// unknown enum values.
class RandomMessages {
 public:
  explicit RandomMessages(uint32_t seed) : generator_(seed) {}

  void Fill(Message& message, int depth) {
    const Reflection& r = *message.GetReflection();
    const auto& type = *message.GetDescriptor();
    if (type.full_name() == "google.protobuf.Timestamp") {
      // RFC 3339 knows years 1 to 9999.
      r.SetInt64(&message, type.FindFieldByNumber(1), Between(-62135596800, 253402300799));
      r.SetInt32(&message, type.FindFieldByNumber(2),
                 static_cast<int32_t>(Between(0, 999'999'999)));
      return;
    }
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (field.is_repeated()) {
        const auto size = depth > 0 ? Between(0, 3) : 0;
        for (int64_t k = 0; k < size; ++k) Set(message, field, true, depth);
      } else if (Between(0, 2) > 0) {
        Set(message, field, false, depth);
      }
    }
  }

 private:
  int64_t Between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(generator_);
  }

  double Real() {
    constexpr double kHard[] = {0.0,
                                -0.0,
                                0.1,
                                1e24,
                                5e-324,
                                1.7976931348623157e308,
                                0.30000000000000004,
                                9007199254740993.0,
                                1e21,
                                123456789.125};
    if (Between(0, 1) == 0) return kHard[Between(0, std::size(kHard) - 1)];
    while (true) {
      const uint64_t bits = generator_();
      double value;
      std::memcpy(&value, &bits, sizeof(value));
      if (std::isfinite(value)) return value;
    }
  }

  int64_t Integer() {
    constexpr int64_t kHard[] = {0,
                                 1,
                                 -1,
                                 std::numeric_limits<int64_t>::max(),
                                 std::numeric_limits<int64_t>::min(),
                                 9007199254740993};
    return Between(0, 1) == 0 ? kHard[Between(0, std::size(kHard) - 1)]
                              : static_cast<int64_t>(generator_());
  }

  std::string Text() {
    const char* kPieces[] = {"a", "\"", "\\", "\n", "\t", "\x01", "\x7f", "é", "漢", "😀", "/", "{"};
    std::string text;
    for (int64_t k = Between(0, 6); k > 0; --k) text += kPieces[Between(0, std::size(kPieces) - 1)];
    return text;
  }

  void Set(Message& message, const FieldDescriptor& field, bool add, int depth) {
    const Reflection& r = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        r.SetInt32(&message, &field, static_cast<int32_t>(generator_()));
        return;
      case FieldDescriptor::CPPTYPE_INT64:
        add ? r.AddInt64(&message, &field, Integer()) : r.SetInt64(&message, &field, Integer());
        return;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        add ? r.AddDouble(&message, &field, Real()) : r.SetDouble(&message, &field, Real());
        return;
      case FieldDescriptor::CPPTYPE_BOOL:
        r.SetBool(&message, &field, Between(0, 1) == 1);
        return;
      case FieldDescriptor::CPPTYPE_ENUM:
        r.SetEnumValue(&message, &field, static_cast<int>(Between(0, 9)));
        return;
      case FieldDescriptor::CPPTYPE_STRING:
        add ? r.AddString(&message, &field, Text()) : r.SetString(&message, &field, Text());
        return;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (depth == 0) return;
        Fill(*(add ? r.AddMessage(&message, &field) : r.MutableMessage(&message, &field)),
             depth - 1);
        return;
      default:
        FAIL() << "no message has a field of type " << field.type_name();
    }
  }

  std::mt19937_64 generator_;
};

// Entries of a map with the same key collapse when read; make the sent message collapse the same
// way first.
void Normalise(Message& message) {
  const std::string bytes = message.SerializeAsString();
  message.ParseFromString(bytes);
}

std::vector<const Message*> RequestsAndResponses() {
  return {&v1::CreatePlanRequest::default_instance(),
          &v1::Plan::default_instance(),
          &v1::ListPlansRequest::default_instance(),
          &v1::ListPlansResponse::default_instance(),
          &v1::GetPlanRequest::default_instance(),
          &v1::DeletePlanRequest::default_instance(),
          &v1::PredictLossRequest::default_instance(),
          &v1::PredictLossResponse::default_instance(),
          &v1::CheckConfigurationRequest::default_instance(),
          &v1::CheckConfigurationResponse::default_instance(),
          &v1::ApplyClusterRequest::default_instance(),
          &v1::Cluster::default_instance(),
          &v1::ListClustersResponse::default_instance(),
          &v1::ListGpuTypesResponse::default_instance(),
          &v1::GpuType::default_instance(),
          &v1::Law::default_instance(),
          &v1::ListLawsResponse::default_instance()};
}

TEST(JsonTest, ReadingWhatWasPrintedGivesTheSameMessage) {
  for (const Message* type : RequestsAndResponses()) {
    for (uint32_t seed = 0; seed < 100; ++seed) {
      std::unique_ptr<Message> message(type->New());
      RandomMessages(seed).Fill(*message, 4);
      Normalise(*message);
      for (const int indent : {0, 2}) {
        std::unique_ptr<Message> read(type->New());
        const std::string text = PrintJson(*message, {.indent = indent});
        ASSERT_THAT(ReadJson(text, read.get()), IsOk()) << text;
        google::protobuf::util::MessageDifferencer differencer;
        std::string difference;
        differencer.ReportDifferencesToString(&difference);
        ASSERT_TRUE(differencer.Compare(*message, *read)) << difference << "\nseed " << seed << "\n"
                                                          << text;
      }
    }
  }
}

TEST(JsonTest, NegativeZeroKeepsItsSign) {
  v1::CreatePlanRequest request, read;
  request.set_compute_flops(-0.0);
  ASSERT_THAT(ReadJson(PrintJson(request), &read), IsOk());
  EXPECT_TRUE(std::signbit(read.compute_flops()));
}

TEST(JsonTest, PrintsZerosAndOmitsWhatIsUnset) {
  v1::Plan::Allocation allocation;
  EXPECT_EQ(
      PrintJson(allocation),
      R"({"cluster":"","partition":"","gpu_type":"","gpu_count":0,"node_count":0,"gpus_per_node":0})");
  v1::Plan::Binding binding;
  EXPECT_EQ(PrintJson(binding), R"({"constraint":"","unit":"","text":""})");
}

TEST(JsonTest, PrintsIntegersAsNumbersAndEnumsWithoutPrefix) {
  v1::Plan plan;
  plan.set_state(v1::Plan::STATE_FEASIBLE);
  plan.set_objective(v1::OBJECTIVE_LIFETIME_COST);
  plan.set_token_count(9223372036854775807);
  plan.mutable_create_time()->set_seconds(1795219200);
  plan.mutable_create_time()->set_nanos(5000000);
  const std::string text = PrintJson(plan);
  EXPECT_NE(text.find(R"("state":"FEASIBLE","objective":"LIFETIME_COST")"), std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("token_count":9223372036854775807)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("create_time":"2026-11-21T00:00:00.005Z")"), std::string::npos) << text;
}

TEST(JsonTest, NanIsNeverPrintedBare) {
  v1::Overhead overhead;
  overhead.set_seconds(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(PrintJson(overhead), R"({"item":"","seconds":null})");
}

TEST(JsonTest, TextThatIsNotUtf8StaysValidJson) {
  EXPECT_EQ(QuoteJson("a\xff\xc0\xaf"
                      "b"),
            "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
            "b\"");
}

TEST(JsonTest, AcceptsQuotedIntegersExponentsAndLongEnumNames) {
  v1::CreatePlanRequest request;
  ASSERT_THAT(
      ReadJson(R"({"param_count":"7000000000","token_count":1.4e12,"objective":"OBJECTIVE_COST",
                           "precision":"FP8","compute_flops":10,"deadline_seconds":null})",
               &request),
      IsOk());
  EXPECT_EQ(request.param_count(), 7000000000);
  EXPECT_EQ(request.token_count(), 1400000000000);
  EXPECT_EQ(request.objective(), v1::OBJECTIVE_COST);
  EXPECT_EQ(request.precision(), v1::PRECISION_FP8);
  EXPECT_EQ(request.compute_flops(), 10);
  EXPECT_FALSE(request.has_deadline_seconds());
}

struct BadJson {
  const char* name;
  const char* text;
  const char* message;
};

class JsonErrorTest : public ::testing::TestWithParam<BadJson> {};

TEST_P(JsonErrorTest, IsRefusedByNameAndLeavesTheMessageAlone) {
  v1::CreatePlanRequest request;
  request.set_law("before");
  EXPECT_THAT(ReadJson(GetParam().text, &request), StatusIs(kInvalid, GetParam().message));
  EXPECT_EQ(request.law(), "before");
}

INSTANTIATE_TEST_SUITE_P(
    Json, JsonErrorTest,
    ::testing::Values(
        BadJson{"UnknownKey", R"({"compute_flop":1})",
                "compute_flop is not a known key; nearest: compute_flops"},
        BadJson{"NestedUnknownKey", R"({"gpu_pools":[{"count":1},{"kount":1}]})",
                "gpu_pools[1].kount is not"},
        BadJson{"RepeatedKey", R"({"law":"a","law":"b"})", "has the key \"law\" twice"},
        BadJson{"Infinite", R"({"compute_flops":1e999})",
                "compute_flops must be a finite number, got 1e999"},
        BadJson{"NestedInfinite",
                R"({"gpu_pools":[{"count":1},{"price_usd_per_gpu_hour":-1e999}]})",
                "gpu_pools[1].price_usd_per_gpu_hour must be a finite number"},
        BadJson{"NanText", R"({"compute_flops":"NaN"})",
                "compute_flops must be a finite number, got \"NaN\""},
        BadJson{"BareNan", R"({"compute_flops":NaN})",
                "not JSON: parse error at line 1, column 18"},
        BadJson{"TextForNumber", R"({"deadline_seconds":"soon"})",
                "deadline_seconds must be a finite number"},
        BadJson{"TextForInteger", R"({"token_count":"many"})",
                "token_count must be an integer, got \"many\""},
        BadJson{"Fraction", R"({"token_count":1.5})",
                "token_count must be a whole number, got 1.5"},
        BadJson{"QuotedFraction", R"({"token_count":"1.5"})", "token_count must be a whole number"},
        BadJson{"Overflow", R"({"token_count":9223372036854775808})",
                "token_count must be at most 9223372036854775807"},
        BadJson{"HugeExponent", R"({"token_count":1e300})", "token_count must be at most"},
        BadJson{"Boolean", R"({"free_only":1})", "free_only must be true or false, got 1"},
        BadJson{"Object", R"({"layout":5})", "layout must be an object, got 5"},
        BadJson{"Array", R"({"gpu_pools":{}})", "gpu_pools must be an array, got an object"},
        BadJson{"Enum", R"({"objective":"FAST"})",
                "objective must be one of LOSS, COST, TIME, LIFETIME_COST, SIZE"},
        BadJson{"NotAnObject", "[1]", "the JSON text must be an object, got an array"},
        BadJson{"Empty", "", "not JSON"},
        BadJson{"Truncated", R"({"law":"a)", "not JSON: parse error at line 1"},
        BadJson{"Trailing", R"({} x)", "not JSON"},
        BadJson{"NotUtf8", "{\"law\":\"\xff\"}", "not JSON"}),
    [](const auto& bad) { return bad.param.name; });

TEST(JsonTest, DeepNestingIsRefusedNotFatal) {
  v1::CreatePlanRequest request;
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "[";
  EXPECT_THAT(ReadJson(text, &request), StatusIs(kInvalid, "nested deeper than 64"));
}

TEST(JsonTest, BinaryInputIsRefused) {
  v1::CreatePlanRequest request;
  EXPECT_THAT(ReadJson(absl::string_view("\x00\x01\x02SQLite", 9), &request),
              StatusIs(kInvalid, "not JSON"));
}

TEST(JsonTest, NearestNamesComeByEditDistance) {
  EXPECT_EQ(NearestNames("besiroglu", {"kaplan", "hoffmann2022", "besiroglu2024"}, 1),
            std::vector<std::string>{"besiroglu2024"});
}

}  // namespace
}  // namespace rhumb

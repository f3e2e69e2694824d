// SPDX-License-Identifier: Apache-2.0
#include "client/cli/question_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<v1::CreatePlanRequest> Parse(absl::string_view text) {
  return ParseQuestion(text, "", 0);
}

TEST(QuestionFileTest, HumanFormsAndNumbersAreRead) {
  const absl::StatusOr<v1::CreatePlanRequest> request = Parse(R"(
      deadline_seconds = "21d"
      unique_token_count = 4e12
      budget_usd = "$25k"
      objective = "loss"
      gpu_pools = ["256xH100-SXM5-80GB@2.5", {gpu_type = "A100-SXM4-80GB", count = 8}]
      [layout]
      zero_stage = 1
  )");
  ASSERT_THAT(request, IsOk());
  EXPECT_EQ(request->deadline_seconds(), 21 * 86400.0);
  EXPECT_EQ(request->unique_token_count(), 4'000'000'000'000);
  EXPECT_EQ(request->budget_usd(), 25000);
  EXPECT_EQ(request->objective(), v1::OBJECTIVE_LOSS);
  ASSERT_EQ(request->gpu_pools_size(), 2);
  EXPECT_EQ(request->gpu_pools(0).price_usd_per_gpu_hour(), 2.5);
  EXPECT_EQ(request->gpu_pools(1).count(), 8);
  EXPECT_EQ(request->layout().zero_stage(), 1);
}

TEST(QuestionFileTest, JsonIsReadToo) {
  const absl::StatusOr<v1::CreatePlanRequest> request =
      Parse(R"({"compute_flops": 1e21, "level": 0.5})");
  ASSERT_THAT(request, IsOk());
  EXPECT_EQ(request->compute_flops(), 1e21);
  EXPECT_EQ(request->level(), 0.5);
}

TEST(QuestionFileTest, AnUnknownKeyIsRefusedWithPositionAndNearest) {
  EXPECT_THAT(
      Parse("level = 0.9\ncompute_flop = 1e21\n"),
      StatusIs(kInvalid,
               "line 2, column 1: compute_flop: unknown key; the nearest is compute_flops"));
}

TEST(QuestionFileTest, AnUnknownKeyInATableIsRefusedWithItsPath) {
  EXPECT_THAT(Parse("[layout]\nzero = 1\n"), StatusIs(kInvalid, "layout.zero"));
}

TEST(QuestionFileTest, InfinityIsRefused) {
  EXPECT_THAT(Parse("compute_flops = inf"), StatusIs(kInvalid, "finite"));
}

TEST(QuestionFileTest, NotANumberIsRefused) {
  EXPECT_THAT(Parse("compute_flops = nan"), StatusIs(kInvalid, "finite"));
}

TEST(QuestionFileTest, AFractionOfAWholeThingIsRefused) {
  EXPECT_THAT(Parse("token_count = 1.5"),
              StatusIs(kInvalid, "token_count: must be a whole number"));
}

TEST(QuestionFileTest, ANumberBeyondItsTypeIsRefused) {
  EXPECT_THAT(Parse("token_count = 1e30"), StatusIs(kInvalid, "token_count"));
}

TEST(QuestionFileTest, TextForANumberIsRefused) {
  EXPECT_THAT(Parse("compute_flops = \"many\""), StatusIs(kInvalid, "compute_flops"));
}

TEST(QuestionFileTest, ANumberForTextIsRefused) {
  EXPECT_THAT(Parse("law = 3"), StatusIs(kInvalid, "law"));
}

TEST(QuestionFileTest, AListForANumberIsRefused) {
  EXPECT_THAT(Parse("compute_flops = [1, 2]"), StatusIs(kInvalid, "compute_flops"));
}

TEST(QuestionFileTest, BrokenTomlIsRefusedWithItsLine) {
  EXPECT_THAT(Parse("level = 0.9\ncompute_flops = \n"), StatusIs(kInvalid, "line 2"));
}

TEST(QuestionFileTest, AMissingFileIsRefusedByName) {
  EXPECT_THAT(ReadQuestionFile("/no/such/question.toml", 0),
              StatusIs(kInvalid, "/no/such/question.toml"));
}

// A named pipe in a folder of its own.
class PipeTest : public ::testing::Test {
 protected:
  PipeTest() {
    std::string pattern = ::testing::TempDir() + "rhumb-pipe-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/question";
    EXPECT_EQ(mkfifo(path_.c_str(), 0600), 0);
  }
  ~PipeTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_, path_;
};

TEST_F(PipeTest, IsReadToItsEnd) {
  std::thread writer([this] {
    std::ofstream pipe(path_);
    pipe << "level = 0.5\n" << std::flush;
    pipe << "compute_flops = 1e21\n";
  });
  const absl::StatusOr<v1::CreatePlanRequest> request = ReadQuestionFile(path_, 0, 60);
  writer.join();
  ASSERT_THAT(request, IsOk());
  EXPECT_EQ(request->level(), 0.5);
  EXPECT_EQ(request->compute_flops(), 1e21);
}

TEST_F(PipeTest, ThatNobodyWritesToIsGivenUpInTime) {
  EXPECT_THAT(ReadQuestionFile(path_, 0, 0.05),
              StatusIs(absl::StatusCode::kDeadlineExceeded, path_));
}

TEST_F(PipeTest, ThatIsNeverClosedIsGivenUpInTime) {
  const int writer = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(writer, 0);
  ASSERT_EQ(write(writer, "level = 0.5\n", 12), 12);
  EXPECT_THAT(ReadQuestionFile(path_, 0, 0.05),
              StatusIs(absl::StatusCode::kDeadlineExceeded, path_));
  close(writer);
}

TEST(QuestionFileTest, ADeviceWithoutEndIsRefused) {
  EXPECT_THAT(ReadQuestionFile("/dev/zero", 0, 60), StatusIs(kInvalid, "larger than"));
}

// Fills every field of `message` at random, nested ones too.
void FillAtRandom(std::mt19937_64& random, google::protobuf::Message& message) {
  using google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (random() % 3 == 0) continue;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT64:
        reflection.SetInt64(&message, field,
                            static_cast<int64_t>(random() >> 1) * (random() % 2 == 0 ? 1 : -1));
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        reflection.SetDouble(
            &message, field,
            std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 400) - 200));
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        reflection.SetBool(&message, field, true);
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        reflection.SetEnumValue(
            &message, field,
            1 + static_cast<int>(random() % (field->enum_type()->value_count() - 1)));
        break;
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::vector<std::string> texts = {"plain", "quote\" back\\slash", "line\nfeed\ttab",
                                                "ümlaut", "# no comment"};
        reflection.SetString(&message, field, texts[random() % texts.size()]);
        break;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        FillAtRandom(random, *(field->is_repeated() ? reflection.AddMessage(&message, field)
                                                    : reflection.MutableMessage(&message, field)));
        break;
      default:
        FAIL() << field->name();
    }
  }
}

TEST(QuestionFileTest, WhatIsPrintedReadsBackTheSame) {
  std::mt19937_64 random(20220329);
  for (int i = 0; i < 200; ++i) {
    v1::CreatePlanRequest request;
    FillAtRandom(random, request);
    const std::string text = PrintQuestion(request);
    const absl::StatusOr<v1::CreatePlanRequest> read = Parse(text);
    ASSERT_THAT(read, IsOk()) << text;
    ASSERT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*read, request)) << text;
  }
}

}  // namespace
}  // namespace rhumb::cli

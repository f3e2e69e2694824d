// SPDX-License-Identifier: Apache-2.0
// Files, pipes that end, and pipes that do not.
#include "client/config/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;

class TextFileTest : public ::testing::Test {
 protected:
  TextFileTest()
      : path_(absl::StrCat(::testing::TempDir(), "/text_file_test_", getpid(), "_",
                           ::testing::UnitTest::GetInstance()->current_test_info()->name())) {}
  ~TextFileTest() override { unlink(path_.c_str()); }

  const std::string path_;
};

TEST_F(TextFileTest, AFileIsReadWhole) {
  const std::string text(200'000, 'x');
  std::ofstream(path_) << text;
  EXPECT_THAT(ReadTextFile(path_), IsOkAndHolds(::testing::Eq(text)));
}

TEST_F(TextFileTest, AFileThatIsTooLargeIsRefused) {
  std::ofstream(path_) << "12345";
  EXPECT_THAT(ReadTextFile(path_, {.max_bytes = 4}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "larger than 4 bytes"));
  EXPECT_THAT(ReadTextFile(path_, {.max_bytes = 5}), IsOkAndHolds(::testing::Eq("12345")));
}

TEST_F(TextFileTest, WhatIsNoFileIsNamed) {
  EXPECT_THAT(ReadTextFile(path_), StatusIs(absl::StatusCode::kNotFound, "no such file: "));
  EXPECT_THAT(ReadTextFile("/"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "it is a directory"));
}

TEST_F(TextFileTest, APipeIsReadToItsEnd) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  std::thread writer([this] {
    std::ofstream pipe(path_);
    pipe << "one ";
    pipe.flush();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pipe << "two";
  });
  EXPECT_THAT(ReadTextFile(path_, {.timeout_seconds = 60}), IsOkAndHolds(::testing::Eq("one two")));
  writer.join();
}

TEST_F(TextFileTest, ADashIsStandardInput) {
  std::ofstream(path_) << "typed";
  const int saved = dup(STDIN_FILENO);
  const int file = open(path_.c_str(), O_RDONLY);
  dup2(file, STDIN_FILENO);
  const absl::StatusOr<std::string> text = ReadTextFileOrInput("-");
  dup2(saved, STDIN_FILENO);
  close(saved);
  close(file);
  EXPECT_THAT(text, IsOkAndHolds(::testing::Eq("typed")));
}

TEST_F(TextFileTest, OtherPathsAreFiles) {
  std::ofstream(path_) << "kept";
  EXPECT_THAT(ReadTextFileOrInput(path_), IsOkAndHolds(::testing::Eq("kept")));
}

TEST_F(TextFileTest, APipeWithoutAWriterIsNotWaitedForLonger) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(ReadTextFile(path_, {.timeout_seconds = 0.05}),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "has not ended"));
}

TEST_F(TextFileTest, AWriterThatNeverStopsIsNotWaitedForLonger) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const int keeps_it_open = open(path_.c_str(), O_RDWR);
  ASSERT_GE(keeps_it_open, 0);
  EXPECT_THAT(ReadTextFile(path_, {.timeout_seconds = 0.05}),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "has not ended"));
  close(keeps_it_open);
}

TEST_F(TextFileTest, WhatCannotBeWrittenIsKnownBeforehand) {
  EXPECT_TRUE(CheckWritable(path_).ok());
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_THAT(CheckWritable("/no/such/folder/file"),
              StatusIs(absl::StatusCode::kInvalidArgument, "its folder does not exist"));
  EXPECT_THAT(CheckWritable("/"), StatusIs(absl::StatusCode::kInvalidArgument, "it is a folder"));
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(CheckWritable(path_), StatusIs(absl::StatusCode::kInvalidArgument, "it is a pipe"));
}

}  // namespace
}  // namespace rhumb

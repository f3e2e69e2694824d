// SPDX-License-Identifier: Apache-2.0
#include "client/config/utf8.h"

#include "gtest/gtest.h"

namespace rhumb {
namespace {

TEST(Utf8Test, WholeSequencesAreUtf8) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
}

TEST(Utf8Test, BrokenOverlongAndSurrogateSequencesAreNot) {
  for (const char* text : {"\xFF", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80",
                           "\xF4\x90\x80\x80", "\x80"}) {
    EXPECT_FALSE(IsUtf8(text));
  }
}

TEST(Utf8Test, OtherEncodingsBecomeQuestionMarks) {
  EXPECT_EQ(ToUtf8("caf\xE9"), "caf?");
  EXPECT_EQ(ToUtf8("caf\xC3\xA9"), "caf\xC3\xA9");
}

}  // namespace
}  // namespace rhumb

// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/request_framer.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::daemon {
namespace {

using State = RequestFramer::State;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr size_t kMaxBody = 1000;

TEST(RequestFramerTest, RequestWithoutBodyEndsWithItsHead) {
  RequestFramer framer(kMaxBody);
  EXPECT_EQ(framer.Feed("GET /healthz?x=1 HTTP/1.1\r\nHost: a\r\n"), State::kHead);
  EXPECT_EQ(framer.Feed("\r\n"), State::kComplete);
  EXPECT_EQ(framer.Start(), "GET /healthz");
  EXPECT_EQ(framer.Take().head, "GET /healthz?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(RequestFramerTest, BodyOfALengthIsWholeAfterItsLastByte) {
  RequestFramer framer(kMaxBody);
  EXPECT_EQ(framer.Feed("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"), State::kBody);
  EXPECT_EQ(framer.Feed("cde"), State::kComplete);
  EXPECT_EQ(framer.Take().body, "abcde");
}

TEST(RequestFramerTest, ChunksAreJoinedAndTheirTrailerIgnored) {
  RequestFramer framer(kMaxBody);
  EXPECT_EQ(framer.Feed("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3;name=x\r\nabc\r\nA\r\n0123456789\r\n0\r\nExpires: never\r\n\r\n"),
            State::kComplete);
  EXPECT_EQ(framer.Take().body, "abc0123456789");
}

TEST(RequestFramerTest, NextRequestBeginsWhereOneEnds) {
  RequestFramer framer(kMaxBody);
  framer.Feed("POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyGET /b HTTP/1.1\r\n\r\nGET /c");
  EXPECT_EQ(framer.Take().body, "xy");
  ASSERT_EQ(framer.state(), State::kComplete);
  EXPECT_THAT(framer.Take().head, HasSubstr("GET /b"));
  EXPECT_EQ(framer.state(), State::kHead);
  EXPECT_TRUE(framer.begun());
}

TEST(RequestFramerTest, FieldsOfFramingAndCodingsAreNotPassedOn) {
  RequestFramer framer(kMaxBody);
  framer.Feed(
      "POST / HTTP/1.1\r\nContent-Length: 0\r\nAccept-Encoding: br\r\nRange: bytes=0-1\r\n"
      "X-Kept: 1\r\n\r\n");
  EXPECT_EQ(framer.Take().head, "POST / HTTP/1.1\r\nX-Kept: 1\r\n\r\n");
}

TEST(RequestFramerTest, SenderThatExpectsContinueIsToldOfOnce) {
  RequestFramer framer(kMaxBody);
  EXPECT_EQ(framer.Feed("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
            State::kBody);
  EXPECT_TRUE(framer.TakeExpectsContinue());
  EXPECT_FALSE(framer.TakeExpectsContinue());
  EXPECT_EQ(framer.Feed("abc"), State::kComplete);
}

struct Refused {
  const char* name;
  const char* text;
  int status;
};
class RefusedRequestTest : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedRequestTest, IsRefusedForGoodWithItsStatus) {
  RequestFramer framer(kMaxBody);
  EXPECT_EQ(framer.Feed(GetParam().text), State::kRefused);
  EXPECT_EQ(framer.refusal().status, GetParam().status) << framer.refusal().message;
  EXPECT_EQ(framer.Feed("GET / HTTP/1.1\r\n\r\n"), State::kRefused);
}

INSTANTIATE_TEST_SUITE_P(
    Framer, RefusedRequestTest,
    ::testing::Values(
        Refused{"BothLengths",
                "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Refused{"TwoLengths", "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
                400},
        Refused{"TwoHosts", "GET / HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n", 400},
        Refused{"SignedLength", "POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n", 400},
        Refused{"LengthList", "POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\n", 400},
        Refused{"HugeLength", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                413},
        Refused{"LongBody", "POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", 413},
        Refused{"OtherCoding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400},
        Refused{
            "ChunkedTwice",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            400},
        Refused{"SpaceBeforeColon", "POST / HTTP/1.1\r\nContent-Length : 3\r\n\r\n", 400},
        Refused{"FoldedField", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400},
        Refused{"BareLineFeed", "GET / HTTP/1.1\r\nA: b\nContent-Length: 3\r\n\r\n", 400},
        Refused{"NoColon", "GET / HTTP/1.1\r\nnonsense\r\n\r\n", 400},
        Refused{"OldVersion", "GET / HTTP/0.9\r\n\r\n", 400},
        Refused{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
        Refused{"NoTarget", "GET\r\n\r\n", 400},
        Refused{"OtherExpectation", "GET / HTTP/1.1\r\nExpect: pony\r\n\r\n", 417},
        Refused{"ChunkSize", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n", 400},
        Refused{"NegativeChunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
                400},
        Refused{"LongChunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n", 413},
        Refused{"OverflowingChunk",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF1\r\n", 413},
        Refused{"ChunkTooLongForItsSize",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", 400}),
    [](const auto& refused) { return refused.param.name; });

TEST(RequestFramerTest, HeadWithoutEndIsRefusedBeforeItGrowsFurther) {
  RequestFramer framer(kMaxBody);
  framer.Feed("GET / HTTP/1.1\r\n");
  State state = State::kHead;
  int fed = 0;
  while (state == State::kHead && ++fed < 100) state = framer.Feed(std::string(1000, 'a'));
  EXPECT_EQ(state, State::kRefused);
  EXPECT_EQ(framer.refusal().status, 431);
  EXPECT_EQ(framer.held_bytes(), 0u);
}

TEST(RequestFramerTest, ManyFieldsAreRefused) {
  std::string text = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) absl::StrAppend(&text, "A", i, ": b\r\n");
  RequestFramer framer(kMaxBody);
  EXPECT_EQ(framer.Feed(text + "\r\n"), State::kRefused);
  EXPECT_EQ(framer.refusal().status, 431);
}

// However the bytes are cut, the requests are the same.
TEST(RequestFramerTest, FramesAlikeWhereverTheBytesAreCut) {
  const std::string text =
      "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
      "GET /b HTTP/1.1\r\n\r\n\r\nPOST /c HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz";
  for (size_t first = 0; first <= text.size(); ++first) {
    for (size_t second = first; second <= text.size(); second += 7) {
      RequestFramer framer(kMaxBody);
      std::vector<std::string> bodies;
      for (const std::string& part :
           {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) {
        framer.Feed(part);
        while (framer.state() == State::kComplete) bodies.push_back(framer.Take().body);
      }
      ASSERT_THAT(bodies, ::testing::ElementsAre("abcd", "", "xyz")) << first << " " << second;
    }
  }
}

TEST(RequestFramerTest, GarbageNeverHoldsMoreThanItsLimits) {
  std::mt19937_64 random(20261121);
  const std::string alphabet =
      "GET POST/ HTTP/1.1\r\n\r\n:;0123456789abcdefContent-Length\r\n\t\x01\xff";
  for (int round = 0; round < 20'000; ++round) {
    RequestFramer framer(kMaxBody);
    if (random() % 2 == 0) framer.Feed("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int part = 0; part < 4; ++part) {
      std::string bytes;
      for (size_t i = random() % 60; i > 0; --i) bytes += alphabet[random() % alphabet.size()];
      if (framer.Feed(bytes) == State::kComplete) framer.Take();
    }
    ASSERT_LT(framer.held_bytes(), kMaxBody + 400);
  }
}

}  // namespace
}  // namespace rhumb::daemon

// SPDX-License-Identifier: Apache-2.0
#include "daemon/identity.h"

#include <string>

#include "daemon/sha256.h"
#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::daemon {
namespace {

// NIST FIPS 180-4 example values (csrc.nist.gov, "SHA256.pdf").
TEST(Sha256Test, EmptyMessage) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256Test, OneBlock) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, TwoBlocks) {
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256Test, OneMillionTimesA) {
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// 64 bytes: the padding needs a block of its own. Value by coreutils: head -c 64 /dev/zero | tr
// '\0' b | sha256sum.
TEST(Sha256Test, ExactlyOneBlockOfData) {
  EXPECT_EQ(Sha256Hex(std::string(64, 'b')),
            "a0fab1377f49a759b57f63318262ebe89fabfc990e8e93ceac2984561482b9d4");
}

TEST(PlanNameTest, IsAHashOfTwentyDigits) {
  const std::string name = PlanName("request", "inputs");
  EXPECT_EQ(name.substr(0, 8), "plans/p-");
  EXPECT_EQ(name.size(), 28u);
  EXPECT_EQ(name.find_first_not_of("0123456789abcdef", 8), std::string::npos);
}

TEST(PlanNameTest, BytesCannotMoveBetweenRequestAndInputs) {
  EXPECT_NE(PlanName("ab", "c"), PlanName("a", "bc"));
}

TEST(PlanInputsTest, EveryInputChangesTheBytes) {
  const Law law = *FindLaw(kDefaultLawName);
  Law newer = law;
  newer.version = 2;
  const std::string base = PlanInputsBytes(law, 1000, "", "content");
  EXPECT_NE(base, PlanInputsBytes(newer, 1000, "", "content"));
  EXPECT_NE(base, PlanInputsBytes(law, 1001, "", "content"));
  EXPECT_NE(base, PlanInputsBytes(law, 1000, "c", "content"));
  EXPECT_NE(base, PlanInputsBytes(law, 1000, "", "contents"));
  EXPECT_EQ(base, PlanInputsBytes(law, 1000, "", "content"));
}

TEST(RequestContentHashTest, IgnoresRequestIdAndValidateOnlyAlone) {
  v1::CreatePlanRequest a, b;
  a.set_compute_flops(1e21);
  b = a;
  b.set_request_id("123e4567-e89b-42d3-a456-426614174000");
  b.set_validate_only(true);
  EXPECT_EQ(RequestContentHash(a), RequestContentHash(b));
  b.set_compute_flops(2e21);
  EXPECT_NE(RequestContentHash(a), RequestContentHash(b));
}

TEST(DeterministicBytesTest, UnknownFieldsAreDropped) {
  v1::CreatePlanRequest known, with_unknown;
  known.set_compute_flops(1e21);
  // Field 2000, varint 1, as a newer client might send.
  with_unknown.ParseFromString(known.SerializeAsString() + std::string("\x80\x7d\x01", 3));
  ASSERT_NE(with_unknown.SerializeAsString(), known.SerializeAsString());
  EXPECT_EQ(DeterministicBytes(with_unknown), DeterministicBytes(known));
}

}  // namespace
}  // namespace rhumb::daemon

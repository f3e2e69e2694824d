// SPDX-License-Identifier: Apache-2.0
// `ingest` and `sync`: what is told of a run, what is told once, and what stays.
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "client/config/document.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/client/run_progress_fixture.h"

namespace rhumb::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// --- ingest

TEST_F(RunProgressCommandsTest, ALogBecomesSamplesOfANewRunAndAgainStoresNothing) {
  const std::string log = Write("train.csv", "step,loss\n1,3\n2,2.5\n3,nan\n");
  const std::string line = absl::StrCat("ingest --csv ", log, " --batch-tokens 1000");
  const Outcome first = RunLine(line);
  EXPECT_EQ(first.code, kExitOk) << first.err;
  EXPECT_EQ(first.out, "runs/r-1: 3 samples stored.\n");
  EXPECT_EQ(RunLine(line).out, "runs/r-1: 0 samples stored, 3 known before.\n");
  EXPECT_THAT(service_.stored, SizeIs(3));
  EXPECT_TRUE(service_.stored.rbegin()->second.loss_not_finite());
  EXPECT_EQ(service_.creates[0].run().title(), "train.csv");
  EXPECT_EQ(service_.creates[0].run().settings().global_batch_tokens(), 1000);
}

TEST_F(RunProgressCommandsTest, ALogIsToldToADaemonAlone) {
  const std::string log = Write("train.csv", "tokens,loss\n1000,3\n");
  RunLine(absl::StrCat("ingest --csv ", log));
  EXPECT_FALSE(may_be_local_);
  RunLine(absl::StrCat("ingest --csv --local ", log));
  EXPECT_TRUE(may_be_local_);
}

TEST_F(RunProgressCommandsTest, ARunBeginsWhereItsLogDoes) {
  // The first line stands for ten steps of two seconds.
  const std::string log = Write("train.csv",
                                "step,loss,step_seconds,sample_time\n"
                                "10,3,2,2025-11-24T15:00:20Z\n"
                                "20,2.5,2,2025-11-24T15:00:40Z\n");
  RunLine(absl::StrCat("ingest --csv ", log, " --batch-tokens 1000"));
  ASSERT_THAT(service_.creates, SizeIs(1));
  EXPECT_EQ(service_.creates[0].run().start_time().seconds(), kStart - 3600);
}

TEST_F(RunProgressCommandsTest, FollowingEndsWithTheRunThoughTheLogSaysNothing) {
  service_.run.set_state(v1::RUN_STATE_SUCCEEDED);
  const std::string log = Write("train.csv", "tokens,loss\n1000,3\n");
  const Outcome outcome = RunLine(absl::StrCat("ingest --csv --follow --run r-12 ", log));
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_EQ(outcome.out, "r-12: 1 sample stored.\n");
}

TEST_F(RunProgressCommandsTest, ALogThatHasGrownStoresWhatIsNew) {
  const std::string log = Write("train.csv", "tokens,loss\n1000,3\n");
  RunLine(absl::StrCat("ingest --csv --run r-12 ", log));
  Write("train.csv", "tokens,loss\n1000,3\n2000,2.5\n");
  EXPECT_EQ(RunLine(absl::StrCat("ingest --csv --run r-12 ", log)).out,
            "r-12: 1 sample stored, 1 known before.\n");
  EXPECT_THAT(service_.creates, IsEmpty());
}

TEST_F(RunProgressCommandsTest, UnreadableLinesAreNamedAndTheOthersStored) {
  const std::string log = Write("train.csv", "tokens,loss\n1000,3\n2000,high\n3000,2.5\n");
  const Outcome outcome = RunLine(absl::StrCat("ingest --csv --run r-12 -o json ", log));
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.err, HasSubstr("train.csv: line 3: column loss_nats"));
  const absl::StatusOr<DocumentValue> tree = ParseJson(outcome.out);
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->Find("stored_count")->integer, 2);
  EXPECT_EQ(tree->Find("unreadable_count")->integer, 1);
}

TEST_F(RunProgressCommandsTest, ASampleThatTheDaemonRefusesIsLeftOutAlone) {
  service_.refused_step = 20;
  std::string text = "step,tokens,loss\n";
  for (int i = 1; i <= 50; ++i) absl::StrAppend(&text, i, ",", 1000 * i, ",3\n");
  const Outcome outcome =
      RunLine(absl::StrCat("ingest --csv --run r-12 ", Write("train.csv", text)));
  EXPECT_EQ(outcome.out, "r-12: 49 samples stored, 1 refused (step: is not wanted).\n");
}

TEST_F(RunProgressCommandsTest, AFileWithoutSamplesIsAMistake) {
  const Outcome outcome =
      RunLine(absl::StrCat("ingest --megatron ", Write("other.log", "hello\nworld\n")));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("no line is a sample as megatron has them"));
  EXPECT_THAT(service_.creates, IsEmpty());
}

TEST_F(RunProgressCommandsTest, WhatALogDoesNotSayIsAskedForByItsFlag) {
  const std::string log = Write("train.log",
                                " iteration 4/ 5000 | consumed samples: 512 | elapsed time per "
                                "iteration (ms): 2000.0 | global "
                                "batch size: 128 | lm loss: 1.0E+01 |\n");
  const Outcome outcome = RunLine(absl::StrCat("ingest --megatron ", log));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("line 1: --sequence-length must be given"));
  EXPECT_EQ(RunLine(absl::StrCat("ingest --megatron ", log, " --sequence-length 4096")).code,
            kExitOk);
}

TEST_F(RunProgressCommandsTest, AFileThatIsNotThereOrAFormatThatIsNotSaidAsksNobody) {
  EXPECT_EQ(RunLine("ingest --csv /nowhere/train.csv").code, kExitUsage);
  const std::string log = Write("train.csv", "tokens,loss\n1000,3\n");
  EXPECT_THAT(RunLine(absl::StrCat("ingest ", log)).err, HasSubstr("say the format of the log"));
  EXPECT_EQ(RunLine(absl::StrCat("ingest --csv --nanogpt ", log)).code, kExitUsage);
  EXPECT_THAT(RunLine(absl::StrCat("ingest --csv --run r-1 --title x ", log)).err,
              HasSubstr("--title is for a new run"));
  EXPECT_EQ(RunLine(absl::StrCat("ingest --csv --sequence-length 0 ", log)).code, kExitUsage);
  EXPECT_EQ(service_.report_count, 0);
}

// --- sync

constexpr char kHeader[] =
    R"({"format":1,"attempt_id":"a-1","run":"","create":{"run":{"title":"mine"},"request_id":"x"}})"
    "\n";
constexpr char kSampleLine[] =
    R"({"sample":{"sequence":1,"sample_time":"2025-11-24T16:00:00Z","step":10,"token_count":1000,)"
    R"("loss_nats":2.5}})"
    "\n";

TEST_F(RunProgressCommandsTest, ASpoolIsSentAndRemoved) {
  const std::string path =
      Write("a-1.ndjson", absl::StrCat(kHeader, kSampleLine, R"({"finish":{"state":"SUCCEEDED"}})",
                                       "\n", R"({"sample":{"sequ)"));
  const Outcome outcome = RunLine(absl::StrCat("sync ", folder_.string()));
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("sent"));
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_THAT(service_.stored, SizeIs(1));
  EXPECT_EQ(service_.stored.begin()->first, "runs/r-1 a-1 1");
  EXPECT_DOUBLE_EQ(service_.stored.begin()->second.loss_nats(), 2.5);
  ASSERT_THAT(service_.finishes, SizeIs(1));
  EXPECT_EQ(service_.finishes[0].name(), "runs/r-1");
}

TEST_F(RunProgressCommandsTest, ASpoolThatFailsStaysAndKnowsItsRun) {
  service_.refused_step = 10;
  service_.status = grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "belongs to uid 4242");
  const std::string path = Write("a-1.ndjson", absl::StrCat(kHeader, kSampleLine));
  const Outcome outcome = RunLine(absl::StrCat("sync ", path));
  EXPECT_EQ(outcome.code, kExitPermission);
  EXPECT_THAT(outcome.err, HasSubstr("a-1.ndjson, which stays: belongs to uid 4242"));
  EXPECT_TRUE(std::filesystem::exists(path));
}

template <typename Detail>
grpc::Status Refusal(grpc::StatusCode code, const Detail& detail) {
  google::rpc::Status details;
  details.set_code(static_cast<int>(code));
  details.add_details()->PackFrom(detail);
  return {code, "refused", details.SerializeAsString()};
}

TEST_F(RunProgressCommandsTest, AnEndThatWasSaidBeforeIsNoFailure) {
  google::rpc::ErrorInfo info;
  info.set_domain("rhumb");
  info.set_reason("RUN_HAS_ENDED");
  service_.refused_finishes = {Refusal(grpc::StatusCode::FAILED_PRECONDITION, info)};
  const std::string path = Write(
      "a-1.ndjson", absl::StrCat(kHeader, kSampleLine, R"({"finish":{"state":"FAILED"}})", "\n"));
  EXPECT_EQ(RunLine(absl::StrCat("sync ", path)).code, kExitOk);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(RunProgressCommandsTest, ARunThatEndedBeforeItWasCreatedEndsNow) {
  google::rpc::BadRequest bad;
  bad.add_field_violations()->set_field("end_time");
  service_.refused_finishes = {Refusal(grpc::StatusCode::INVALID_ARGUMENT, bad), grpc::Status::OK};
  const std::string path = Write(
      "a-1.ndjson",
      absl::StrCat(kHeader, kSampleLine,
                   R"({"finish":{"state":"SUCCEEDED","end_time":"2025-11-24T16:00:00Z"}})", "\n"));
  EXPECT_EQ(RunLine(absl::StrCat("sync ", path)).code, kExitOk);
  ASSERT_THAT(service_.finishes, SizeIs(2));
  EXPECT_FALSE(service_.finishes[1].has_end_time());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(RunProgressCommandsTest, AFileThatIsNoSpoolStaysAndOthersAreSent) {
  const std::string other = Write("0.ndjson", "{\"format\":2}\n");
  const std::string cut = Write("1.ndjson", "{\"form");
  const std::string good = Write("2.ndjson", absl::StrCat(kHeader, kSampleLine));
  const Outcome outcome = RunLine(absl::StrCat("sync ", folder_.string()));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("line 1: is no spool file of format 1"));
  EXPECT_TRUE(std::filesystem::exists(other));
  EXPECT_FALSE(std::filesystem::exists(cut));
  EXPECT_FALSE(std::filesystem::exists(good));
}

TEST_F(RunProgressCommandsTest, AnEmptyFolderHasNothingToSendAndAMissingOneIsAMistake) {
  EXPECT_THAT(RunLine(absl::StrCat("sync ", folder_.string())).err,
              HasSubstr("nothing waits to be sent"));
  EXPECT_EQ(RunLine("sync /nowhere/spool").code, kExitUsage);
}

}  // namespace
}  // namespace rhumb::cli

// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/torchtitan_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::ingest {
namespace {

using testing_support::IsOk;
using testing_support::StatusIs;

// Forms of torchtitan 0.2.
constexpr char kInit[] =
    "[rank0]:[titan] 2025-11-25 19:44:58,838 - root - INFO - Trainer is initialized with local "
    "batch "
    "size 8, global batch size 64, gradient accumulation steps 1, sequence length 2048, total "
    "steps "
    "10 (warmup 2)";
constexpr char kStep[] =
    "[rank0]:[titan] 2025-11-25 19:45:01,441 - root - INFO - \x1b[31mstep:  4  \x1b[32mloss:  "
    "8.0277"
    "  \x1b[38;2;180;60;0mgrad_norm:  1.4604  \x1b[36mmemory:  1.50GiB(0.86%)  \x1b[34mtps: 16,384 "
    " "
    "\x1b[36mtflops: 0.41  \x1b[35mmfu: 0.04%\x1b[39m";

LineReading Read(TorchtitanLog& log, absl::string_view line) {
  const absl::StatusOr<LineReading> reading = log.Read(line);
  EXPECT_THAT(reading.status(), IsOk());
  return reading.value_or(LineReading());
}

TEST(TorchtitanLogTest, AColouredStepIsASample) {
  TorchtitanLog log({.gpu_count = 8});
  Read(log, kInit);
  const LineReading reading = Read(log, kStep);
  ASSERT_EQ(reading.kind, LineKind::kTraining) << reading.reason;
  const v1::RunSample& sample = reading.sample;
  EXPECT_EQ(sample.step(), 4);
  EXPECT_EQ(sample.token_count(), 4 * 64 * 2048);
  EXPECT_DOUBLE_EQ(sample.loss_nats(), 8.0277);
  EXPECT_DOUBLE_EQ(sample.gradient_norm(), 1.4604);
  EXPECT_EQ(sample.peak_memory_bytes(), 1610612736);  // 1.5 x 2^30
  EXPECT_DOUBLE_EQ(sample.tokens_per_second(), 8 * 16384);
  EXPECT_DOUBLE_EQ(sample.step_seconds(), 1);
  EXPECT_EQ(sample.sample_time().nanos(), 441'000'000);
}

TEST(TorchtitanLogTest, TheTargetIsAllItsSteps) {
  TorchtitanLog log(LogFacts{});
  Read(log, kInit);
  EXPECT_EQ(log.facts().target_token_count, 10 * 64 * 2048);
}

TEST(TorchtitanLogTest, WithoutACountOfGpusTheRateOfAllIsNotKnown) {
  TorchtitanLog log(LogFacts{});
  Read(log, kInit);
  EXPECT_FALSE(Read(log, kStep).sample.has_tokens_per_second());
}

TEST(TorchtitanLogTest, ASecondRankSaysNothingNew) {
  TorchtitanLog log(LogFacts{});
  Read(log, kInit);
  ASSERT_EQ(Read(log, kStep).kind, LineKind::kTraining);
  EXPECT_EQ(Read(log,
                 "[rank1]:[titan] 2025-11-25 19:45:01,441 - root - INFO - step:  4  loss:  "
                 "8.0277  grad_norm:  1.4604  memory:  1.50GiB(0.86%)  tps: 16,384")
                .kind,
            LineKind::kOther);
}

TEST(TorchtitanLogTest, ARankWithoutTheLastStageIsNoneThatIsListenedTo) {
  TorchtitanLog log({.global_batch_tokens = 1000});
  EXPECT_EQ(Read(log, "[rank0]: step:  4  loss: -1.0000  grad_norm:  1.4  tps: 16").kind,
            LineKind::kOther);
  EXPECT_EQ(Read(log, "[rank7]: step:  4  loss:  8.0277  grad_norm:  1.4  tps: 16").kind,
            LineKind::kTraining);
}

TEST(TorchtitanLogTest, AValidationIsASampleOfItsOwn) {
  TorchtitanLog log({.global_batch_tokens = 1000});
  const LineReading reading =
      Read(log,
           "[titan] 2025-11-25 19:45:01,441 - root - INFO - validate step: 20  loss:  7.1234  "
           "memory:  1.21GiB(0.86%)  tps: 5,756");
  ASSERT_EQ(reading.kind, LineKind::kValidation);
  EXPECT_DOUBLE_EQ(reading.sample.validation_loss_nats(), 7.1234);
  EXPECT_EQ(reading.sample.token_count(), 20000);
}

TEST(TorchtitanLogTest, ALossOfNanIsNotFinite) {
  TorchtitanLog log({.global_batch_tokens = 1000});
  EXPECT_TRUE(Read(log, "step:  4  loss:     nan  grad_norm:  nan").sample.loss_not_finite());
}

TEST(TorchtitanLogTest, WithoutTokensOfAStepTheFlagIsNamed) {
  TorchtitanLog log(LogFacts{});
  EXPECT_THAT(log.Read(kStep).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "--batch-tokens must be given"));
}

}  // namespace
}  // namespace rhumb::ingest

// SPDX-License-Identifier: Apache-2.0
// Lines of nanoGPT and what was made of it.
#ifndef RHUMB_CLIENT_INGEST_NANOGPT_LOG_H_
#define RHUMB_CLIENT_INGEST_NANOGPT_LOG_H_

#include "client/ingest/log_parser.h"

namespace rhumb::ingest {

// Reads what train.py of github.com/karpathy/nanoGPT prints:
//   tokens per iteration will be: 491,520
//   iter 100: loss 6.9843, time 412.33ms, mfu 31.20%
//   step 250: train loss 5.1234, val loss 5.2345
// "iter" counts from 0 and is printed behind the step, so that iter n has done n + 1 steps; "step
// n" stands before the step of that number. The time is that of one step. The "train loss" of a
// step line is of an evaluation, not of the steps trained, and is not read.
class NanoGptLog final : public LogParser {
 public:
  using LogParser::LogParser;
  absl::StatusOr<LineReading> Read(absl::string_view line) override;
};

}  // namespace rhumb::ingest

#endif  // RHUMB_CLIENT_INGEST_NANOGPT_LOG_H_

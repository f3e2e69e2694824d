// SPDX-License-Identifier: Apache-2.0
// Lines of torchtitan.
#ifndef RHUMB_CLIENT_INGEST_TORCHTITAN_LOG_H_
#define RHUMB_CLIENT_INGEST_TORCHTITAN_LOG_H_

#include "client/ingest/log_parser.h"

namespace rhumb::ingest {

// Reads what torchtitan logs (torchtitan/components/metrics.py, MetricsProcessor.log() and
// log_validation(); torchtitan/train.py), with or without colours and a prefix as "[rank0]:":
//   [titan] 2025-11-25 19:44:58,838 - root - INFO - Trainer is initialized with local batch size 8,
//   global batch size 64, gradient accumulation steps 1, sequence length 2048, total steps 10 (...)
//   [titan] 2025-11-25 19:45:01,441 - root - INFO - step:  1  loss:  8.0277  grad_norm:  1.4604
//   memory:  1.21GiB(0.86%)  tps: 5,756  tflops: 0.41  mfu: 0.04%
//   ... - INFO - validate step: 20  loss:  7.1234  memory: ...
// `tps` is of one GPU, in older versions `wps`: the rate of all needs gpu_count. Memory is what the
// allocator reserved. Where several ranks log, the first that says a step is taken. Ranks without
// the last pipeline stage log -1 as their loss: they are no samples.
class TorchtitanLog final : public LogParser {
 public:
  using LogParser::LogParser;
  absl::StatusOr<LineReading> Read(absl::string_view line) override;

 private:
  void LearnBatch(absl::string_view line);
  LineReading ReadStep(absl::string_view line, int64_t step, int64_t batch_tokens) const;

  std::optional<std::string> rank_;  // "[rank0]", whose lines are read
  std::optional<int64_t> total_steps_;
};

}  // namespace rhumb::ingest

#endif  // RHUMB_CLIENT_INGEST_TORCHTITAN_LOG_H_

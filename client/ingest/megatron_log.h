// SPDX-License-Identifier: Apache-2.0
// Lines of Megatron-LM and what forked from it.
#ifndef RHUMB_CLIENT_INGEST_MEGATRON_LOG_H_
#define RHUMB_CLIENT_INGEST_MEGATRON_LOG_H_

#include "client/ingest/log_parser.h"

namespace rhumb::ingest {

// Reads, of Megatron-LM's standard output (megatron/training/training.py, training_log() and
// evaluate_and_print_results(); megatron/training/utils.py, report_memory(); the dump of
// arguments):
//    [2025-08-01 07:19:37] iteration  1/  5000 | consumed samples:  128 | elapsed time per
//    iteration (ms): 19138.8 | learning rate: 6.97E-08 | global batch size: 128 | lm loss: 1.04E+01
//    | ... | validation loss at iteration 1000 | lm loss value: 2.72E+00 | lm loss PPL: 1.5E+01 |
//   [Rank 0] (after 1 iterations) memory (MB) | allocated: 9334.3 | max allocated: 10606.5 | ...
//     seq_length ...................................... 4096
// Megatron prints no lm loss where all of it was NaN: "number of nan iterations" tells. Tokens are
// consumed samples times the sequence length; "consumed tokens" (Megatron-DeepSpeed) counts if it
// is there. Memory is the allocator's, the highest of the ranks that printed it.
class MegatronLog final : public LogParser {
 public:
  using LogParser::LogParser;
  absl::StatusOr<LineReading> Read(absl::string_view line) override;

 private:
  absl::StatusOr<LineReading> ReadTraining(absl::string_view line, int64_t step, int64_t last_step);
  LineReading ReadValidation(absl::string_view line) const;
  void LearnArgument(absl::string_view line);

  std::optional<int64_t> tokens_per_step_;  // of the last training line
  std::optional<int64_t> peak_memory_bytes_;
  int64_t last_step_ = -1;
  int64_t last_token_count_ = 0;
};

}  // namespace rhumb::ingest

#endif  // RHUMB_CLIENT_INGEST_MEGATRON_LOG_H_

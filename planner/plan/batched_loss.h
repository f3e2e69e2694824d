// SPDX-License-Identifier: Apache-2.0
// Loss of a training run at a given batch: the law, repetition, and the critical batch at the loss
// reached.
#ifndef RHUMB_PLANNER_PLAN_BATCHED_LOSS_H_
#define RHUMB_PLANNER_PLAN_BATCHED_LOSS_H_

#include <optional>

#include "planner/laws/critical_batch.h"
#include "planner/laws/law.h"

namespace rhumb {

// Batch regime assumed behind a law that does not state it, as a fraction of B_crit.
inline constexpr double kAssumedReferenceBatchFraction = 0.2;
// No plan uses a batch above this multiple of B_crit.
inline constexpr double kMaxBatchOverCritical = 4;

// A model as the law and the batch rules see it.
struct LawSize {
  double law_params = 0;  // N by the law's convention; of a mixture of experts the active ones
  double non_embedding_params = 0;
};

struct BatchedLossValue {
  double loss_nats = 0;
  double critical_batch_tokens = 0;  // 0: no batch of this size is consistent with its own loss
  double token_overhead = 1;
};

// Pure; refers to `law`, which must outlive it.
class BatchedLoss {
 public:
  // `noise_scale_tokens`, when measured, is the critical batch; else `rule` gives it. Losses are
  // those after `done_token_count` tokens and the ones asked about, all of them in batches of the
  // size asked about.
  BatchedLoss(const Law& law, std::optional<double> unique_token_count, BatchRule rule,
              std::optional<double> noise_scale_tokens, double done_token_count = 0);

  // Loss after `token_count` tokens in batches of `batch_tokens`. B_crit depends on the loss and
  // the loss on B_crit through the overhead: the least fixed point, reached from below, so it is
  // monotone in tokens.
  BatchedLossValue At(const LawSize& size, double token_count, double batch_tokens) const;

  // Smallest token count that reaches `target_loss_nats` in batches of `batch_tokens`; nullopt if
  // none does. Not of a run that is under way, as BestCaseTokens().
  std::optional<double> TokensFor(const LawSize& size, double target_loss_nats,
                                  double batch_tokens) const;

  // Loss without batch overhead: a lower bound of At() over all batches.
  double BestCase(const LawSize& size, double token_count) const;
  // Tokens without batch overhead: a lower bound of TokensFor() over all batches.
  std::optional<double> BestCaseTokens(const LawSize& size, double target_loss_nats) const;

  double CriticalBatch(const LawSize& size, double token_count, double loss_nats) const;
  double ReferenceBatch(double critical_batch_tokens) const;
  double Overhead(double batch_tokens, double critical_batch_tokens) const;

 private:
  const Law& law_;
  std::optional<double> unique_token_count_;
  BatchRule rule_;
  std::optional<double> noise_scale_tokens_;
  double done_token_count_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_BATCHED_LOSS_H_

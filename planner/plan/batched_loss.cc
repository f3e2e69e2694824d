// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/batched_loss.h"

#include <cmath>

#include "planner/laws/loss_model.h"

namespace rhumb {
namespace {

constexpr int kMaxIterations = 1000;
constexpr double kRelativeTolerance = 1e-14;

}  // namespace

BatchedLoss::BatchedLoss(const Law& law, std::optional<double> unique_token_count, BatchRule rule,
                         std::optional<double> noise_scale_tokens, double done_token_count)
    : law_(law),
      unique_token_count_(unique_token_count),
      rule_(rule),
      noise_scale_tokens_(noise_scale_tokens),
      done_token_count_(done_token_count) {}

double BatchedLoss::CriticalBatch(const LawSize& size, double token_count, double loss_nats) const {
  if (noise_scale_tokens_.has_value()) return *noise_scale_tokens_;
  const double all_tokens = done_token_count_ + token_count;
  BatchInputs inputs;
  inputs.param_count = size.non_embedding_params;
  inputs.token_count = all_tokens;
  inputs.training_flops = 6 * size.non_embedding_params * all_tokens;
  inputs.loss_nats = loss_nats;
  inputs.reference_batch_tokens = law_.reference_batch_tokens;
  const std::optional<double> critical = CriticalBatchTokens(rule_, inputs);
  return critical.value_or(KaplanCriticalBatchTokens(loss_nats));
}

double BatchedLoss::ReferenceBatch(double critical_batch_tokens) const {
  return law_.reference_batch_tokens.value_or(kAssumedReferenceBatchFraction *
                                              critical_batch_tokens);
}

double BatchedLoss::Overhead(double batch_tokens, double critical_batch_tokens) const {
  return TokenOverhead(batch_tokens, critical_batch_tokens, ReferenceBatch(critical_batch_tokens));
}

double BatchedLoss::BestCase(const LawSize& size, double token_count) const {
  return PredictLoss(law_, size.law_params,
                     {done_token_count_ + token_count, unique_token_count_, 1});
}

std::optional<double> BatchedLoss::BestCaseTokens(const LawSize& size,
                                                  double target_loss_nats) const {
  return TokensForTargetLoss(law_, size.law_params, target_loss_nats, unique_token_count_, 1);
}

BatchedLossValue BatchedLoss::At(const LawSize& size, double token_count,
                                 double batch_tokens) const {
  BatchedLossValue value;
  value.loss_nats = BestCase(size, token_count);
  for (int i = 0; i < kMaxIterations; ++i) {
    value.critical_batch_tokens = CriticalBatch(size, token_count, value.loss_nats);
    value.token_overhead = Overhead(batch_tokens, value.critical_batch_tokens);
    if (value.token_overhead == 1) return value;
    const double loss =
        PredictLoss(law_, size.law_params,
                    {done_token_count_ + token_count, unique_token_count_, value.token_overhead});
    const bool settled = std::abs(loss - value.loss_nats) <= kRelativeTolerance * loss;
    value.loss_nats = loss;
    if (settled) return value;
  }
  // So large a batch for so few tokens that each loss allows a smaller one still: none is right.
  value.critical_batch_tokens = 0;
  return value;
}

std::optional<double> BatchedLoss::TokensFor(const LawSize& size, double target_loss_nats,
                                             double batch_tokens) const {
  std::optional<double> tokens = BestCaseTokens(size, target_loss_nats);
  for (int i = 0; tokens.has_value() && i < kMaxIterations; ++i) {
    const double overhead = Overhead(batch_tokens, CriticalBatch(size, *tokens, target_loss_nats));
    if (overhead == 1) break;
    const double before = *tokens;
    tokens =
        TokensForTargetLoss(law_, size.law_params, target_loss_nats, unique_token_count_, overhead);
    if (tokens.has_value() && std::abs(*tokens - before) <= kRelativeTolerance * *tokens) break;
  }
  return tokens;
}

}  // namespace rhumb

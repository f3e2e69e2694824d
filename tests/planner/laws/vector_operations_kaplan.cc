// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/critical_batch.h"
#include "planner/laws/kaplan.h"
#include "planner/laws/learning_rate.h"
#include "tests/planner/laws/vector_operations.h"

namespace rhumb {

Operations KaplanLossOperations() {
  return {
      {"kaplan2020/L_of_N",
       [](const Json& in) {
         return Json{{"L", KaplanLossOfParams(Num(in, "N"))}};
       }},
      {"kaplan2020/L_of_D",
       [](const Json& in) {
         return Json{{"L", KaplanLossOfTokens(Num(in, "D"))}};
       }},
      {"kaplan2020/L_of_C_naive",
       [](const Json& in) {
         return Json{{"L", KaplanLossOfFlops(Num(in, "flops"))}};
       }},
      {"kaplan2020/L_of_Cmin",
       [](const Json& in) {
         return Json{{"pf_days", FlopsToPfDays(Num(in, "flops"))},
                     {"L", KaplanLossOfMinFlops(Num(in, "flops"))}};
       }},
      {"kaplan2020/L_of_N_D",
       [](const Json& in) {
         return Json{{"L", KaplanLossOfParamsAndTokens(Num(in, "N"), Num(in, "D"))},
                     {"overfit_dL", KaplanOverfitFraction(Num(in, "N"), Num(in, "D"))}};
       }},
      {"kaplan2020/L_of_N_Smin",
       [](const Json& in) {
         return Json{{"L", KaplanLossOfParamsAndSteps(Num(in, "N"), Num(in, "S_min"))}};
       }},
      {"kaplan2020/D_no_overfit",
       [](const Json& in) {
         return Json{{"D", KaplanTokensAgainstOverfit(Num(in, "N"))}};
       }},
      {"kaplan2020/S_stop_lower_bound",
       [](const Json& in) {
         return Json{{"S", KaplanEarlyStopStepBound(Num(in, "N"), Num(in, "D"))}};
       }},
      {"kaplan2020/lr_rule",
       [](const Json& in) {
         return Json{{"lr", KaplanLearningRate(Num(in, "N")).value()}};
       }},
      {"kaplan2020/nonembedding_params",
       [](const Json& in) {
         return Json{{"N", KaplanParamCount(ShapeOf(in))}};
       }},
      {"kaplan2020/forward_flops_per_token",
       [](const Json& in) {
         return Json{{"flops", KaplanForwardFlopsPerToken(ShapeOf(in), Num(in, "n_ctx"))}};
       }},
      {"kaplan2020/train_flops_per_token_with_attention",
       [](const Json& in) {
         return Json{{"flops", KaplanTrainingFlopsPerToken(ShapeOf(in), Num(in, "n_ctx"))}};
       }},
      {"units/flops_to_pf_days",
       [](const Json& in) {
         return Json{{"pf_days", FlopsToPfDays(Num(in, "flops"))}};
       }},
      {"units/pf_day_to_flops",
       [](const Json& in) {
         return Json{{"flops", PfDaysToFlops(Num(in, "pf_days"))}};
       }},
  };
}

Operations KaplanFrontierOperations() {
  return {
      {"kaplan2020/B_crit_tokens",
       [](const Json& in) {
         return Json{{"B_crit", KaplanCriticalBatchTokens(Num(in, "L"))}};
       }},
      {"kaplan2020/B_crit_loss_ratio_for_doubling",
       [](const Json&) {
         return Json{{"L_ratio", KaplanLossRatioForDoubledBatch()}};
       }},
      {"kaplan2020/N_opt_at_B_crit",
       [](const Json& in) {
         return Json{{"C_min_pf_days", FlopsToPfDays(Num(in, "C_flops")) / 2},
                     {"N", KaplanParamsAtCriticalBatch(Num(in, "C_flops"))}};
       }},
      {"kaplan2020/S_min_C_min",
       [](const Json& in) {
         const KaplanMinimum m =
             KaplanAdjustForBatch(Num(in, "N"), Num(in, "S"), Num(in, "B"), Num(in, "L"));
         return Json{
             {"S_min", m.min_step_count}, {"C", m.training_flops}, {"C_min", m.min_training_flops}};
       }},
      {"kaplan2020/appendix_B_constants",
       [](const Json&) {
         const KaplanFrontierConstants c = KaplanFrontier();
         return Json{{"alpha_C", c.loss_exponent},
                     {"C_c_flops", c.critical_flops},
                     {"C_c_pf_days", FlopsToPfDays(c.critical_flops)},
                     {"excess_over_converged", c.excess_over_converged}};
       }},
      {"kaplan2020/appendix_B_optimum",
       [](const Json& in) {
         const KaplanFrontierPoint p = KaplanOptimumForMinFlops(Num(in, "C_flops"));
         return Json{{"L", p.loss_nats},
                     {"N", p.param_count},
                     {"S", p.min_step_count},
                     {"B", p.batch_tokens}};
       }},
      {"kaplan2020/compute_efficient_table6",
       [](const Json& in) {
         const KaplanTable6 t = KaplanEfficientTrends(PfDaysToFlops(Num(in, "C_min_pf_days")));
         return Json{{"N", t.param_count},
                     {"B", t.batch_tokens},
                     {"S", t.min_step_count},
                     {"D", t.token_count}};
       }},
      {"kaplan2020/efficient_vs_converged",
       [](const Json& in) {
         const KaplanStoppingRatios r = KaplanCompareStopping(Num(in, "f"), Num(in, "f_prime"));
         return Json{{"N_ratio", r.params}, {"S_ratio", r.steps}, {"C_ratio", r.flops}};
       }},
      {"kaplan2020/suboptimal_size",
       [](const Json& in) {
         const KaplanSizePenalty p = KaplanWrongSize(Num(in, "N_over_Neff")).value();
         return Json{{"compute_ratio", p.flops_ratio}, {"steps_ratio", p.steps_ratio}};
       }},
  };
}

Operations BatchAndRateOperations() {
  return {
      {"mccandlish2018/tradeoff",
       [](const Json& in) {
         const BatchTradeOff t =
             TradeStepsForTokens(Num(in, "S_min"), Num(in, "E_min"), Num(in, "B"));
         return Json{
             {"B_crit", t.critical_batch_tokens}, {"S", t.step_count}, {"E", t.token_count}};
       }},
      {"mccandlish2018/two_batch_estimator",
       [](const Json& in) {
         const NoiseScale n = EstimateNoiseScale(Num(in, "G2_small"), Num(in, "G2_big"),
                                                 Num(in, "B_small"), Num(in, "B_big"))
                                  .value();
         return Json{{"G2", n.squared_gradient_norm},
                     {"trSigma", n.covariance_trace},
                     {"B_simple", n.noise_scale}};
       }},
      {"minicpm2024/batch",
       [](const Json& in) {
         BatchInputs inputs;
         inputs.loss_nats = Num(in, "L_c4");
         return Json{
             {"batch_tokens", CriticalBatchTokens(BatchRule::kMiniCpm2024, inputs).value()}};
       }},
      {"porian2024/hyperparams",
       [](const Json& in) {
         BatchInputs batch;
         batch.param_count = Num(in, "N");
         LearningRateInputs rate;
         rate.non_embedding_param_count = Num(in, "N");
         return Json{{"lr", PeakLearningRate(LearningRateRule::kPorian2024, rate).value()},
                     {"batch_tokens", CriticalBatchTokens(BatchRule::kPorian2024, batch).value()}};
       }},
      {"steplaw2025/hyperparams",
       [](const Json& in) {
         BatchInputs batch;
         batch.token_count = Num(in, "D");
         LearningRateInputs rate;
         rate.non_embedding_param_count = Num(in, "N");
         rate.token_count = Num(in, "D");
         return Json{{"lr", PeakLearningRate(LearningRateRule::kStepLaw2025, rate).value()},
                     {"batch_tokens", CriticalBatchTokens(BatchRule::kStepLaw2025, batch).value()}};
       }},
      {"deepseek2024/hyperparams",
       [](const Json& in) {
         BatchInputs batch;
         batch.training_flops = Num(in, "C");
         LearningRateInputs rate;
         rate.training_flops = Num(in, "C");
         const DeepSeekAllocation best = DeepSeekOptimum(Num(in, "C"));
         return Json{{"lr", PeakLearningRate(LearningRateRule::kDeepSeek2024, rate).value()},
                     {"batch_tokens", CriticalBatchTokens(BatchRule::kDeepSeek2024, batch).value()},
                     {"M", best.flops_per_token},
                     {"D", best.token_count}};
       }},
      {"deepseek2024/M_flops_per_token",
       [](const Json& in) {
         const double m =
             DeepSeekFlopsPerToken(Num(in, "n_layer"), Num(in, "d_model"), Num(in, "l_seq"));
         return Json{{"M", m}, {"ratio_6N1_over_M", 6 * KaplanParamCount(ShapeOf(in)) / m}};
       }},
      {"bergsma2025/B_opt",
       [](const Json& in) {
         const double tokens = BergsmaBestBatchTokens(Num(in, "D"));
         return Json{{"tokens", tokens}, {"sequences_of_2048", tokens / 2048}};
       }},
      {"bergsma2025/tau_opt",
       [](const Json& in) {
         return Json{{"tau", BergsmaTimeScale(Num(in, "tokens_per_param"))}};
       }},
      {"bergsma2025/weight_decay",
       [](const Json& in) {
         return Json{{"lambda", BergsmaWeightDecay(Num(in, "B_tokens"), Num(in, "lr"), Num(in, "D"),
                                                   Num(in, "N"))}};
       }},
  };
}

}  // namespace rhumb

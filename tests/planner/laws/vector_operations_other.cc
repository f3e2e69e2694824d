// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "planner/laws/allocation_trends.h"
#include "planner/laws/compression.h"
#include "planner/laws/conversions.h"
#include "planner/laws/downstream.h"
#include "planner/laws/flexible_forms.h"
#include "planner/laws/moe.h"
#include "planner/laws/published_law.h"
#include "planner/laws/transfer.h"
#include "tests/planner/laws/vector_operations.h"

namespace rhumb {
namespace {

double ByName(const char* law, const LawInputs& inputs) {
  return Value(*FindPublishedLaw(law), inputs).value();
}

Json Clark(const Json& in) {
  struct Router {
    const char* law;
    ClarkConstants constants;
  };
  static const std::map<std::string, Router> kRouters = {
      {"S-BASE", {"clark2022-sbase", kClarkSbase}},
      {"RL-R", {"clark2022-rlr", kClarkRlr}},
      {"HASH", {"clark2022-hash", kClarkHash}}};
  const Router& router = kRouters.at(in.at("router").get<std::string>());
  return {{"E_hat", SaturatedExpertCount(Num(in, "E"), router.constants.expert_start,
                                         router.constants.expert_max)},
          {"log10L",
           ByName(router.law, {{"param_count", Num(in, "N")}, {"expert_count", Num(in, "E")}})}};
}

// The schedule that the vector describes in words: warm-up over 10 steps to 1e-3, constant to step
// 80, linear to zero over 20.
Json Tissue(const Json& in) {
  std::vector<double> rates;
  for (int i = 0; i < 100; ++i) {
    rates.push_back(1e-3 * std::min({1.0, (i + 1) / 10.0, 1 - (i - 79) / 20.0}));
  }
  const AnnealedLoss annealed = PredictAnnealedLoss({.floor_loss_nats = Num(in, "L0"),
                                                     .prefactor = Num(in, "A"),
                                                     .exponent = Num(in, "alpha"),
                                                     .annealing_gain = Num(in, "C"),
                                                     .momentum_decay = Num(in, "lambda")},
                                                    rates);
  return {
      {"L", annealed.loss_nats}, {"S1", annealed.forward_area}, {"S2", annealed.annealing_area}};
}

Json Busbridge(const Json& in) {
  const Json& p = in.at("params");
  const DistillationConstants constants = {.c0 = Num(p, "c0"),
                                           .c1 = Num(p, "c1"),
                                           .d1 = Num(p, "d1"),
                                           .f1 = Num(p, "f1"),
                                           .a = Num(p, "A"),
                                           .alpha = Num(p, "alpha"),
                                           .b = Num(p, "B"),
                                           .beta = Num(p, "beta"),
                                           .gamma = Num(p, "gamma")};
  return {{"L", DistilledStudentLoss(constants, Num(in, "N_S"), Num(in, "D_S"), Num(in, "L_T"),
                                     Num(in, "L_sup"))}};
}

Json Farseer(const Json& in) {
  const Json& p = in.at("params");
  const FarseerConstants constants = {.a1 = Num(p, "a1"),
                                      .alpha = Num(p, "alpha"),
                                      .b1 = Num(p, "b1"),
                                      .a2 = Num(p, "a2"),
                                      .beta = Num(p, "beta"),
                                      .b2 = Num(p, "b2"),
                                      .a3 = Num(p, "a3"),
                                      .gamma = Num(p, "gamma"),
                                      .b3 = Num(p, "b3")};
  return {{"L", FarseerLoss(constants, Num(in, "N"), Num(in, "D"))}};
}

Json Caballero(const Json& in) {
  BrokenPowerLaw law{
      .floor = Num(in, "a"), .prefactor = Num(in, "b"), .exponent = Num(in, "c0"), .breaks = {}};
  for (const Json& at : in.at("breaks")) {
    law.breaks.push_back({.exponent_change = at[0].get<double>(),
                          .position = at[1].get<double>(),
                          .sharpness = at[2].get<double>()});
  }
  return {{"y", Evaluate(law, Num(in, "x"))}};
}

}  // namespace

Operations MoeOperations() {
  return {
      {"abnar2025/loss",
       [](const Json& in) {
         return Json{{"L", ByName("abnar2025-sparse", {{"param_count", Num(in, "N")},
                                                       {"token_count", Num(in, "D")},
                                                       {"sparsity_fraction", Num(in, "S")}})}};
       }},
      {"clark2022/log10_loss", Clark},
      {"krajewski2024/loss",
       [](const Json& in) {
         const LawInputs dense = {{"param_count", Num(in, "N")}, {"token_count", Num(in, "D")}};
         LawInputs moe = dense;
         moe["granularity"] = Num(in, "G");
         return Json{{"L_moe", ByName("krajewski2024-moe", moe)},
                     {"L_dense", ByName("krajewski2024-dense", dense)}};
       }},
  };
}

Operations OtherOperations() {
  return {
      {"busbridge2025/student_loss", Busbridge},
      {"caballero2023/bnsl", Caballero},
      {"farseer2025/loss", Farseer},
      {"tissue2024/annealed_loss", Tissue},
      {"frantar2023/loss",
       [](const Json& in) {
         return Json{{"L", ByName("frantar2023-sparse", {{"param_count", Num(in, "N")},
                                                         {"token_count", Num(in, "D")},
                                                         {"sparsity_fraction", Num(in, "S")}})},
                     {"equiv_dense_multiplier",
                      FrantarEquivalentDenseMultiplier(FrantarConstants{}, Num(in, "S"))}};
       }},
      {"kumar2024/N_eff_fraction",
       [](const Json& in) {
         return Json{{"fraction", ByName("kumar2024-neff", {{"weight_bits", Num(in, "P_w")},
                                                            {"activation_bits", Num(in, "P_a")},
                                                            {"cache_bits", Num(in, "P_kv")}})}};
       }},
      {"kumar2024/delta_ptq",
       [](const Json& in) {
         return Json{{"delta", ByName("kumar2024-ptq", {{"param_count", Num(in, "N")},
                                                        {"token_count", Num(in, "D")},
                                                        {"weight_bits", Num(in, "P_post")}})}};
       }},
      {"hernandez2021/effective_data_transferred",
       [](const Json& in) {
         const HernandezConstants k = {Num(in, "k"), Num(in, "alpha"), Num(in, "beta")};
         return Json{{"D_T", HernandezTransferredData(k, Num(in, "D_F"), Num(in, "N"))},
                     {"multiplier", HernandezDataMultiplier(k, Num(in, "D_F"), Num(in, "N"))}};
       }},
      {"tao2024/N_v_opt",
       [](const Json& in) {
         const LawInputs inputs = {{"param_count", Num(in, "N_nv")}};
         return Json{{"approach1", ByName("tao2024-vocab-isoflop", inputs)},
                     {"approach2", ByName("tao2024-vocab", inputs)}};
       }},
      {"ladder/task_loss_to_accuracy",
       [](const Json& in) {
         const TaskSigmoid task = {.amplitude = Num(in, "a"),
                                   .steepness = Num(in, "k"),
                                   .midpoint_loss_nats = Num(in, "L0"),
                                   .offset = Num(in, "b"),
                                   .residual_std = 0};
         return Json{{"acc", TaskMetric(task, Num(in, "L"))}};
       }},
      {"llama3/D_opt",
       [](const Json& in) {
         const Llama3Allocation best = Llama3Optimum(Num(in, "C"));
         return Json{{"D", best.token_count}, {"N", best.param_count}};
       }},
      {"pearce2024/N_total_from_nonembedding",
       [](const Json& in) {
         return Json{{"N_total", TotalFromNonEmbeddingParams(Num(in, "N_nonemb"))}};
       }},
      {"schaeffer2023/exact_match",
       [](const Json& in) {
         const double loss = SchaefferTokenLoss(Num(in, "N"), Num(in, "c"), Num(in, "alpha"));
         return Json{{"acc", ExactMatchAccuracy(loss, Num(in, "n_tokens"))},
                     {"per_token", ExactMatchAccuracy(loss, 1)}};
       }},
  };
}

}  // namespace rhumb

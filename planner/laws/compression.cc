// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/compression.h"

#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/monotone_root.h"

namespace rhumb {

double KumarBestTokenCount(const KumarConstants& k, const ChinchillaLaw& law, double param_count,
                           double bits) {
  if (law.interaction_exponent == 1) {
    const double log_power = std::log(law.beta * law.b / (k.post_prefactor * k.gamma_d)) +
                             k.gamma_n * std::log(param_count) + bits / k.gamma_post;
    return std::exp(log_power / (k.gamma_d + law.beta));
  }
  // -dL/d ln D falls with D for every gamma > 0 (its logarithmic slope is at most -beta min(1,
  // gamma)), and d delta / d ln D rises.
  const auto training_pays = [&](double d) {
    return -Marginals(law, param_count, d).by_log_tokens >
           k.gamma_d * KumarPostTrainingDelta(k, param_count, d, bits);
  };
  return LastTrue(training_pays, 1.0, 1e60);
}

double FrantarEquivalentDenseMultiplier(const FrantarConstants& k, double sparsity_fraction) {
  const double sparse = k.a_s * std::pow(1 - sparsity_fraction, k.b_s) + k.c_s;
  return std::pow((k.a_s + k.c_s) / sparse, 1 / k.b_n);
}

double DistilledStudentLoss(const DistillationConstants& k, double student_param_count,
                            double distillation_token_count, double teacher_loss_nats,
                            double supervised_loss_nats) {
  const double strength = std::pow(teacher_loss_nats / (supervised_loss_nats * k.d1), 1 / k.f1);
  const double gap = std::pow(k.a * std::pow(student_param_count, -k.alpha) +
                                  k.b * std::pow(distillation_token_count, -k.beta),
                              k.gamma);
  return teacher_loss_nats +
         std::pow(teacher_loss_nats, -k.c0) * std::pow(1 + strength, -k.c1 * k.f1) * gap;
}

absl::StatusOr<DistillationVerdict> DecideDistillation(const DistillationQuestion& question) {
  for (const auto& [field, value] :
       {std::pair<const char*, double>{"student_param_count", question.student_param_count},
        {"student_count", question.student_count},
        {"supervised_token_count", question.supervised_token_count},
        {"distillation_token_count", question.distillation_token_count},
        {"teacher_param_count", question.teacher_param_count}}) {
    if (!(value > 0) || !std::isfinite(value)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s is %g; it must be positive and finite", field, value));
    }
  }
  if (!(question.teacher_training_flops >= 0) || !std::isfinite(question.teacher_training_flops)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("teacher_training_flops is %g; it must be non-negative and finite",
                        question.teacher_training_flops));
  }
  const double teacher = question.teacher_exists ? 0 : question.teacher_training_flops;
  const double taught = (kTrainingFlopsPerParamToken * question.student_param_count +
                         kInferenceFlopsPerParamToken * question.teacher_param_count) *
                        question.distillation_token_count;
  const double untaught =
      kTrainingFlopsPerParamToken * question.student_param_count * question.supervised_token_count;
  DistillationVerdict verdict;
  verdict.distillation_flops = teacher + question.student_count * taught;
  verdict.supervised_flops = question.student_count * untaught;
  verdict.distil = verdict.distillation_flops < verdict.supervised_flops;
  verdict.break_even_student_count =
      untaught > taught ? teacher / (untaught - taught) : std::numeric_limits<double>::infinity();
  return verdict;
}

}  // namespace rhumb

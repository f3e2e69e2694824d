// SPDX-License-Identifier: Apache-2.0
#include "daemon/observation_validate.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "daemon/observation_rows.h"
#include "daemon/validate.h"

namespace rhumb::daemon {
namespace {

constexpr size_t kMaxRunBytes = 256;
// A year: what is to be kept longer is to be kept.
constexpr double kMaxLifetimeSeconds = 366 * 86400.0;

}  // namespace

void ValidateImportHeader(const v1::ImportObservationsRequest& request,
                          FieldViolations& violations) {
  v1::ImportObservationsRequest plain;
  v1::ObservationSet& set = *plain.mutable_observation_set();
  const v1::ObservationSet& given = request.observation_set();
  plain.set_request_id(request.request_id());
  set.set_param_count_convention(given.param_count_convention());
  set.set_flops_convention(given.flops_convention());
  set.set_tokenizer(given.tokenizer());
  set.set_dataset(given.dataset());
  ValidateValues(plain, violations);
  if (!request.has_row_count()) {
    violations.Add("row_count", "must be given in the first message: the rows of all messages");
  } else if (request.row_count() < 0 || request.row_count() > kMaxObservations) {
    violations.Add("row_count", absl::StrCat("must be from 0 to ", kMaxObservations, ", got ",
                                             request.row_count()));
  }
  if (request.has_lifetime_seconds() &&
      !(request.lifetime_seconds() > 0 && request.lifetime_seconds() <= kMaxLifetimeSeconds)) {
    violations.Add("lifetime_seconds",
                   absl::StrCat("must be positive and at most ", ShowNumber(kMaxLifetimeSeconds),
                                ", got ", ShowNumber(request.lifetime_seconds())));
  }
  CheckSentence(given.source(), "observation_set.source", violations);
  if (!given.name().empty()) {
    ResourceName("observations", given.name(), "observation_set.name", violations);
  }
}

void ValidateObservation(const v1::Observation& row, int64_t index, FieldViolations& violations) {
  const auto bad = [&](absl::string_view field, absl::string_view text) {
    violations.Add(absl::StrCat("observations[", index, "].", field),
                   row.line() > 0 ? absl::StrCat("line ", row.line(), ": ", text) : text);
  };
  const auto positive = [&](absl::string_view field, bool given, double value) {
    if (given && !(std::isfinite(value) && value > 0)) {
      bad(field, absl::StrCat("must be positive and finite, got ", ShowNumber(value)));
    }
  };
  positive("param_count", true, row.param_count());
  positive("token_count", true, row.token_count());
  positive("loss_nats", true, row.loss_nats());
  positive("training_flops", row.has_training_flops(), row.training_flops());
  positive("unique_token_count", row.has_unique_token_count(), row.unique_token_count());
  positive("global_batch_tokens", row.has_global_batch_tokens(), row.global_batch_tokens());
  positive("learning_rate", row.has_learning_rate(), row.learning_rate());
  positive("step_count", row.has_step_count(), row.step_count());
  if (row.has_schedule_fraction() &&
      !(row.schedule_fraction() >= 0 && row.schedule_fraction() <= 1)) {
    bad("schedule_fraction",
        absl::StrCat("must be from 0 to 1, got ", ShowNumber(row.schedule_fraction())));
  }
  if (row.has_weight() && !(std::isfinite(row.weight()) && row.weight() >= 0)) {
    bad("weight", absl::StrCat("must be 0 or more and finite, got ", ShowNumber(row.weight())));
  }
  if (row.has_task_metric() && !std::isfinite(row.task_metric())) {
    bad("task_metric", absl::StrCat("must be finite, got ", ShowNumber(row.task_metric())));
  }
  if (row.run().size() > kMaxRunBytes) {
    bad("run", absl::StrCat("must have at most ", kMaxRunBytes, " bytes, got ", row.run().size()));
  } else if (std::any_of(row.run().begin(), row.run().end(),
                         [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    bad("run", "must not contain control characters");
  }
  if (row.line() < 0) bad("line", absl::StrCat("must not be negative, got ", row.line()));
}

}  // namespace rhumb::daemon

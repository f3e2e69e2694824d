// SPDX-License-Identifier: Apache-2.0
// What `rhumb ingest` was asked: which log, of which run, and what is known of it beside the log.
#ifndef RHUMB_CLIENT_CLI_INGEST_QUESTION_H_
#define RHUMB_CLIENT_CLI_INGEST_QUESTION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cpp/client.h"
#include "client/ingest/log_reader.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {

struct IngestQuestion {
  ingest::LogFormat format = ingest::LogFormat::kCsv;
  ingest::LogFacts given;
  v1::CreateRunRequest create;
  std::string run;  // empty: a new one
  std::string path;
  bool follow = false;
};

std::vector<Flag> IngestFlags();

// Dates count from `now_unix_seconds`. INVALID_ARGUMENT names the flag.
absl::StatusOr<IngestQuestion> ReadIngestQuestion(const Invocation& invocation,
                                                  double now_unix_seconds);

// What the run, or its plan, says of the log. NOT_FOUND if the run is not there.
absl::StatusOr<ingest::LogFacts> AssumedFacts(const IngestQuestion& question,
                                              client::Client& client);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_INGEST_QUESTION_H_

// SPDX-License-Identifier: Apache-2.0
// Of any text: what --rhumb= and an answer may hold.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "client/launch/emit_parts.h"
#include "client/slurm/answer.h"
#include "client/slurm/gpu_names.h"
#include "client/slurm/job_decision.h"
#include "client/slurm/request.h"
#include "client/slurm/settings.h"
#include "client/slurm/text.h"

namespace rhumb::slurm {
namespace {

// Texts that come near to requests: their words and separators, and any byte.
rc::Gen<std::string> RequestText() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(
                          rc::gen::element<std::string>("gpus", "plan", "deadline", "free", "=",
                                                        ",", ";", "-", "--", "16xh100", "addr",
                                                        "emit", "no-local", " ", "plans/p-1"),
                          rc::gen::arbitrary<std::string>())),
                      [](const std::vector<std::string>& parts) {
                        std::string text;
                        for (const std::string& part : parts) text += part;
                        return text;
                      });
}

RC_GTEST_PROP(SlurmRequestProperty, TheHelperIsAskedForNothingButAPlan, ()) {
  const Outcome<Request> request = ReadRequest(*RequestText());
  if (!request.ok()) {
    RC_ASSERT(!request.problem.empty());
    return;
  }
  const std::vector<std::string> arguments = HelperArguments(*request, Settings(), GpuNames());
  RC_ASSERT(arguments[0] == "plan" || arguments[0] == "plans");
  // The four of the plugin itself, and no other of these flags.
  for (const std::string flag :
       {"--emit", "--addr", "--local", "--no-local", "--timeout", "--save"}) {
    const auto count = std::count_if(
        arguments.begin(), arguments.end(),
        [&](const std::string& word) { return word == flag || word.rfind(flag + "=", 0) == 0; });
    RC_ASSERT(count == (flag == "--emit" || flag == "--no-local" || flag == "--timeout" ? 1 : 0));
  }
}

RC_GTEST_PROP(SlurmRequestProperty, MergingARequestWithItselfChangesNothing, ()) {
  const Outcome<Request> request = ReadRequest(*RequestText());
  if (request.ok()) RC_ASSERT(Merge(*request, *request) == *request);
}

RC_GTEST_PROP(SlurmAnswerProperty, WhatAPlanIsWrittenAsIsReadBack, (std::string value)) {
  std::erase_if(value, [](char c) { return c == '\n' || c == '\0'; });
  const Outcome<Variables> read = ReadVariables(launch::Export("RHUMB_X", value));
  RC_ASSERT(read.ok());
  RC_ASSERT(read->at("RHUMB_X") == value);
}

RC_GTEST_PROP(SlurmAnswerProperty, NoAnswerSetsAVariableOfAnotherName, (const std::string& text)) {
  const Outcome<Variables> read = ReadVariables(text + "\n");
  if (!read.ok()) return;
  for (const auto& [name, value] : *read) RC_ASSERT(name.rfind("RHUMB_", 0) == 0);
}

RC_GTEST_PROP(SlurmDecisionProperty, OptionsAreWordsOfWhatSlurmTakes, ()) {
  Variables variables;
  for (const char* name : {"RHUMB_PLAN", "RHUMB_GPU_TYPE", "RHUMB_GPU_COUNT", "RHUMB_NODE_COUNT",
                           "RHUMB_WALL_SECONDS", "RHUMB_PARTITION"}) {
    variables[name] =
        *rc::gen::oneOf(rc::gen::arbitrary<std::string>(),
                        rc::gen::element<std::string>("1", "8", "plans/p-1", "86400"));
  }
  const Outcome<JobDecision> decision = Decide(variables, GpuNames());
  if (!decision.ok()) return;
  for (const auto& [name, value] : Options(*decision)) {
    RC_ASSERT(!value.empty());
    RC_ASSERT(value.find_first_of(" \t\n'\"$`;,") == std::string::npos);
  }
}

RC_GTEST_PROP(SlurmTextProperty, AParagraphIsOneLineAndShort, (const std::string& text)) {
  const std::string line = FirstParagraph(text, 20);
  RC_ASSERT(line.size() <= 23u);
  RC_ASSERT(line.find('\n') == std::string::npos);
}

}  // namespace
}  // namespace rhumb::slurm

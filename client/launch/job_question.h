// SPDX-License-Identifier: Apache-2.0
// Facts about a job and the flags beside it, as one question.
#ifndef RHUMB_CLIENT_LAUNCH_JOB_QUESTION_H_
#define RHUMB_CLIENT_LAUNCH_JOB_QUESTION_H_

#include <string>
#include <vector>

#include "client/launch/job_facts.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::launch {

struct JobQuestion {
  v1::CheckConfigurationRequest request;
  std::vector<ReadFact> read;     // by line
  std::vector<NotRead> not_read;  // by line
  // What the check cannot do without and neither the script nor a flag says, with the flag.
  std::vector<NotRead> missing;
};

// `given` is what flags say: it wins over `facts` field by field, and a fact that it overrules is
// marked so. `gpu_type` is that of --gpu, empty without.
JobQuestion MakeJobQuestion(const JobFacts& facts, const v1::CheckConfigurationRequest& given,
                            const std::string& gpu_type);

// Puts the directives of `answer`'s advice, which are flags of rhumb, into the words of the job
// script: "#SBATCH --time=2-00:00:00", "--tensor-model-parallel-size 4". A directive about what a
// flag said stays a flag. Adds what the script says against itself and a time limit inside the wall
// time's interval.
void AdviseOnJob(const JobFacts& facts, const v1::CheckConfigurationRequest& given,
                 v1::CheckConfigurationResponse& answer);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_JOB_QUESTION_H_

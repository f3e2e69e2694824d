-- SPDX-License-Identifier: Apache-2.0
-- A sample for sites that want partitions for planned jobs only. cli_filter.lua runs on the user's side and binds
-- nobody; this runs in slurmctld (JobSubmitPlugins=lua), asks nothing of anybody, and sees that a job carries the
-- comment of a plan. It does not prove that there is such a plan, nor that the job is its.
-- A job_submit.lua of your own keeps its functions and calls rhumb_planned() first.

local PLANNED_ONLY = { planned = true } -- partitions where a job needs a plan

local function rhumb_planned(job)
  if job.partition == nil then return slurm.SUCCESS end
  for partition in job.partition:gmatch("[^,]+") do
    if PLANNED_ONLY[partition] and (job.comment == nil or job.comment:match("^rhumb:plans/p%-%x+") == nil) then
      slurm.log_user("rhumb: partition %s is for planned jobs: submit with --rhumb=REQUEST or `rhumb submit`", partition)
      return slurm.ERROR
    end
  end
  return slurm.SUCCESS
end

function slurm_job_submit(job_desc, part_list, submit_uid) return rhumb_planned(job_desc) end

-- A change may not take the comment away, nor bring a job without one in.
function slurm_job_modify(job_desc, job_rec, part_list, modify_uid)
  return rhumb_planned({
    partition = job_desc.partition or job_rec.partition,
    comment = job_desc.comment or job_rec.comment,
  })
end

-- SPDX-License-Identifier: Apache-2.0
-- The Lua of deploy/slurm without Slurm: how versions of it write what was not given, and the job_submit sample.
--   usage: lua5.1 lua_test.lua SOURCE_DIR
local source = assert(arg[1], "usage: lua5.1 lua_test.lua SOURCE_DIR")
local checks, failures, said = 0, 0, nil

slurm = { SUCCESS = 0, ERROR = -1 }
function slurm.log_error(format, ...) said = string.format(format, ...) end
slurm.log_user = slurm.log_error

local environment = {}
os.getenv = function(name) return environment[name] end

local function same(what, wanted, got)
  checks = checks + 1
  if wanted ~= got then
    failures = failures + 1
    print(string.format("FAILED: %s is %s instead of %s", what, tostring(got), tostring(wanted)))
  end
end

dofile(source .. "/deploy/slurm/cli_filter.lua")

local function plan()
  environment = { RHUMB_SLURM_PLAN = "plans/p-1", RHUMB_SLURM_NODES = "2", RHUMB_SLURM_NTASKS_PER_NODE = "8",
    RHUMB_SLURM_GPUS_PER_NODE = "h100:8", RHUMB_SLURM_TIME = "1-04:07:00", RHUMB_SLURM_PLANNED_MINUTES = "1440",
    RHUMB_SLURM_COMMENT = "rhumb:plans/p-1" }
end

-- filtered(OPTIONS): the options behind the filter, or nil and what was said.
local function filtered(options)
  plan()
  said = nil
  if slurm_cli_pre_submit(options, 0) == slurm.SUCCESS then return options end
  return nil
end

-- What 22.05 has where nothing was given, what later versions have, and nothing at all.
local absent = {
  { nodes = "1-0", ntasks = "1", ["ntasks-per-node"] = "-2", time = "2982616-04:14:00", jobid = "unset" },
  { nodes = "1", ["ntasks-per-node"] = "unset", ntasks = "1", time = "unset" },
  {},
}
for index, options in ipairs(absent) do
  if index == 2 then options.nodes = nil end
  options = filtered(options)
  same("nodes", "2", options.nodes)
  same("ntasks", "16", options.ntasks)
  same("ntasks-per-node", "8", options["ntasks-per-node"])
  same("gpus-per-node", "h100:8", options["gpus-per-node"])
  same("time", "1-04:07:00", options.time)
  same("comment", "rhumb:plans/p-1", options.comment)
end

-- GRES as every version writes it.
for _, gres in ipairs({ "gres:gpu:h100:8", "gres/gpu:h100:8", "gpu:h100:8", "shard:2,gpu:h100:8", "gpu:8",
  "gres/gpu:h100:8(S:0-1)" }) do
  local options = filtered({ gres = gres })
  same("gres " .. gres .. ": gpus-per-node", nil, (options or {})["gpus-per-node"])
  same("gres " .. gres .. " goes", true, options ~= nil)
end
for _, gres in ipairs({ "gpu:a100:8", "gpu:h100:4", "gpu:4", "gpu", "gres/gpu:a100:8" }) do
  same("gres " .. gres .. " is refused", nil, filtered({ gres = gres }))
end
same("a gres of no GPUs", "h100:8", filtered({ gres = "license:2" })["gpus-per-node"])

-- Times as sbatch takes them.
for _, time in ipairs({ "1440", "1-0", "24:00:00", "1-00:00", "UNLIMITED", "2-12:30:00" }) do
  same("--time=" .. time .. " goes", true, filtered({ time = time }) ~= nil)
end
for _, time in ipairs({ "1439", "0-23", "23:59:00", "60:00" }) do
  same("--time=" .. time .. " is refused", nil, filtered({ time = time }))
end
same("more nodes", "4", filtered({ nodes = "4" }).nodes)
same("a range of nodes", "2-4", filtered({ nodes = "2-4" }).nodes)
same("a range below", nil, filtered({ nodes = "1-4" }))
same("a step's own job", nil, filtered({ jobid = "12" }).nodes)

-- Without a plan nothing is looked at.
environment = {}
same("no plan", slurm.SUCCESS, slurm_cli_pre_submit(setmetatable({}, { __index = function() error("read") end }), 0))
plan()
same("a second component", slurm.ERROR, slurm_cli_pre_submit({}, 1))

dofile(source .. "/deploy/slurm/job_submit.lua")
same("a job of another partition", slurm.SUCCESS, slurm_job_submit({ partition = "all" }, {}, 1))
same("a job of none", slurm.SUCCESS, slurm_job_submit({}, {}, 1))
same("a job without a plan", slurm.ERROR, slurm_job_submit({ partition = "all,planned" }, {}, 1))
same("what it says", "rhumb: partition planned is for planned jobs: submit with --rhumb=REQUEST or `rhumb submit`", said)
same("a job with one", slurm.SUCCESS, slurm_job_submit({ partition = "planned", comment = "rhumb:plans/p-12ab mine" }, {}, 1))
same("another comment", slurm.ERROR, slurm_job_submit({ partition = "planned", comment = "not rhumb:plans/p-1" }, {}, 1))
local record = { partition = "planned", comment = "rhumb:plans/p-1" }
same("a change of time", slurm.SUCCESS, slurm_job_modify({}, record, {}, 1))
same("a comment taken away", slurm.ERROR, slurm_job_modify({ comment = "" }, record, {}, 1))
same("a move into it", slurm.ERROR, slurm_job_modify({ partition = "planned" }, { partition = "all" }, {}, 1))

print(checks .. " checks, " .. failures .. " failures")
os.exit(failures == 0 and 0 or 1)

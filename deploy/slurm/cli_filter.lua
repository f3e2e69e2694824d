-- SPDX-License-Identifier: Apache-2.0
-- Rhumb for Slurm, the second half: copies what the SPANK plugin decided into ordinary options of sbatch, srun and
-- salloc. It runs in those commands, never in slurmctld. A site with a cli_filter.lua of its own keeps it, puts this
-- file beside it as rhumb_cli_filter.lua, and calls rhumb_pre_submit() from its own slurm_cli_pre_submit (docs/slurm.md).
--
-- An option that the user gave wins. One that contradicts the plan, as fewer GPUs or less time, is refused.
-- Lua 5.1, as Slurm is built with on Debian.

local UNSET_MINUTES = 4000000000 -- Slurm writes "not given" as a time of 2^32 - 2 minutes

local function decided(name)
  return os.getenv("RHUMB_SLURM_" .. name)
end

-- What the user gave, nil where he did not. Slurm writes "not given" in several ways, by option and by version.
local function given(options, name)
  local value = options[name]
  if value == nil then return nil end
  value = tostring(value)
  if value == "" or value == "-2" or value == "unset" or value == "nil" or value == "4294967294" then return nil end
  return value
end

-- Minutes of Slurm's ways to write a time; nil if there is none, math.huge without a limit.
local function minutes_of(text)
  if text == nil then return nil end
  if text:upper() == "UNLIMITED" or text:upper() == "INFINITE" then return math.huge end
  local days, rest = text:match("^(%d+)%-(.*)$")
  local fields = {}
  for field in (rest or text):gmatch("%d+") do fields[#fields + 1] = tonumber(field) end
  local minutes
  if days then
    minutes = tonumber(days) * 1440 + (fields[1] or 0) * 60 + (fields[2] or 0) + (fields[3] or 0) / 60
  elseif #fields == 3 then
    minutes = fields[1] * 60 + fields[2] + fields[3] / 60
  elseif #fields > 0 then
    minutes = fields[1] + (fields[2] or 0) / 60
  end
  if minutes ~= nil and minutes >= UNSET_MINUTES then return nil end
  return minutes
end

-- Least and most nodes; nil if not given ("1-0" in Slurm 22.05: at least one, no upper limit).
local function nodes_of(text)
  if text == nil then return nil end
  local least, most = text:match("^(%d+)%-(%d+)$")
  if least then
    if most == "0" and least == "1" then return nil end
    if most == "0" then most = least end
    return tonumber(least), tonumber(most)
  end
  least = text:match("^%d+$")
  if least then return tonumber(least), tonumber(least) end
  return nil
end

-- Type and count of "gres:gpu:h100:8", "gres/gpu:h100:8", "gpu:8", "h100:8", "8"; nil if it names no GPU.
local function gpus_of(text, is_gres)
  if text == nil then return nil end
  for part in text:gmatch("[^,]+") do
    local bare, found = part:gsub("^gres[:/]", "")
    bare, found = bare:gsub("^gpu:", "")
    if bare == "gpu" then return nil, 1 end
    if found > 0 or not is_gres then
      bare = bare:gsub("%(.*$", "")
      local kind, count = bare:match("^(.-):?(%d+)$")
      if count then return (kind ~= "" and kind or nil), tonumber(count) end
      if bare ~= "" then return bare, 1 end
    end
  end
  return nil
end

local function refuse(text)
  slurm.log_error("rhumb: %s", text .. "; leave the option out, or plan again with what you have")
  return slurm.ERROR
end

-- The GPUs that the user asks for: type and number on a node, or nil, nil, total. All nil without.
local function user_gpus(options)
  local kind, count = gpus_of(given(options, "gpus-per-node"))
  if count then return kind, count, nil end
  kind, count = gpus_of(given(options, "gres"), true)
  if count then return kind, count, nil end
  kind, count = gpus_of(given(options, "gpus"))
  if count then return kind, nil, count end
  return nil, nil, nil
end

-- Tells the plugin that the decisions were taken up; it refuses a submission that nobody sized.
local function answer()
  local file = io.open(decided("ANSWER") or "", "w")
  if file ~= nil then
    file:write("sized\n")
    file:close()
  end
  return slurm.SUCCESS
end

function rhumb_pre_submit(options, pack_offset)
  local plan = decided("PLAN")
  if plan == nil then return slurm.SUCCESS end
  if pack_offset ~= nil and pack_offset > 0 then
    slurm.log_error("rhumb: %s", "a heterogeneous job has several sizes and a plan has one: submit without --rhumb, "
      .. "or one job for each component")
    return slurm.ERROR
  end
  local planned_nodes = tonumber(decided("NODES"))
  -- Advice alone: the plugin has said it.
  if planned_nodes == nil then return slurm.SUCCESS end
  -- srun --jobid: a step of a job that has its size.
  if given(options, "jobid") ~= nil then return answer() end

  local planned_gpus = decided("GPUS_PER_NODE")
  local planned_type, per_node = gpus_of(planned_gpus)
  local total = planned_nodes * per_node

  local least, nodes = nodes_of(given(options, "nodes"))
  local user_type, user_per_node, user_total = user_gpus(options)
  local tasks_per_node = tonumber(given(options, "ntasks-per-node") or "")
  -- One task is what Slurm also says where none are given.
  local tasks = tonumber(given(options, "ntasks") or "")
  if tasks == 1 then tasks = nil end

  if user_type ~= nil and planned_type ~= nil and user_type:lower() ~= planned_type:lower() then
    return refuse(string.format("GPUs of type %s contradict %s, which is for %s", user_type, plan, planned_type))
  end
  if user_total ~= nil and user_total < total then
    return refuse(string.format("--gpus=%d contradicts %s, which is for %d GPUs", user_total, plan, total))
  end
  if user_total == nil then
    local node_count, on_each = least or planned_nodes, user_per_node or per_node
    if node_count * on_each < total then
      return refuse(string.format("%d nodes with %d GPUs each contradict %s, which is for %d GPUs on %d nodes",
        node_count, on_each, plan, total, planned_nodes))
    end
  end
  if tasks ~= nil and tasks < (nodes or planned_nodes) then
    return refuse(string.format("--ntasks=%d contradicts %s, which is for %d nodes", tasks, plan, planned_nodes))
  end
  local minutes = minutes_of(given(options, "time"))
  local planned_minutes = tonumber(decided("PLANNED_MINUTES"))
  if minutes ~= nil and minutes < planned_minutes then
    return refuse(string.format("--time of %d min contradicts %s, which is expected to take %d min", minutes, plan,
      planned_minutes))
  end

  if nodes == nil then
    options["nodes"] = tostring(planned_nodes)
    least = planned_nodes
  end
  if user_per_node == nil and user_total == nil then options["gpus-per-node"] = planned_gpus end
  if tasks == nil then
    if tasks_per_node == nil then
      tasks_per_node = tonumber(decided("NTASKS_PER_NODE"))
      options["ntasks-per-node"] = tostring(tasks_per_node)
    end
    -- On one node a user's own --ntasks=1 looks like none, and is right.
    if least > 1 then options["ntasks"] = tostring(least * tasks_per_node) end
  end
  if minutes == nil then options["time"] = decided("TIME") end
  if given(options, "partition") == nil and decided("PARTITION") ~= nil then
    options["partition"] = decided("PARTITION")
  end
  local comment = given(options, "comment")
  options["comment"] = comment == nil and decided("COMMENT") or decided("COMMENT") .. " " .. comment
  return answer()
end

-- Slurm asks for these three. A file that is loaded by another leaves them to that one.
if not RHUMB_CLI_FILTER_AS_LIBRARY then
  function slurm_cli_setup_defaults(options, early_pass) return slurm.SUCCESS end

  function slurm_cli_pre_submit(options, pack_offset) return rhumb_pre_submit(options, pack_offset) end

  function slurm_cli_post_submit(pack_offset, job_id, step_id) return slurm.SUCCESS end
end

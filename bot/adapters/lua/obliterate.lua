--[[
  One step of emptying a paused queue for good, by BullMQ's own script; and what that script leaves:
  parents that wait for children in another queue, and two keys of older versions.

  KEYS[1], ARGV[1..4] as lua/guard.lua says; ARGV[5] how many jobs at most
  Returns { 0, jobs removed, more left } with 1 for more; { 1 } not paused; { 2, active jobs }.
]]
--- @include "guard"
--- @include "job_states"
--- @package "obliterate-2.lua" as obliterate
--- @package "removeJob-2.lua" as remove_job
local refusal = guard(ALL_KEYS)
if refusal then
  return refusal
end
local most = tonumber(ARGV[FIRST])

local function count()
  local jobs = rcall("LLEN", base .. "wait") + rcall("LLEN", base .. "paused")
  for _, name in ipairs(SETS) do
    jobs = jobs + rcall("ZCARD", base .. name)
  end
  return jobs
end

if rcall("HEXISTS", KEYS[1], "paused") == 0 then
  return { 1 }
end
local active = rcall("LLEN", base .. "active")
if active > 0 then
  return { 2, active }
end
local before = count()
local parents = rcall("ZCARD", base .. "waiting-children")
if before > 0 and parents == before then
  for _, id in ipairs(rcall("ZRANGE", base .. "waiting-children", 0, most - 1)) do
    if rcall("TYPE", base .. id)["ok"] == "hash" then
      remove_job({ base .. id, base .. "repeat" }, { id, "0", base })
    end
    rcall("ZREM", base .. "waiting-children", id)
  end
elseif parents > 0 then
  -- BullMQ's script does not know of them: asked for no more than the others, it keeps `meta`.
  obliterate({ KEYS[1], base }, { math.min(most, before - parents), "" })
elseif obliterate({ KEYS[1], base }, { most, "" }) == 0 then
  rcall("DEL", base .. "priority", base .. "limiter")
end
local left = count()
return { 0, math.max(0, before - left), rcall("EXISTS", KEYS[1]) }

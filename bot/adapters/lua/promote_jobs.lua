--[[
  Lets delayed jobs run now, by BullMQ's own script; priorities are kept.

  After the guard's: from ARGV[5] ids, none twice. Returns { a verdict for each, what went wrong or
  nil }.
]]
--- @include "guard"
--- @include "verdicts"
--- @include "job_fitness"
--- @package "promote-9.lua" as promote

local refusal = guard({
  delayed = "zset",
  wait = "list",
  active = "list",
  prioritized = "zset",
  marker = "zset",
  pc = "string",
  events = "stream",
})
if refusal then
  return refusal
end

local function judge(id)
  if not rcall("ZSCORE", base .. "delayed", id) then
    return CHANGED
  end
  local fields = job_fields(base .. id)
  if not fields then
    return VANISHED
  end
  return fits(fields) and DONE or LEFT_OUT
end

local ids, verdicts = { unpack(ARGV, FIRST) }, {}
local before = all_already(ids)
for place, id in ipairs(ids) do
  verdicts[place] = before[place] == 1 and ALREADY or judge(id)
end

local keys = {}
for _, name in ipairs({ "delayed", "wait", "paused", "meta", "prioritized", "active", "pc", "events", "marker" }) do
  keys[#keys + 1] = base .. name
end

return carry_out(ids, verdicts, function(id)
  return promote(keys, { base, id }) == 0
end)

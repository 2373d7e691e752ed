--[[
  Takes ids out of `failed` or `completed` that have no job any more: bare commands, or an eviction,
  have taken their hash. BullMQ's own clean takes such ids out too.

  KEYS[1], ARGV[1..4] as lua/guard.lua says
  ARGV[5] the set, then of each job its id and its score
  Returns { a verdict for each, what went wrong or nil }.
]]
--- @include "guard"
--- @include "verdicts"
--- @include "job_states"
local refusal = guard(ALL_KEYS)
if refusal then
  return refusal
end
local ended = base .. ARGV[FIRST]

local ids, verdicts = {}, {}
for place = FIRST + 1, #ARGV, 2 do
  local id, score = ARGV[place], rcall("ZSCORE", ended, ARGV[place])
  local same = score and tonumber(score) == tonumber(ARGV[place + 1])
  ids[#ids + 1] = id
  verdicts[#ids] = same and rcall("EXISTS", base .. id) == 0 and DONE or CHANGED
end
return carry_out(ids, verdicts, function(id)
  return rcall("ZREM", ended, id) == 1
end)

--[[
  Takes ids out of `failed` or `completed` that have no job any more: bare commands, or an eviction,
  have taken their hash. BullMQ's own clean takes such ids out too.

  KEYS[1], ARGV[1..4] as lua/guard.lua says
  ARGV[5] the set, ARGV[6] how many the operation may take out in all, "" for any number; then of each
  job its id and its score
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
local room = tonumber(ARGV[FIRST + 1]) or math.huge
if remembers then
  room = room - rcall("SCARD", done_set)
end
for place = FIRST + 2, #ARGV, 2 do
  local id, score = ARGV[place], rcall("ZSCORE", ended, ARGV[place])
  local same = score and tonumber(score) == tonumber(ARGV[place + 1])
  ids[#ids + 1] = id
  local goes = same and room > 0 and rcall("EXISTS", base .. id) == 0
  verdicts[#ids] = goes and DONE or CHANGED
  room = goes and room - 1 or room
end
return carry_out(ids, verdicts, function(id)
  return rcall("ZREM", ended, id) == 1
end)

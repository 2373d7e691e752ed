--[[
  Removes orphans with the keys that hang on them, each only while it is in no list and no set.

  KEYS[1], ARGV[1..4], and all others, as in lua/remove.lua; the score of an orphan is not looked at.
  Returns { a verdict for each (untouched: ask again), what went wrong or nil }.
]]
--- @include "guard"
--- @include "verdicts"
--- @include "job_states"
--- @include "list_places"
--- @include "list_ends"
--- @include "orphan"
--- @include "batch"
local refusal = guard(ALL_KEYS) or open_batch(ARGV[FIRST + 1], ARGV[FIRST + 2])
if refusal then
  return refusal
end
local PARTS = { "logs", "dependencies", "processed", "failed", "unsuccessful" }

local function look(id)
  if already(id) then
    return ALREADY
  elseif batch_is_closed() then
    return CHANGED
  elseif rcall("EXISTS", base .. id) == 0 then
    return VANISHED
  end
  return is_orphan(base, id) and DONE or CHANGED
end

local function remove(id)
  local name = rcall("HGET", base .. id, "deid")
  local key = name and base .. "de:" .. name
  if key and rcall("TYPE", key)["ok"] == "string" and rcall("GET", key) == id then
    rcall("DEL", key)
  end
  local keys = { base .. id }
  for _, suffix in ipairs(PARTS) do
    keys[#keys + 1] = base .. id .. ":" .. suffix
  end
  return rcall("DEL", unpack(keys)) > 0
end

local ids, verdicts = {}, {}
for place = FIRST + 3, #ARGV, 2 do
  ids[#ids + 1] = ARGV[place]
  verdicts[#ids] = UNTOUCHED
  if #ids == 1 or not exhausted() then
    verdicts[#ids] = look(ARGV[place])
  end
end
return carry_out(ids, verdicts, function(id)
  return with_batch(id, remove)
end)

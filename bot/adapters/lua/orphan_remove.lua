--[[
  Removes orphans with the keys that hang on them, each only while it is in no list and no set.
  Where the lists are so long that one job is not looked for in them, only jobs that have ended are
  orphans, and lists are looked at near their ends: the caller has just read them.

  KEYS[1], ARGV[1..4] as lua/guard.lua says; ARGV[5..] ids
  Returns { a verdict for each (untouched: ask again), what went wrong or nil }.
]]
--- @include "guard"
--- @include "verdicts"
--- @include "job_states"
--- @include "list_places"
--- @include "list_ends"
--- @include "orphan"
local refusal = guard(ALL_KEYS)
if refusal then
  return refusal
end
local PARTS = { "logs", "dependencies", "processed", "failed", "unsuccessful" }

local waiting = 0
for name in pairs(LISTS) do
  waiting = waiting + rcall("LLEN", base .. name)
end
local long = waiting > MOST_PLACES

local function is_listed(id)
  if long then
    looked_through = looked_through + 6 * NEAR
    return is_near_an_end(base, id)
  end
  for name in pairs(LISTS) do
    if place_in(base .. name, id) then
      return true
    end
  end
  return false
end

local function look(id)
  if already(id) then
    return ALREADY
  elseif rcall("EXISTS", base .. id) == 0 then
    return VANISHED
  end
  return is_loose(base, id, long) and not is_listed(id) and DONE or CHANGED
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
for place = FIRST, #ARGV do
  ids[#ids + 1] = ARGV[place]
  verdicts[#ids] = UNTOUCHED
  if #ids == 1 or not exhausted() then
    verdicts[#ids] = look(ARGV[place])
  end
end
return carry_out(ids, verdicts, remove)

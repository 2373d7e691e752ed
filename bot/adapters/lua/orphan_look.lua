--[[
  Which of these ids look like orphans. Nothing is written. Lists are looked at near their ends only:
  the caller has read them, and what came since is there.

  KEYS[1] `prefix:queue:meta`; ARGV[1] "1" for those that have ended only; ARGV[2..] ids
  Returns the ids.
]]
--- @include "job_states"
--- @include "orphan"
local rcall = redis.call
local base = string.sub(KEYS[1], 1, -5)
local NEAR = 1000

local function is_near_an_end(id)
  for name in pairs(LISTS) do
    local list = base .. name
    if
      rcall("LPOS", list, id, "MAXLEN", NEAR)
      or rcall("LPOS", list, id, "RANK", -1, "MAXLEN", NEAR)
    then
      return true
    end
  end
  return false
end

local found = {}
for place = 2, #ARGV do
  if is_loose(base, ARGV[place], ARGV[1] == "1") and not is_near_an_end(ARGV[place]) then
    found[#found + 1] = ARGV[place]
  end
end
return found

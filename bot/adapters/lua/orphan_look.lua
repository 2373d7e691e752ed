--[[
  Which of these ids look like orphans. Nothing is written. Lists are looked at near their ends only:
  the caller has read them, and what came since is there.

  KEYS[1] `prefix:queue:meta`; ARGV[1] "1" for those that have ended only; ARGV[2..] ids
  Returns the ids.
]]
--- @include "job_states"
--- @include "list_places"
--- @include "list_ends"
--- @include "orphan"
local base = string.sub(KEYS[1], 1, -5)

local found = {}
for place = 2, #ARGV do
  if is_loose(base, ARGV[place], ARGV[1] == "1") and not is_near_an_end(base, ARGV[place]) then
    found[#found + 1] = ARGV[place]
  end
end
return found

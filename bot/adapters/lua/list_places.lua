--[[
  Where jobs lie in lists (an include). Redis looks for them from the head, place by place: a call
  looks through so many places and leaves the rest of its jobs to the next one.
]]
local MOST_PLACES = 60000 -- about a millisecond
local looked_through = 0

local function exhausted()
  return looked_through >= MOST_PLACES
end

-- How many jobs lie before it, from the head; nil where it is not there.
local function place_in(list, id)
  local place = redis.call("LPOS", list, id)
  looked_through = looked_through + (place or redis.call("LLEN", list))
  return place or nil
end

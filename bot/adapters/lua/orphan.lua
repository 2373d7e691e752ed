--[[
  What an orphan is (an include, after job_states.lua, list_places.lua and list_ends.lua): the hash of
  a job that is in no list and no set of its queue, and that no worker holds. `base` is
  `prefix:queue:`.
]]
local FIELDS = { "name", "data", "opts", "timestamp", "finishedOn" }

-- Not in a sorted set, not locked, and a job. With `finished` it must have ended: in a queue with
-- long lists, that tells it from a job that waits.
local function is_loose(base, id, finished)
  if redis.call("TYPE", base .. id)["ok"] ~= "hash" then
    return false
  end
  local fields = redis.call("HMGET", base .. id, unpack(FIELDS))
  if not (fields[1] and fields[2] and fields[3] and fields[4] and (fields[5] or not finished)) then
    return false
  end
  return redis.call("EXISTS", base .. id .. ":lock") == 0
    and redis.call("SISMEMBER", base .. "stalled", id) == 0
    and not set_of(base, id)
end

-- Where the lists are so long that one job is not looked for in them, only jobs that have ended are
-- orphans, and lists are looked at near their ends: the caller has just read them.
local function is_orphan(base, id)
  local waiting = 0
  for name in pairs(LISTS) do
    waiting = waiting + redis.call("LLEN", base .. name)
  end
  if not is_loose(base, id, waiting > MOST_PLACES) then
    return false
  elseif waiting > MOST_PLACES then
    looked_through = looked_through + 6 * NEAR
    return not is_near_an_end(base, id)
  end
  for name in pairs(LISTS) do
    if place_in(base .. name, id) then
      return false
    end
  end
  return true
end

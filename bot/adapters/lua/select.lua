--[[
  The next jobs of a state, from a place that stays right while jobs leave and join. Nothing is
  written.

  KEYS[1] the list or the sorted set
  ARGV[1] "list" or "set"
  ARGV[2] of a list: how many jobs lie after the next one to give, "" for all; of a set: the highest
  score, inclusive, or ""
  ARGV[3], ARGV[4] of a set: score and hex id of the last one seen, or ""
  ARGV[5] how many
  Returns { id, score, ... }; in a list the score is how many lie after it, and the list is read from
  its head, so that what is added meanwhile is not given.
]]
--- @include "set_place"
local rcall = redis.call
local size = tonumber(ARGV[5])
local found = {}
if ARGV[1] == "list" then
  local length = rcall("LLEN", KEYS[1])
  local after = math.min(tonumber(ARGV[2]) or length, length - 1)
  if after < 0 then
    return found
  end
  local first = math.max(0, after - size + 1)
  for place, id in ipairs(rcall("LRANGE", KEYS[1], -after - 1, -first - 1)) do
    found[#found + 1] = id
    found[#found + 1] = tostring(after - place + 1)
  end
  return found
end
local rank = 0
if ARGV[3] ~= "" then
  rank = rank_at(KEYS[1], ARGV[3], from_hex(ARGV[4]), true)
end
local page = rcall("ZRANGE", KEYS[1], rank, rank + size - 1, "WITHSCORES")
local highest = tonumber(ARGV[2])
for place = 1, #page, 2 do
  if highest and tonumber(page[place + 1]) > highest then
    break
  end
  found[#found + 1] = page[place]
  found[#found + 1] = page[place + 1]
end
return found

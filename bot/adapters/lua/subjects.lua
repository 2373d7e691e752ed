--[[
  One step of looking for jobs about some values, newest first; nothing is written.

  KEYS[1] a set of a queue, `prefix:queue:SET`
  ARGV[1] the length of `SET`
  ARGV[2], ARGV[3] where the last step stopped: (score, hex id), or the rank in a list; or ""
  ARGV[4] lowest score, or ""
  ARGV[5] how many ids to look at
  ARGV[6] the dotted path in the data
  ARGV[7...] the values; none for all of them
  Returns JSON: {j: [[value, id, timestamp, processedOn, finishedOn], ...], n: looked at, u: ids of
  unread ones, p: place, d: done}.
]]
--- @include "set_place"
--- @include "job_values"
local MOST_BYTES = 131072
local base = string.sub(KEYS[1], 1, -1 - tonumber(ARGV[1]))
local size, lowest = tonumber(ARGV[5]), tonumber(ARGV[4])
local paths = { split_path(ARGV[6]) }
local wanted
for place = 7, #ARGV do
  wanted = wanted or {}
  wanted[ARGV[place]] = true
end

-- The next ids with their scores as one flat list; those of a list have their rank for a score.
local function next_page()
  local kind, page = redis.call("TYPE", KEYS[1])["ok"], {}
  if kind == "none" then
    return page, false
  end
  if kind == "list" then
    local first = tonumber(ARGV[2]) or 0
    for place, id in ipairs(redis.call("LRANGE", KEYS[1], first, first + size - 1)) do
      page[2 * place - 1], page[2 * place] = id, first + place
    end
    return page, true
  end
  local skipped = 0
  if ARGV[2] ~= "" then
    local before = rank_at(KEYS[1], ARGV[2], from_hex(ARGV[3]), false)
    skipped = redis.call("ZCARD", KEYS[1]) - before
  end
  return redis.call("ZREVRANGE", KEYS[1], skipped, skipped + size - 1, "WITHSCORES"), false
end

local page, is_list = next_page()
local found, looked, unread, bytes, at = {}, 0, {}, 0, { ARGV[2], ARGV[3] }
local done = #page < 2 * size

for place = 1, #page, 2 do
  local id, score = page[place], page[place + 1]
  if lowest and not is_list and tonumber(score) < lowest then
    done = true
    break
  end
  local values, why, cost = job_values(base .. id, paths)
  local value = values and values[1]
  if value and (not wanted or wanted[value]) then
    local times = redis.call("HMGET", base .. id, "timestamp", "processedOn", "finishedOn")
    found[#found + 1] = { value, id, times[1], times[2], times[3] }
  end
  looked = looked + 1
  if why == "unread" then
    unread[#unread + 1] = id
  end
  bytes = bytes + cost
  at = { tostring(score), id }
  if bytes > MOST_BYTES and place + 1 < #page then
    done = false
    break
  end
end
if #page > 0 and not is_list and looked > 0 then
  at[2] = to_hex(at[2])
elseif is_list then
  at[2] = ""
end
return cjson.encode({ j = found, n = looked, u = unread, p = at, d = done })

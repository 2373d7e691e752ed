--[[
  Reads whole jobs, byte for byte. Nothing is written.

  KEYS[1] `prefix:queue:meta`
  ARGV[1] the state: BullMQ's list or sorted set, or "orphan" for jobs that are in none
  ARGV[2] how many bytes to read: the job that goes over it is the last of the call
  ARGV[3..] of each job its id and its score; in a list, and of an orphan, it is not looked at
  Returns { how many jobs were looked at, changed, vanished, rows }; a row is
  { id, score, fields, log lines, { { suffix, type, items }, ... }, `de:ID` or "", its ms or 0 }.
  The score of a job in a list is how many lie after it: it stays when others are added.
]]
--- @include "job_states"
--- @include "list_places"
--- @include "list_ends"
--- @include "orphan"
local rcall = redis.call
local base = string.sub(KEYS[1], 1, -5)
local state, most_bytes = ARGV[1], tonumber(ARGV[2])
local in_list = LISTS[state] == true
local PARTS = { "dependencies", "processed", "failed", "unsuccessful" }
local READ = {
  set = { "SMEMBERS" },
  hash = { "HGETALL" },
  list = { "LRANGE", 0, -1 },
  zset = { "ZRANGE", 0, -1, "WITHSCORES" },
}
local bytes = 0

local function weigh(items)
  for _, item in ipairs(items) do
    bytes = bytes + #item
  end
  return items
end

-- What a key holds, and its type; nil where it is none that BullMQ makes.
local function content(key)
  local kind = rcall("TYPE", key)["ok"]
  local how = READ[kind]
  if not how then
    return nil
  end
  return weigh(rcall(how[1], key, unpack(how, 2))), kind
end

-- Its score, if it is still the one that was asked for.
local function score_of(id, expected)
  if state == "orphan" then
    return (rcall("EXISTS", base .. id) == 0 or is_orphan(base, id)) and "0" or nil
  elseif not in_list then
    local score = rcall("ZSCORE", base .. state, id)
    return score and tonumber(score) == tonumber(expected) and score or nil
  end
  local place = place_in(base .. state, id)
  return place and tostring(rcall("LLEN", base .. state) - 1 - place) or nil
end

local function parts_of(id)
  local parts = {}
  for _, suffix in ipairs(PARTS) do
    local items, kind = content(base .. id .. ":" .. suffix)
    if items then
      parts[#parts + 1] = { suffix, kind, items }
    end
  end
  -- BullMQ 3 keeps the priorities of waiting jobs beside the list.
  if in_list and rcall("TYPE", base .. "priority")["ok"] == "zset" then
    local priority = rcall("ZSCORE", base .. "priority", id)
    if priority then
      parts[#parts + 1] = { "priority", "score", { priority } }
    end
  end
  return parts
end

-- The key that keeps others of its kind out, where it is this job that holds it.
local function deduplication_of(id)
  local name = rcall("HGET", base .. id, "deid")
  local key = name and "de:" .. name
  if not key or rcall("TYPE", base .. key)["ok"] ~= "string" or rcall("GET", base .. key) ~= id then
    return "", 0
  end
  return key, math.max(0, rcall("PTTL", base .. key))
end

local rows, looked, changed, vanished = {}, 0, 0, 0
for place = 3, #ARGV, 2 do
  if looked > 0 and (bytes >= most_bytes or exhausted()) then
    break
  end
  local id = ARGV[place]
  local score = score_of(id, ARGV[place + 1])
  looked = looked + 1
  if not score then
    changed = changed + 1
  elseif base .. id == KEYS[1] or rcall("TYPE", base .. id)["ok"] ~= "hash" then
    vanished = vanished + 1
  else
    local fields = weigh(rcall("HGETALL", base .. id))
    local name, left = deduplication_of(id)
    local logs, kind = content(base .. id .. ":logs")
    rows[#rows + 1] =
      { id, score, fields, kind == "list" and logs or {}, parts_of(id), name, left }
  end
end
return { looked, changed, vanished, rows }

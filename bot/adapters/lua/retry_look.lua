--[[
  What must be known before failed jobs are moved; nothing is written.

  BullMQ's reprocessJob takes a job out of the failed set first, and an error later on does not
  undo that. So whatever would make it fail is looked for here: damage to the queue's own keys
  forbids all, damage to a job (its priority, its parent's keys) leaves that job out.

  KEYS[1] `prefix:queue:meta`, ARGV ids
  Returns [version, paused, the damaged key, job, ...], or with a damaged key only these three.
  A job is [score, 1 if a priority counts, opts, 1 if there is one, 1 if damaged]; what is not
  there is nil.
]]
local rcall = redis.call
local base = string.sub(KEYS[1], 1, -5)
local TYPES = {
  meta = "hash",
  failed = "zset",
  wait = "list",
  active = "list",
  prioritized = "zset",
  marker = "zset",
  pc = "string",
  events = "stream",
}

local function is(key, wanted)
  local found = redis.pcall("TYPE", key)["ok"] -- nil where it may not be read, or is elsewhere
  return found == wanted or found == "none"
end

-- As strict as Redis: no sign, space or zero in front. One digit less than the most, so that there
-- is room to count on.
local function is_count(text)
  return text == "0" or (#text <= 18 and string.find(text, "^[1-9]%d*$") ~= nil)
end

local function damaged_key()
  for name, kind in pairs(TYPES) do
    if not is(base .. name, kind) then
      return name
    end
  end
  local meta = rcall("HMGET", KEYS[1], "concurrency", "opts.maxLenEvents")
  if meta[1] and not tonumber(meta[1]) then
    return "meta.concurrency"
  end
  if meta[2] and not is_count(meta[2]) then
    return "meta.opts.maxLenEvents"
  end
  local counter = rcall("GET", base .. "pc")
  if counter and not is_count((string.gsub(counter, "^%-([1-9])", "%1"))) then
    return "pc"
  end
  return false
end

local function parent_damaged(parent)
  local exists = redis.pcall("EXISTS", parent)
  if exists == 0 then
    return false
  end
  return exists ~= 1
    or not is(parent .. ":unsuccessful", "zset")
    or not is(parent .. ":failed", "hash")
    or not is(parent .. ":dependencies", "set")
end

local damage = damaged_key()
if damage then
  return { false, false, damage }
end
local meta = rcall("HMGET", KEYS[1], "version", "paused")
local look = { meta[1], meta[2], false }
for _, id in ipairs(ARGV) do
  local key = base .. id
  local row = { rcall("ZSCORE", base .. "failed", id), 0, false, 0, 0 }
  if rcall("TYPE", key)["ok"] == "hash" then
    local job = rcall("HMGET", key, "priority", "opts", "parentKey")
    local priority = tonumber(job[1] or 0) or 0
    -- not a number, or without end: it has no place among the prioritized
    local odd = priority ~= priority or math.abs(priority) == math.huge
    local damaged = odd or (job[3] and parent_damaged(job[3]))
    row = { row[1], priority ~= 0 and 1 or 0, job[2], 1, damaged and 1 or 0 }
  end
  look[#look + 1] = row
end
return look

--[[
  Shared by all scripts that change a queue (an include): the guard, and the operation's done set.

  Every such script is called with KEYS[1] `prefix:queue:meta` and these first arguments:
    ARGV[1] `meta.version` as it was looked at, "" for none
    ARGV[2] "1" if the queue was paused then, "0" if not, "?" to be told (nothing is changed)
    ARGV[3] the operation's id, "" for one that is not remembered
    ARGV[4] "1" to leave out jobs with a priority
  Its own arguments begin at ARGV[5] (FIRST). It begins with

    local refusal = guard({ failed = "zset", ... })
    if refusal then
      return refusal
    end

  A refusal is { "changed", version, "1" or "0" } or { "damaged", the key's name }. Redis does not
  undo what a script did before an error: so everything is looked at before the first write.

  The done set is written before the jobs are changed: whatever keeps a server from writing (no
  memory, no permission, a replica) then stops the script while nothing is changed.
]]
local rcall, rpcall = redis.call, redis.pcall
local FIRST = 5
local KEPT = 691200000 -- eight days, in ms: as long as a plan (bullmq_done.py)
local base = string.sub(KEYS[1], 1, -5)
local leave_out_prioritized = ARGV[4] == "1"
local done_set = ARGV[3] ~= "" and base .. "bullhorn:" .. ARGV[3]
local remembers = false

-- Whether a key has this type, or is not there. Not so where it may not be read, or is elsewhere.
local function is(key, kind)
  local found = redis.pcall("TYPE", key)["ok"]
  return found == kind or found == "none"
end

-- As strict as Redis: no sign, space or zero in front. One digit less than the most, so that there
-- is room to count on.
local function is_count(text)
  return text == "0" or (#text <= 18 and string.find(text, "^[1-9]%d*$") ~= nil)
end

-- The same of the queue's own keys: an error where it may not be read, or is on its way to another
-- node of a cluster. Nothing has been written then.
local function own_is(key, kind)
  local found = rcall("TYPE", key)["ok"]
  return found == kind or found == "none"
end

-- Which of the queue's own keys would make BullMQ's script fail half-way: those of `types` by
-- name, and what is in `meta` and `pc`; nil for none.
local function damaged_key(types)
  if not own_is(KEYS[1], "hash") then
    return "meta"
  end
  for name, kind in pairs(types) do
    if not own_is(base .. name, kind) then
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
  if types.pc then
    local counter = rcall("GET", base .. "pc")
    if counter and not is_count((string.gsub(counter, "^%-([1-9])", "%1"))) then
      return "pc"
    end
  end
  return done_set and not own_is(done_set, "set") and "bullhorn:" .. ARGV[3] or nil
end

-- The refusal; nil where the queue is whole and as it was looked at.
local function guard(types)
  local damage = damaged_key(types)
  if damage then
    return { "damaged", damage }
  end
  local meta = rcall("HMGET", KEYS[1], "version", "paused")
  local version, paused = meta[1] or "", meta[2] and "1" or "0"
  if ARGV[1] ~= version or ARGV[2] ~= paused then
    return { "changed", version, paused }
  end
  remembers = done_set and rcall("EXISTS", done_set) == 1
  return nil
end

-- Whether this operation has changed the job before.
local function already(id)
  return remembers and rcall("SISMEMBER", done_set, id) == 1
end

-- Enter jobs into the done set: all that will be changed, at most 500, before they are. The first
-- PEXPIRE shows that the second is permitted.
local function remember(ids)
  if done_set and #ids > 0 then
    rcall("PEXPIRE", done_set, KEPT)
    rcall("SADD", done_set, unpack(ids))
    rcall("PEXPIRE", done_set, KEPT)
  end
end

-- Take a job out of it again that could not be changed after all.
local function unremember(id)
  if done_set then
    rcall("SREM", done_set, id)
  end
end

--[[
  One look at a queue; nothing is written.
  KEYS[1] `prefix:queue:meta`
  ARGV[1] events cursor or "", ARGV[2] failure window in ms,
  ARGV[3] of how many finished jobs to return processing times
  Returns JSON; its keys are explained where it is read, in bullmq_sample.py.
]]
--- @include "events_read"
local rcall = redis.call
local base = string.sub(KEYS[1], 1, -5)
local EDGE, OLDEST, ACTIVE, OPTIONS, DAY = 20, 5, 50, 10000, 86400000

local time = rcall("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function whole(number)
  return string.format("%.0f", number)
end

local function is_marker(id)
  return string.sub(id, 1, 2) == "0:"
end

-- BullMQ 3 and 4 keep at most one `0:<ts>` marker in a list. It is pushed to an empty list, so it
-- ends up at one of the ends, unless last-in-first-out jobs surround it.
local function look_at_list(key)
  local length = rcall("LLEN", key)
  if length == 0 then
    return 0, {}
  end
  local ids
  if length <= 2 * EDGE then
    ids = rcall("LRANGE", key, 0, -1)
  else
    ids = rcall("LRANGE", key, 0, EDGE - 1)
    for _, id in ipairs(rcall("LRANGE", key, -EDGE, -1)) do
      ids[#ids + 1] = id
    end
  end
  local jobs = {}
  for _, id in ipairs(ids) do
    if is_marker(id) then
      length = length - 1
    else
      jobs[#jobs + 1] = id
    end
  end
  return length, jobs
end

-- Since when a job waits: its creation, or the end of its delay. The hash does not say when a job that
-- has run before, or a parent of jobs, or one promoted before its time came to wait: then nil.
local function waits_since(id)
  local key = base .. id
  local job = rcall("HMGET", key, "timestamp", "opts", "processedOn", "attemptsMade", "atm", "ats")
  local created, opts = tonumber(job[1] or nil), job[2]
  if not created or job[3] then
    return nil
  end
  for place = 4, 6 do
    if (tonumber(job[place] or 0) or 0) > 0 then
      return nil
    end
  end
  -- a retry with fresh attempts leaves only the stack traces behind
  if rcall("HEXISTS", key, "stacktrace") == 1 or rcall("EXISTS", key .. ":processed") == 1 then
    return nil
  end
  -- the field `delay` is set to 0 as soon as the delay is over; the options keep it
  if opts and string.find(opts, '"delay"', 1, true) then
    local read, decoded = pcall(cjson.decode, #opts <= OPTIONS and opts or "")
    local delay = read and type(decoded) == "table" and tonumber(decoded["delay"] or 0)
    if not delay then
      return nil
    end
    created = created + math.max(0, delay)
  end
  return created <= now and created or nil
end

-- The one that waits longest of a few of these: the next ones to run, and the very last.
local oldest
local function age(ids, next_is_last)
  local last = next_is_last and #ids or 1
  local step = next_is_last and -1 or 1
  for place = last, last + step * (OLDEST - 1), step do
    local since = ids[place] and waits_since(ids[place])
    if since and (not oldest or since < oldest) then
      oldest = since
    end
  end
end

local function active_jobs(key)
  local length, jobs = rcall("LLEN", key), {}
  if length == 0 then
    return 0, jobs
  end
  local ids = rcall("LRANGE", key, -ACTIVE, -1)
  for place = #ids, 1, -1 do
    local id = ids[place]
    if is_marker(id) then
      length = length - 1
    else
      local job = rcall("HMGET", base .. id, "name", "processedOn", "attemptsMade", "atm", "ats")
      job[6] = rcall("EXISTS", base .. id .. ":lock")
      job[7] = id
      jobs[#jobs + 1] = job
    end
  end
  return length, jobs
end

local function rate_limit(max)
  local count = tonumber(rcall("GET", base .. "limiter") or nil)
  if not count then
    return 0
  end
  -- before BullMQ 5 only the workers know `max`; the key's life is bounded by the limit's duration
  if max and count < max then
    return 0
  end
  return math.max(0, rcall("PTTL", base .. "limiter"))
end

local function processing_times(most)
  local finished = {}
  for _, set in ipairs({ "completed", "failed" }) do
    local page = rcall("ZREVRANGE", base .. set, 0, most - 1, "WITHSCORES")
    for place = 1, #page, 2 do
      finished[#finished + 1] = { page[place], tonumber(page[place + 1]) }
    end
  end
  table.sort(finished, function(one, other) return one[2] > other[2] end)
  local times = {}
  for place = 1, math.min(most, #finished) do
    times[place] = rcall("HMGET", base .. finished[place][1], "processedOn", "finishedOn")
  end
  return times
end

local meta = rcall("HMGET", KEYS[1], "version", "paused", "concurrency", "max")
local sample = { t = now, m = meta, l = rate_limit(tonumber(meta[4] or nil)) }

local waiting, wait_ids = look_at_list(base .. "wait")
local paused, paused_ids = look_at_list(base .. "paused")
local prioritized = rcall("ZCARD", base .. "prioritized")
age(wait_ids, true)
age(paused_ids, true)
if prioritized > 0 then
  age(rcall("ZRANGE", base .. "prioritized", 0, OLDEST - 1), false)
end
sample.o = oldest or false

local active
active, sample.a = active_jobs(base .. "active")

local delayed, overdue = rcall("ZCARD", base .. "delayed"), 0
sample.n = false
if delayed > 0 then
  overdue = rcall("ZCOUNT", base .. "delayed", "-inf", whole((now + 1) * 4096 - 1))
  local first = rcall("ZRANGE", base .. "delayed", 0, 0, "WITHSCORES")
  sample.n = math.floor(tonumber(first[2]) / 4096)
end

local failed, in_window, in_day = rcall("ZCARD", base .. "failed"), 0, 0
if failed > 0 then
  in_window = rcall("ZCOUNT", base .. "failed", whole(now - tonumber(ARGV[2])), "+inf")
  in_day = rcall("ZCOUNT", base .. "failed", whole(now - DAY), "+inf")
end
sample.f = { in_window, in_day }
sample.c = {
  waiting, paused, prioritized, active, delayed, overdue,
  rcall("ZCARD", base .. "waiting-children"), rcall("ZCARD", base .. "completed"), failed,
}
if tonumber(ARGV[3]) > 0 then
  sample.p = processing_times(tonumber(ARGV[3]))
end
if ARGV[1] == "" then
  sample.e = read_newest(base .. "events", now - tonumber(ARGV[2]))
else
  sample.e = read_after(base .. "events", ARGV[1])
end
return cjson.encode(sample)

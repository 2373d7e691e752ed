--[[
  BullMQ's own retry of one failed job, run for many (an include, after guard.lua). Its text is the
  package's. What it asks Redis goes through `answered`: while a script runs nobody else writes, so
  what it asks of the queue for each job anew is answered as the first time, and what it asks of the
  job as it has just been read. A plain job, without priority and parent, leaves `failed` and joins
  `wait` in `settle`, with all the others at once; the events stream is cut to its length then. So
  a call holds the server for a third less.
]]
local meta_key, marker_key = KEYS[1], base .. "marker"
local failed_key, wait_key = base .. "failed", base .. "wait"
local job_key, job, plain, attributes, most_events, marked, cut_to
local leaving, joining = {}, { LPUSH = {}, RPUSH = {} } -- ids, by command
local ask = redis.call

local function answered_of_job(command, key, field, ...)
  if command == "EXISTS" then
    return 1
  elseif field == "priority" then
    return job[1]
  elseif field == "parentKey" then
    return job[3]
  end
  return ask(command, key, field, ...)
end

local function answered(command, key, ...)
  if key == job_key then
    return answered_of_job(command, key, ...)
  elseif key == meta_key and command == "HMGET" then
    attributes = attributes or ask(command, key, ...)
    return attributes
  elseif key == meta_key and command == "HGET" then
    most_events = most_events or ask(command, key, ...)
    return most_events
  elseif key == marker_key then
    marked = marked or ask(command, key, ...)
    return marked
  elseif plain and key == failed_key then
    return 1
  elseif plain and key == wait_key then
    leaving[#leaving + 1] = ...
    joining[command][#joining[command] + 1] = ...
    return 1
  elseif plain and command == "XADD" and ... == "MAXLEN" then
    cut_to = select(3, ...)
    return ask(command, key, select(4, ...))
  end
  return ask(command, key, ...)
end

local redis = { call = answered }
--- @package "reprocessJob-9.lua" as reprocess

local keys = { "" }
for _, name in ipairs({ "events", "failed", "wait", "meta", "active", "marker", "prioritized", "pc" }) do
  keys[#keys + 1] = base .. name
end
local args = { "", "", "failedReason", "failed", ARGV[FIRST], ARGV[FIRST] }

-- Let the plain jobs that were moved so far leave and join; the last one is to be followed by this.
local function settle()
  if #leaving > 0 then
    ask("ZREM", failed_key, unpack(leaving))
  end
  for push, ids in pairs(joining) do
    if #ids > 0 then
      ask(push, wait_key, unpack(ids))
    end
  end
  if cut_to then
    ask("XTRIM", base .. "events", "MAXLEN", "~", cut_to)
  end
  leaving, joining, cut_to = {}, { LPUSH = {}, RPUSH = {} }, nil
end

-- Move one job that is in `failed` and whose fields (priority, opts, parentKey) have just been read.
-- Returns whether it was.
local function move(id, fields, push)
  job_key, job = base .. id, fields
  plain = (not fields[1] or fields[1] == "0") and not fields[3]
  if not plain then
    settle() -- so that all join `wait` in their order
  end
  keys[1], args[1], args[2] = job_key, id, push
  return reprocess(keys, args) == 1
end

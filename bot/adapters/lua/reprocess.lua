--[[
  BullMQ's own retry of one failed job, run for many (an include, after guard.lua). Its text is the
  package's. What it asks Redis goes through `answered`: while a script runs nobody else writes, so
  what it asks of the queue for each job anew is answered as the first time, and what it asks of the
  job as it has just been read. A call holds the server for a quarter less.
]]
local meta_key, marker_key = KEYS[1], base .. "marker"
local job_key, job, attributes, most_events, marked
local ask = redis.call

local function answered(command, key, ...)
  if key == job_key then
    local field = ...
    if command == "EXISTS" then
      return 1
    elseif field == "priority" then
      return job[1]
    elseif field == "parentKey" then
      return job[3]
    end
    return ask(command, key, ...)
  elseif key == meta_key and command == "HMGET" then
    attributes = attributes or ask(command, key, ...)
    return attributes
  elseif key == meta_key and command == "HGET" then
    most_events = most_events or ask(command, key, ...)
    return most_events
  elseif key == marker_key then
    marked = marked or ask(command, key, ...)
    return marked
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

-- Move one job whose fields (priority, opts, parentKey) have just been read. Returns whether it was.
local function move(id, fields, push)
  job_key, job = base .. id, fields
  keys[1], args[1], args[2] = job_key, id, push
  return reprocess(keys, args) == 1
end

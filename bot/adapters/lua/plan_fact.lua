--[[
  What is to be known of failed jobs before they are changed, summed over the jobs of one step.
  fact(id, score) adds a job that has a hash; facts() gives the sums.
]]
--- @include "job_values"
local LONGEST_OPTIONS = 16384
local sums = { n = 0, x = 0, p = 0, c = 0, o = 0, u = 0, b = 0 }
local rows, attempts_of, fact_paths = {}, {}, {}

-- How many tries a job is allowed, by its options; BullMQ's own default is one.
local function attempts_in(options)
  if not options or #options > LONGEST_OPTIONS then
    return nil
  end
  local known = attempts_of[options]
  if known == nil then
    local read, decoded = pcall(cjson.decode, options)
    known = read and type(decoded) == "table" and math.max(1, tonumber(decoded["attempts"]) or 1) or false
    attempts_of[options] = known
  end
  return known
end

-- Whether the parent has left `waiting-children`, so that no child brings it back. Its own queue may
-- be out of reach (another node, another permission): then that is not known, and not said.
local function parent_left(key, parent_key, parent)
  local queue, id
  local read, decoded = pcall(cjson.decode, parent or "")
  if read and type(decoded) == "table" then
    queue, id = decoded["queueKey"], decoded["id"]
  end
  if type(queue) ~= "string" or type(id) ~= "string" or queue .. ":" .. id ~= parent_key then
    queue, id = string.match(parent_key, "^(.*):([^:]*)$")
  end
  if not queue then
    return false
  end
  local waits = redis.pcall("ZSCORE", queue .. ":waiting-children", id)
  if waits then
    return false -- it waits still, or an error
  end
  return redis.pcall("SISMEMBER", parent_key .. ":dependencies", key) == 0
end

-- Only what is a number: "nan" and "inf" are none here.
local function finite(text)
  local number = tonumber(text or nil)
  return number and math.abs(number) < 1e300 and number or nil
end

local function least(name, value)
  if value and (not sums[name] or value < sums[name]) then
    sums[name] = value
  end
end

local function most(name, value)
  if value and (not sums[name] or value > sums[name]) then
    sums[name] = value
  end
end

local function fact(id, score)
  local key = base .. id
  local job = job_fields(key, "atm", "attemptsMade", "opts", "priority", "parentKey", "parent", "timestamp")
  sums.n = sums.n + 1
  local allowed, made = attempts_in(job[3]), tonumber(job[1] or job[2] or 0) or 0
  if allowed and made >= allowed then
    sums.x = sums.x + 1
    least("al", allowed)
    most("ah", allowed)
  end
  if (tonumber(job[4] or 0) or 0) ~= 0 then
    sums.p = sums.p + 1
  end
  if job[5] and job[5] ~= "" then
    sums.c = sums.c + 1
    sums.o = sums.o + (parent_left(key, job[5], job[6] or nil) and 1 or 0)
  end
  least("t", finite(job[7]))
  least("f", finite(score))
  most("l", finite(score))
  if #fact_paths > 0 then
    local values, why, cost = job_values(key, fact_paths)
    sums.b = sums.b + cost
    sums.u = sums.u + (why == "unread" and 1 or 0)
    if values then
      rows[#rows + 1] = { id, score, job[7], values[1] or false, values[2] or false }
    end
  end
end

-- Lua's own way of writing a long number has too few digits; one without end is none.
local function facts()
  for name, value in pairs(sums) do
    sums[name] = math.abs(value) < 1e300 and string.format("%.0f", value) or false
  end
  sums.r = rows
  return sums
end

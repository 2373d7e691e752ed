--[[
  What of a job would make BullMQ's scripts fail half-way, or lose it (an include, after guard.lua).
  Nothing is written.
]]
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

-- The job's `priority`, `opts` and `parentKey`; nil where it has no hash. `wait` and the like are
-- no jobs, though an id may be called so.
local function job_fields(key)
  if key == KEYS[1] then
    return nil
  end
  local fields = redis.pcall("HMGET", key, "priority", "opts", "parentKey")
  if fields.err or not (fields[1] or fields[2] or fields[3]) then
    if rcall("TYPE", key)["ok"] ~= "hash" then
      return nil
    end
    fields = rcall("HMGET", key, "priority", "opts", "parentKey")
  end
  return fields
end

-- Whether it can be put back to waiting: among the prioritized only by a number with an end.
local function fits(fields)
  local priority = tonumber(fields[1] or 0) or 0
  if priority ~= priority or math.abs(priority) == math.huge then
    return false
  end
  if leave_out_prioritized and priority ~= 0 then
    return false
  end
  return not (fields[3] and parent_damaged(fields[3]))
end

--[[
  Everything of one job but its log lines; nothing is written.
  KEYS[1] `prefix:queue:meta`, ARGV[1] the job's id
  Returns state, score or "", lock held, log lines, and the hash as a flat list; nil when there is none.
]]
local rcall = redis.call
local base, id = string.sub(KEYS[1], 1, -5), ARGV[1]
local REACH = 50000

-- `meta` and the like are hashes too, but no jobs
if rcall("TYPE", base .. id)["ok"] ~= "hash" or rcall("HEXISTS", base .. id, "timestamp") == 0 then
  return nil
end

local function state()
  for _, set in ipairs({ "completed", "failed", "delayed", "prioritized", "waiting-children" }) do
    local score = rcall("ZSCORE", base .. set, id)
    if score then
      return set, score
    end
  end
  local beyond = false
  for _, list in ipairs({ "active", "wait", "paused" }) do
    local key = base .. list
    if rcall("LPOS", key, id, "RANK", -1, "MAXLEN", REACH) or rcall("LPOS", key, id, "MAXLEN", REACH) then
      return list == "wait" and "waiting" or list, ""
    end
    beyond = beyond or rcall("LLEN", key) > 2 * REACH
  end
  -- in the middle of a list that is too long to search in one call: only waiting ones get so long
  return beyond and "waiting" or "unknown", ""
end

local name, score = state()
return {
  name,
  score,
  rcall("EXISTS", base .. id .. ":lock"),
  rcall("LLEN", base .. id .. ":logs"),
  rcall("HGETALL", base .. id),
}

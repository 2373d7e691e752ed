--[[
  What must be known before failed jobs are moved; nothing is written.
  KEYS[1] `prefix:queue:meta`, ARGV ids
  Returns [version or nil, paused or nil, [score or nil, priority or nil, opts or nil, exists], ...].
]]
local base = string.sub(KEYS[1], 1, -5)
local meta = redis.call("HMGET", KEYS[1], "version", "paused")
local look = { meta[1], meta[2] }
for _, id in ipairs(ARGV) do
  local job = redis.call("HMGET", base .. id, "priority", "opts")
  look[#look + 1] = {
    redis.call("ZSCORE", base .. "failed", id),
    job[1],
    job[2],
    redis.call("EXISTS", base .. id),
  }
end
return look

-- Where a job may be (an include): BullMQ's lists, and its sorted sets.
local LISTS = { wait = true, paused = true, active = true }
local SETS = { "failed", "completed", "delayed", "prioritized", "waiting-children" }

-- The queue's own keys that jobs are in or that tell of them, for `guard`.
local ALL_KEYS = {
  failed = "zset",
  completed = "zset",
  delayed = "zset",
  prioritized = "zset",
  ["waiting-children"] = "zset",
  wait = "list",
  paused = "list",
  active = "list",
  stalled = "set",
  marker = "zset",
  events = "stream",
  ["repeat"] = "zset",
}

-- The sorted set that a job is in, but for `except`; nil for none.
local function set_of(base, id, except)
  for _, name in ipairs(SETS) do
    if name ~= except and redis.call("ZSCORE", base .. name, id) then
      return name
    end
  end
  return nil
end

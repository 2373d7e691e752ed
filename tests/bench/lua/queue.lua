--[[
  A queue in good order: 3 waiting, 2 delayed, 100 completed, 5 that failed two days ago, 200
  events; in a busy one 2 jobs run under a lock.
  KEYS[1] `prefix:queue:`, ARGV[1] now, ARGV[2] "1" for a busy one
]]
local base, now, busy = KEYS[1], tonumber(ARGV[1]), ARGV[2] == '1'
local n = 0
local function job(...)
  n = n + 1
  redis.call('HSET', base .. n, 'name', 'provision', 'data', '{"order":' .. n .. ',"customer":"c-17"}',
    'opts', '{"attempts":3}', 'timestamp', now - 60000, 'priority', 0, 'delay', 0, ...)
  return n
end
redis.call('HSET', base .. 'meta', 'version', 'bullmq:5.81.5', 'opts.maxLenEvents', 10000)
for _ = 1, 3 do redis.call('LPUSH', base .. 'wait', job()) end
for _ = 1, 2 do redis.call('ZADD', base .. 'delayed', (now + 3600000) * 4096, job()) end
for _ = 1, 100 do
  local id = job('processedOn', now - 50000, 'finishedOn', now - 49000, 'returnvalue', '"ok"', 'atm', 1, 'ats', 1)
  redis.call('ZADD', base .. 'completed', now - 49000, id)
end
for _ = 1, 5 do
  local at = now - 172800000
  local id = job('processedOn', at - 900, 'finishedOn', at, 'failedReason', 'WHMCS_ERROR: down', 'atm', 3, 'ats', 3)
  redis.call('ZADD', base .. 'failed', at, id)
end
for _ = 1, busy and 2 or 0 do
  local id = job('processedOn', now, 'atm', 0, 'ats', 1)
  redis.call('LPUSH', base .. 'active', id)
  redis.call('SET', base .. id .. ':lock', 'token', 'EX', 3600)
end
for id = 1, 50 do
  redis.call('XADD', base .. 'events', '*', 'event', 'added', 'jobId', id, 'name', 'provision')
  redis.call('XADD', base .. 'events', '*', 'event', 'waiting', 'jobId', id)
  redis.call('XADD', base .. 'events', '*', 'event', 'active', 'jobId', id, 'prev', 'waiting')
  redis.call('XADD', base .. 'events', '*', 'event', 'completed', 'jobId', id, 'returnvalue', '"ok"', 'prev', 'active')
end

--[[
  What happens between two looks: two jobs are done in each queue, and the next two are begun.
  KEYS `prefix:queue:` each, ARGV[1] now
]]
for _, base in ipairs(KEYS) do
  local key = base .. 'events'
  for _, id in ipairs(redis.call('LRANGE', base .. 'active', 0, -1)) do
    redis.call('HSET', base .. id, 'processedOn', ARGV[1])
  end
  for id = 1, 2 do
    redis.call('XADD', key, 'MAXLEN', '~', 10000, '*', 'event', 'added', 'jobId', id, 'name', 'provision')
    redis.call('XADD', key, 'MAXLEN', '~', 10000, '*', 'event', 'waiting', 'jobId', id)
    redis.call('XADD', key, 'MAXLEN', '~', 10000, '*', 'event', 'active', 'jobId', id, 'prev', 'waiting')
    redis.call('XADD', key, 'MAXLEN', '~', 10000, '*', 'event', 'completed', 'jobId', id,
      'returnvalue', '"ok"', 'prev', 'active')
  end
end

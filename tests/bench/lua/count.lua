--[[
  The least a look can be: the jobs of all queues by state, in one call.
  KEYS `prefix:queue:` each
]]
local counts = {}
for place, base in ipairs(KEYS) do
  counts[place] = {
    redis.call('LLEN', base .. 'wait'), redis.call('LLEN', base .. 'paused'),
    redis.call('LLEN', base .. 'active'), redis.call('ZCARD', base .. 'prioritized'),
    redis.call('ZCARD', base .. 'delayed'), redis.call('ZCARD', base .. 'waiting-children'),
    redis.call('ZCARD', base .. 'completed'), redis.call('ZCARD', base .. 'failed'),
  }
end
return cjson.encode(counts)

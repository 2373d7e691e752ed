--[[
  Failed jobs of some of six kinds of error in turn, each with a stack trace for each of its three
  attempts, as BullMQ keeps them.
  KEYS[1] `prefix:queue:`, ARGV[1] first number, ARGV[2] how many, ARGV[3] now, ARGV[4] kinds
]]
local base, now, kinds = KEYS[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local reasons = {
  'WHMCS_ERROR: connect ETIMEDOUT 10.0.0.%d', 'FREEBIT_REFUSED: resultCode 210 for account 0%d',
  'Request failed with status code 50%d', 'Order %d has no product "sim-only"',
  "Cannot read properties of undefined (reading 'id') at order %d", 'SALESFORCE_LOCKED: row %d is locked',
}
local stack = '"Error: %s\\n' .. string.rep('    at process (/app/dist/worker.js:117:23)\\n', 10) .. '"'
local data = '{"sfOrderId":"%s","idempotencyKey":"%s-%d","customer":"c-%d","items":["'
  .. string.rep('sim-only-5g-30gb","', 5) .. 'end"],"order":%d}'
for n = tonumber(ARGV[1]), tonumber(ARGV[1]) + tonumber(ARGV[2]) - 1 do
  local at = now - 86400000 + n
  local order = string.sub(redis.sha1hex(tostring(n)), 1, 18)
  local reason = string.format(reasons[n % kinds + 1], n)
  local trace = string.format(stack, (string.gsub(reason, '"', '\\"')))
  redis.call('HSET', base .. n, 'name', 'provision', 'data', string.format(data, order, order, at, n % 977, n),
    'opts', '{"attempts":3}', 'timestamp', at - 5000, 'processedOn', at - 900, 'finishedOn', at, 'atm', 3, 'ats', 3,
    'priority', 0, 'delay', 0, 'failedReason', reason, 'stacktrace', '[' .. trace .. ',' .. trace .. ',' .. trace .. ']')
  redis.call('ZADD', base .. 'failed', at, n)
end
redis.call('HSET', base .. 'meta', 'version', 'bullmq:5.81.5', 'opts.maxLenEvents', 10000)

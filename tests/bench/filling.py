"""Puts queues into Redis, as BullMQ 5 keeps them; inside Redis, because it is many."""

from __future__ import annotations

import time
from typing import Final

from redis import Redis

QUEUES: Final = 1000
BUSY: Final = 200
"""Queues in which something happens between two looks."""
FAILED: Final = 100_000
PREFIX: Final = "bull"
FULL: Final = "orders"
"""The queue with the failed jobs; it lies on a server of its own."""
_BATCH: Final = 2000

# A queue in good order: 3 waiting, 2 delayed, 100 completed, 5 that failed two days ago, 200 events;
# in a busy one 2 jobs run under a lock. KEYS[1] `prefix:queue:`, ARGV: now, busy.
_QUEUE: Final = """
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
"""

# Two more jobs done in each queue.
_EVENTS: Final = """
for _, key in ipairs(KEYS) do
  for id = 1, 2 do
    redis.call('XADD', key, 'MAXLEN', '~', 10000, '*', 'event', 'added', 'jobId', id, 'name', 'provision')
    redis.call('XADD', key, 'MAXLEN', '~', 10000, '*', 'event', 'waiting', 'jobId', id)
    redis.call('XADD', key, 'MAXLEN', '~', 10000, '*', 'event', 'active', 'jobId', id, 'prev', 'waiting')
    redis.call('XADD', key, 'MAXLEN', '~', 10000, '*', 'event', 'completed', 'jobId', id,
      'returnvalue', '"ok"', 'prev', 'active')
  end
end
"""

# KEYS[1] `prefix:queue:`, ARGV: first number, how many, now.
_FAILURES: Final = """
local base, now = KEYS[1], tonumber(ARGV[3])
local reasons = {
  'WHMCS_ERROR: connect ETIMEDOUT 10.0.0.%d', 'FREEBIT_REFUSED: resultCode 210 for account 0%d',
  'Request failed with status code 50%d', 'Order %d has no product "sim-only"',
  "Cannot read properties of undefined (reading 'id') at order %d", 'SALESFORCE_LOCKED: row %d is locked',
}
local stack = '["Error: it failed\\\\n' .. string.rep('    at process (/app/dist/worker.js:117:23)\\\\n', 10) .. '"]'
local data = '{"customer":"c-17","items":["' .. string.rep('sim-only-5g-30gb","', 8) .. 'end"],"order":'
for n = tonumber(ARGV[1]), tonumber(ARGV[1]) + tonumber(ARGV[2]) - 1 do
  local at = now - 86400000 + n
  redis.call('HSET', base .. n, 'name', 'provision', 'data', data .. n .. '}', 'opts', '{"attempts":3}',
    'timestamp', at - 5000, 'processedOn', at - 900, 'finishedOn', at, 'atm', 3, 'ats', 3, 'priority', 0,
    'failedReason', string.format(reasons[n % 6 + 1], n), 'stacktrace', stack)
  redis.call('ZADD', base .. 'failed', at, n)
end
redis.call('HSET', base .. 'meta', 'version', 'bullmq:5.81.5', 'opts.maxLenEvents', 10000)
"""


def names() -> list[str]:
    """The queues; the busy ones come first."""
    return [f"queue-{number:04}" for number in range(QUEUES)]


def fill_queues(redis: Redis) -> None:
    """Put all queues in."""
    fill, now = redis.register_script(_QUEUE), _now()
    for number, name in enumerate(names()):
        fill(keys=[f"{PREFIX}:{name}:"], args=[now, int(number < BUSY)])


def let_time_pass(redis: Redis) -> None:
    """What happens between two looks: two jobs are done in each busy queue."""
    keys = [f"{PREFIX}:{name}:events" for name in names()[:BUSY]]
    redis.eval(_EVENTS, len(keys), *keys)


def fill_failures(redis: Redis) -> None:
    """Put the failed jobs in: six kinds of error, each with its stack trace."""
    fill, now = redis.register_script(_FAILURES), _now()
    for first in range(0, FAILED, _BATCH):
        fill(keys=[f"{PREFIX}:{FULL}:"], args=[first, _BATCH, now])


def _now() -> int:
    return int(time.time() * 1000)

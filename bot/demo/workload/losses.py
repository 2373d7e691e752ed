"""What people and Redis itself do to jobs behind BullMQ's back."""

from typing import Any, Final, cast

from redis.asyncio import Redis

from bot.demo.workload.orders import ORDER_QUEUE

LOST_ORDERS: Final = 40
"""Of how many failed orders the page's switch loses the data."""

_KEY: Final = f"bull:{ORDER_QUEUE}:"
_LOSE: Final = """
local lost = 0
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1] .. 'failed', 0, -1)) do
  if lost == tonumber(ARGV[1]) then break end
  lost = lost + redis.call('DEL', KEYS[1] .. id)
end
return lost
"""


async def clean_by_hand(redis: Redis) -> None:
    """What the old runbook says: it forgets all failed orders, and leaves their data."""
    await cast("Any", redis.zremrangebyscore(f"{_KEY}failed", "-inf", "+inf"))


async def lose_data(redis: Redis) -> int:
    """The opposite, as an eviction does it to the newest failed orders; of how many."""
    return int(await cast("Any", redis.eval(_LOSE, 1, _KEY, str(LOST_ORDERS))))

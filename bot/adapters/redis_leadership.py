"""The lease: one leader among the replicas, with an epoch that fences off an old one.

Taken and extended in one script ("if it is mine, extend"), so that a lost reply does no harm. The
commit of state checks token and epoch again in its own script.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters import keys
from bot.adapters.redis_errors import speaking_to
from bot.domain.state import Lease
from bot.domain.times import SECOND, Ms

LEASE_TTL: Final[Ms] = 10 * SECOND
"""How long a lease lasts unless extended: another replica takes over this long after a death."""

_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(redis.call('GET', KEYS[2]) or '0')
end
if holder then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('INCR', KEYS[2])
"""

_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisLeadership:
    """One replica's claim; the token is this process' own."""

    def __init__(self, *, client: Redis, ttl: Ms = LEASE_TTL, token: str | None = None) -> None:
        self.ttl = ttl
        self._token = token or token_hex(8)
        self._hold: Any = client.register_script(_HOLD)
        self._release: Any = client.register_script(_RELEASE)

    async def hold(self) -> Lease | None:
        """Take or extend the lease; None when another holds it."""
        with speaking_to(None):
            epoch = await self._hold(keys=[keys.LEASE, keys.EPOCH], args=[self._token, self.ttl])
        return Lease(self._token, int(epoch)) if epoch else None

    async def release(self) -> None:
        """Give it up, if it is ours."""
        with speaking_to(None):
            await self._release(keys=[keys.LEASE], args=[self._token])

"""Stored plans. A plan acts once: its status changes by compare-and-set."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters import keys
from bot.adapters.codec import Codec
from bot.adapters.redis_errors import speaking_to
from bot.domain.plans import PLAN_LIFETIME, Plan, PlanStatus
from bot.domain.times import DAY, HOUR, Ms

REMEMBERED: Final[Ms] = PLAN_LIFETIME + DAY
"""An old card pressed on the next day still gets a sentence about itself."""

KEPT: Final[Ms] = 8 * DAY
"""From its last change on: an operation may drip for days, or begin when a gap of days is over."""

RECENT: Final[Ms] = HOUR
"""How long plans that were begun, or have ended, are told by `recent`, at least."""

_ADVANCE = """
local text = redis.call('GET', KEYS[1])
local stored = text and cjson.decode(text)
if not stored or stored['status'] ~= ARGV[1] then return 0 end
if ARGV[1] == 'running' and stored['attempt'] ~= ARGV[4] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call(ARGV[6] == 'running' and 'SADD' or 'SREM', KEYS[2], ARGV[5])
if ARGV[1] == 'running' or ARGV[6] == 'running' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[7])) do
    redis.call('ZREM', KEYS[3], old)
  end
  redis.call('ZADD', KEYS[3], now, ARGV[5])
  redis.call('PEXPIRE', KEYS[3], ARGV[7])
end
if ARGV[6] == 'asked' then
  redis.call('ZADD', KEYS[4], ARGV[8], ARGV[5])
  redis.call('PEXPIRE', KEYS[4], ARGV[3])
end
return 1
"""


class RedisPlanStore:
    """Plans under `{bullhorn}:plan:ID`."""

    def __init__(self, *, client: Redis) -> None:
        self._client: Any = client
        self._advance = self._client.register_script(_ADVANCE)
        self._codec = Codec(Plan)

    async def save(self, plan: Plan) -> None:
        """Store a new plan."""
        with speaking_to(None):
            await self._client.set(keys.plan(plan.id), self._codec.dump(plan), px=REMEMBERED)

    async def get(self, plan_id: str) -> Plan | None:
        """The plan, None when it is unknown or long gone."""
        with speaking_to(None):
            text = await self._client.get(keys.plan(plan_id))
        return self._codec.load_or_drop(text, what=plan_id) if text else None

    async def advance(self, plan: Plan, *, expected: PlanStatus) -> bool:
        """Replace the plan if its stored status is still `expected`; False when it is not.

        A running one is replaced by the same attempt only.
        """
        stored = (expected.value, self._codec.dump(plan), KEPT)
        wanted = (plan.attempt, plan.id, plan.status.value, RECENT, plan.expires_at)
        with speaking_to(None):
            done = await self._advance(
                keys=[keys.plan(plan.id), keys.RUNNING, keys.BEGUN, keys.ASKED],
                args=[*stored, *wanted],
            )
        return bool(done)

    async def running(self) -> list[str]:
        """The ids of the plans that were begun and have not ended."""
        with speaking_to(None):
            return sorted(await self._client.smembers(keys.RUNNING))

    async def recent(self, *, limit: int) -> list[str]:
        """The ids of plans that run, and of those that ended within the last hour, newest first."""
        with speaking_to(None):
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.zrevrange(keys.BEGUN, 0, limit - 1)
                pipe.smembers(keys.RUNNING)
                newest, running = await pipe.execute()
        return list(dict.fromkeys([*newest, *sorted(running)]))[:limit]

    async def forget_running(self, plan_id: str) -> None:
        """A plan that is gone is not running."""
        with speaking_to(None):
            await self._client.srem(keys.RUNNING, plan_id)

    async def asked(self, *, until: Ms) -> list[str]:
        """The ids of plans that could be approved until then, at the latest; the oldest first."""
        with speaking_to(None):
            return list(await self._client.zrangebyscore(keys.ASKED, "-inf", until))

    async def forget_asked(self, plan_id: str) -> None:
        """Its request shows what became of it: `asked` does not name it any more."""
        with speaking_to(None):
            await self._client.zrem(keys.ASKED, plan_id)

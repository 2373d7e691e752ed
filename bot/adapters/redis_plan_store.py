"""Stored plans. A plan acts once: its status changes by compare-and-set."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis

from bot.adapters import keys
from bot.adapters.codec import Codec
from bot.adapters.redis_errors import speaking_to
from bot.domain.plans import PLAN_LIFETIME, Plan, PlanStatus
from bot.domain.times import DAY, Ms

REMEMBERED: Final[Ms] = PLAN_LIFETIME + DAY
"""An old card pressed on the next day still gets a sentence about itself."""

KEPT: Final[Ms] = 8 * DAY
"""From its last change on: an operation may drip for days, or begin when a gap of days is over."""

_ADVANCE = """
local text = redis.call('GET', KEYS[1])
if not text or cjson.decode(text)['status'] ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
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
        """Replace the plan if its stored status is still `expected`; False when it is not."""
        with speaking_to(None):
            done = await self._advance(
                keys=[keys.plan(plan.id)], args=[expected.value, self._codec.dump(plan), KEPT]
            )
        return bool(done)

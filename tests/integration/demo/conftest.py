"""The demo's world mostly waits: its stories are told side by side, each on a Valkey of its own."""

import pytest_asyncio
from redis.asyncio import Redis

from bot.demo.workload.valkey import EmbeddedValkey
from tests.support.stories import stories_of, telling


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(request):
    """The tasks of the module's stories, each told a Valkey and a client of it."""

    async def tell(story):
        async with (
            EmbeddedValkey() as valkey,
            Redis.from_url(valkey.url, decode_responses=True) as redis,
        ):
            await story(valkey, redis)

    async with telling(stories_of(request), tell) as tasks:
        yield tasks

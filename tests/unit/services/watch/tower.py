"""A replica that watches, over fakes."""

from bot.adapters.redis_leadership import RedisLeadership
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.services.watch import Watch
from tests.support.fakes import FakeTelemetry


class Tower:
    """A replica that watches: what it sees it remembers in `seen`."""

    def __init__(self, redis, reader, catalog, put_backs=None):
        self.seen = []
        self.telemetry = FakeTelemetry()
        self.reader = reader
        self.store = RedisWatchStore(client=redis)
        self.watch = Watch(
            leadership=RedisLeadership(client=redis), store=self.store, reader=reader,
            catalog=catalog, telemetry=self.telemetry, saw=self.seen.append,
            put_backs=put_backs,
        )  # fmt: skip

    async def tick(self, after=0):
        self.reader.clock.forward(after)
        return await self.watch.tick()

    async def incidents(self):
        return (await self.store.load_open()).incidents

    async def incident(self):
        [incident] = (await self.incidents()).values()
        return incident

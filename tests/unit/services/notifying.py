"""A notifier that leads, and what it finds to do: for the tests of the notifier."""

from dataclasses import replace

from bot.adapters.redis_leadership import RedisLeadership
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.domain.incidents import Happening, Incident, Status, TimelineEntry
from bot.domain.policy import Catalog, QueuePolicy, Severity
from bot.domain.state import WatchChanges
from bot.services.notifier import Notifier
from bot.services.watch import Watch
from tests.support.fakes import ORDERS, START, FakeTelemetry, PlainWriter

INCIDENT = Incident(
    number=7, queue=ORDERS, family="backlog", rule="backlog", severity=Severity.WARNING,
    began_at=START, fired_at=START, value=12, threshold=10, peak=12,
    timeline=(TimelineEntry(at=START, what=Happening.FIRED),),
)  # fmt: skip


def grown(incident, what, **changes):
    """One entry more in the timeline, and what came with it."""
    entry = TimelineEntry(at=START, what=what, by="UBOB")
    return replace(
        incident, revision=incident.revision + 1, timeline=(*incident.timeline, entry), **changes
    )


def resolved(incident):
    return grown(incident, Happening.RESOLVED, status=Status.RESOLVED, resolved_at=START)


class Scene:
    """A leader, its store, and passes until nothing is left to do."""

    def __init__(self, redis, queues, messenger, clock):
        self.redis, self.queues, self.messenger, self.clock = redis, queues, messenger, clock
        self.store = RedisWatchStore(client=redis)
        self.catalog = Catalog(default=QueuePolicy(channel="C1"), channel="CDEFAULT")

    async def begin(self):
        """A (new) leader starts."""
        self.watch = Watch(
            leadership=RedisLeadership(client=self.redis), store=self.store, reader=self.queues,
            catalog=self.catalog, telemetry=FakeTelemetry(), saw=lambda _: None,
        )  # fmt: skip
        await self.redis.delete("{bullhorn}:lease")
        await self.watch.lead()
        self.notifier = Notifier(
            watch=self.watch, store=self.store, reader=self.queues, messenger=self.messenger,
            writer=PlainWriter(), catalog=self.catalog,
        )  # fmt: skip

    async def put(self, incident):
        await self.store.commit(self.watch.lease, WatchChanges(incidents=(incident,)))

    async def passes(self, count=4, seconds=6):
        for _ in range(count):
            await self.notifier.run_pass()
            await self.notifier.drain()
            self.clock.forward(seconds * 1000)


def alerts(messenger):
    return [posted.message.text for posted in messenger.of("bullhorn_incident")]


def thread(messenger):
    return [posted.message.text for posted in messenger.of("bullhorn_entry")]

"""`bullhorn check`: tries everything outside that Bullhorn needs, all at once, and changes nothing.

What depends on something that does not answer is skipped, so that one cause is one failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from bot.domain import checkup_redis, checkup_salesforce, checkup_slack
from bot.domain.checkup import (
    Finding,
    Identity,
    QueuesFound,
    Report,
    ServerFacts,
    Setup,
    Status,
    Trouble,
    ok,
)
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.salesforce import SalesforcePolicy
from bot.domain.sample import Sample, SampleRequest
from bot.ports import QueueReader
from bot.ports.checkup import OperationsProbe, SalesforceProbe, ServerProbe, SlackProbe

LIMIT: Final = 5.0
"""Seconds one probe may take."""

_OF_THE_LIMIT: Final = 0.8
"""How much of it a search for queues may use, so that what it found is not lost."""
_AT_ONCE: Final = 4
"""Questions about channels and groups that are under way together: Slack counts them."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What was seen of a source: itself, its queues, and each of the watched ones."""

    seen: ServerFacts | Trouble
    found: QueuesFound | Trouble | None = None
    unread: Trouble | None = None
    queues: Mapping[QueueId, Sample | Trouble] = field(default_factory=dict)


class Checkup:
    """Runs the checks. `limit` is what one probe may take, in seconds."""

    def __init__(
        self,
        *,
        setup: Setup,
        catalog: Catalog,
        own: ServerProbe,
        operations: OperationsProbe,
        sources: Mapping[str, ServerProbe],
        reader: QueueReader,
        slack: SlackProbe,
        salesforce: SalesforceProbe | None = None,
        orders: SalesforcePolicy | None = None,
        limit: float = LIMIT,
    ) -> None:
        self._setup = setup
        self._catalog = catalog
        self._own = own
        self._operations = operations
        self._sources = sources
        self._reader = reader
        self._slack = slack
        self._salesforce = salesforce
        self._orders = orders or SalesforcePolicy()
        self._limit = limit
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> Report:
        """Make every check; never raises for what does not answer."""
        looking = asyncio.ensure_future(self._within(self._own.look(), "Bullhorn's own Redis"))
        own, sources, slack, salesforce = await asyncio.gather(
            self._own_redis(looking),
            asyncio.gather(*(self._source(name, looking) for name in self._sources)),
            self._of_slack(),
            self._of_salesforce(),
        )
        seen = dict(zip(self._sources, sources, strict=True))
        queues = [line for name, source in seen.items() for line in self._of_source(name, source)]
        found = {name: source.found for name, source in seen.items()}
        return Report(
            findings=(
                *self._of_setup(),
                *own,
                *queues,
                *checkup_redis.unseen(found, self._catalog),
                *slack,
                *salesforce,
                self._heartbeat(),
            )
        )

    def _of_setup(self) -> list[Finding]:
        setup, named = self._setup, len(self._catalog.named())
        patterns = len(self._catalog.queues) - named
        mode = "Socket Mode" if setup.app_token else "HTTP mode"
        also = f", and {patterns} by pattern" if patterns else ""
        return [
            ok("settings", f"{mode}, Slack at {setup.slack_host}, port {setup.port}"),
            ok("config", f"{setup.config}: {named} queues named{also}"),
        ]

    def _heartbeat(self) -> Finding:
        every = self._setup.heartbeat
        if every is None:
            return ok("heartbeat", "not set: nothing outside notices when Bullhorn is gone")
        return ok("heartbeat", f"set, every {every} (not called now)")

    async def _own_redis(self, looking: Awaitable[ServerFacts | Trouble]) -> list[Finding]:
        seen = await looking
        written: Trouble | None = None
        tried: Trouble | None = None
        if isinstance(seen, ServerFacts):
            written = await self._within(self._own.write(), "Bullhorn's own Redis")
            if written is None:
                tried = await self._within(self._operations.run(), "Bullhorn's own queue")
        with_queues = bool(self._setup.shared)
        lines = checkup_redis.server(checkup_redis.OWN, seen, queues_in_it=with_queues)
        reached, *rest = lines
        works = checkup_redis.operations(seen, written, tried)
        return [reached, checkup_redis.writes(seen, written), works, *rest]

    async def _source(self, name: str, own: Awaitable[ServerFacts | Trouble]) -> _Source:
        probe, who = self._sources[name], f'Redis "{name}"'
        shared = name in self._setup.shared
        seen = await (own if shared else self._within(probe.look(), who))
        if isinstance(seen, Trouble):
            return _Source(seen=seen)
        found = await self._within(probe.queues(within=self._limit * _OF_THE_LIMIT), who)
        if isinstance(found, Trouble):
            return _Source(seen=seen, found=found)
        watched = sorted(queue for queue in found.queues if self._catalog.watches(queue))
        unread, queues = await self._sample(name, watched)
        return _Source(seen=seen, found=found, unread=unread, queues=queues)

    async def _sample(
        self, source: str, queues: Sequence[QueueId]
    ) -> tuple[Trouble | None, Mapping[QueueId, Sample | Trouble]]:
        """Each queue as the bot would see it; or why none of them can be read."""
        if not queues:
            return None, {}
        fix = "See that Bullhorn's user may read the queues' keys, by scripts too"
        requests = [SampleRequest(queue=queue) for queue in queues]
        round_ = await self._within(self._reader.sample(requests), f'Redis "{source}"')
        unread = round_ if isinstance(round_, Trouble) else None
        if not isinstance(round_, Trouble) and source in round_.unreachable:
            unread = Trouble(why=round_.unreachable[source].rstrip("."), fix=fix)
        if isinstance(round_, Trouble) or unread is not None:
            skipped = Trouble(why="it could not be read", status=Status.SKIP)
            return unread, dict.fromkeys(queues, skipped)
        broken = {q: Trouble(why=why.rstrip("."), fix=fix) for q, why in round_.broken.items()}
        return None, {
            queue: round_.samples.get(queue) or broken.get(queue) or Trouble(why="no answer")
            for queue in queues
        }

    def _of_source(self, name: str, source: _Source) -> list[Finding]:
        if name in self._setup.shared:
            server = checkup_redis.shared(name, source.seen)
        else:
            check = checkup_redis.of_source(name)
            server = checkup_redis.server(check, source.seen, queues_in_it=True)
        return [
            *server,
            checkup_redis.queues(name, source.found, source.unread, self._catalog),
            *(checkup_redis.queue(q, seen, self._catalog) for q, seen in source.queues.items()),
        ]

    async def _of_slack(self) -> list[Finding]:
        identity, socket = await asyncio.gather(
            self._within(self._slack.identity(), "Slack"),
            self._within(self._slack.app_token(), "Slack"),
        )
        channels = await asyncio.gather(
            *(self._channel(channel, identity) for channel in self._channels())
        )
        groups = await asyncio.gather(
            *(self._group(group, identity) for group in sorted(self._setup.groups))
        )
        return [
            *checkup_slack.identity(identity),
            checkup_slack.app_token(identity, socket, given=self._setup.app_token),
            *([checkup_slack.no_channel()] if self._catalog.channel is None else []),
            *channels,
            *groups,
        ]

    async def _of_salesforce(self) -> list[Finding]:
        if self._salesforce is None:
            return checkup_salesforce.unset(self._catalog)
        seen = await self._within(self._salesforce.look(), "Salesforce")
        return checkup_salesforce.lines(seen, self._orders, login=self._setup.salesforce)

    def _channels(self) -> list[str]:
        """Every channel of the config, once."""
        named = [self._catalog.channel, *(q.channel for q in self._catalog.queues.values())]
        return sorted({channel for channel in named if channel is not None})

    async def _channel(self, channel: str, identity: Identity | Trouble) -> Finding:
        if isinstance(identity, Trouble):
            return checkup_slack.channel(channel, identity, identity)
        async with self._turns:
            seen = await self._within(self._slack.channel(channel), "Slack")
        return checkup_slack.channel(channel, seen, identity)

    async def _group(self, group: str, identity: Identity | Trouble) -> Finding:
        if isinstance(identity, Trouble):
            return checkup_slack.group(group, identity, identity)
        async with self._turns:
            seen = await self._within(self._slack.group(group), "Slack")
        return checkup_slack.group(group, seen, identity)

    async def _within(self, probe: Awaitable[T], who: str) -> T | Trouble:
        """What a probe finds, within the limit."""
        try:
            async with asyncio.timeout(self._limit):
                return await probe
        except TimeoutError:
            return Trouble(
                why=f"{who} did not answer within {self._limit:g} s",
                fix="Check the address, the network between, and the load",
                absent=True,
            )

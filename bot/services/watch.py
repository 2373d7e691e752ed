"""The watch: one tick looks at every queue and moves incidents on; only the leader does it.

A second, quicker pass folds in what people did meanwhile (acknowledge, silence), so that a button
on any replica shows within a second or two. Both write under the lease, one at a time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum

import structlog

from bot.domain import engine, triage
from bot.domain.engine_incidents import resolved
from bot.domain.incidents import Incident
from bot.domain.jobs import FailureFilter
from bot.domain.memory import QueueMemory
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.redaction import mask_reason, shown_code
from bot.domain.rules import failure_spike
from bot.domain.sample import Sample, SampleRequest, SampleRound
from bot.domain.state import Lease, WatchChanges, WatchState
from bot.domain.times import MINUTE, Ms
from bot.errors import LostLeaseError, RedisUnavailableError
from bot.ports import Leadership, QueueReader, Telemetry, WatchStore
from bot.services.put_backs import PutBacks

_log = structlog.get_logger(__name__)
TOP_GROUPS = 3
"""How many error groups an alert names."""
NAMED_A_TICK = 5
"""For how many alerts a tick looks the error groups up; the others keep what they have."""
NAMING_LIMIT = 3.0
"""Seconds all of those look-ups may take together."""
MARGIN = 2.0
"""Seconds before its end from which a lease no longer counts for sending something."""


class TickResult(StrEnum):
    """How a tick ended."""

    GOOD = "good"
    BLIND = "blind"
    FOLLOWING = "following"


@dataclass(slots=True)
class _Draft:
    """Changes being put together for one commit."""

    memories: dict[QueueId, QueueMemory | None] = field(default_factory=dict)
    incidents: dict[int, Incident] = field(default_factory=dict)
    next_number: int = 1


class Watch:
    """Ticks and folds. `lease` is the lease held now, None while another leads.

    `led` says whether this replica led when that was last known, None when it never was;
    `connected` whether Bullhorn's own Redis answered the last time it was asked.
    """

    def __init__(
        self,
        *,
        leadership: Leadership,
        store: WatchStore,
        reader: QueueReader,
        catalog: Catalog,
        telemetry: Telemetry,
        saw: Callable[[Mapping[str, str]], None],
        put_backs: PutBacks | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leadership = leadership
        self._store = store
        self._reader = reader
        self._catalog = catalog
        self._telemetry = telemetry
        self._saw = saw
        self._put_backs = put_backs
        self._monotonic = monotonic
        self._valid_until = 0.0
        self._writing = asyncio.Lock()
        self.lease: Lease | None = None
        self.ticked = False
        self.led: bool | None = None
        self.connected = False

    async def lead(self) -> None:
        """Take or extend the lease.

        Raises:
            RedisUnavailableError: then nobody knows who leads, and `lease` is None.
        """
        asked_at = self._monotonic()
        try:
            self.lease = await self._leadership.hold()
            self._valid_until = asked_at + self._leadership.ttl / 1000 - MARGIN
            self.connected = True
        except RedisUnavailableError:
            self.lease, self.connected = None, False
            raise
        finally:
            self._telemetry.leading(self.lease is not None)
        self.led = self.lease is not None

    def holding(self) -> Lease | None:
        """The lease, if it surely still is ours: asked again before anything leaves the house."""
        return self.lease if self._monotonic() < self._valid_until else None

    async def tick(self) -> TickResult:
        """Look at every queue and commit what follows.

        Raises:
            RedisUnavailableError: Bullhorn's own Redis does not answer; state is as it was.
        """
        await self.lead()
        lease = self.lease
        if lease is None:
            self.ticked = True
            self._saw({})
            return TickResult.FOLLOWING
        memories = await self._store.cursors()
        queues, round_ = await self._look(memories)
        self._telemetry.observe_round(round_)
        for queue, reason in round_.broken.items():
            _log.warning("queue cannot be read", queue=str(queue), reason=reason)
        try:
            async with self._writing:
                await self._commit_round(lease, memories, queues, round_)
        except LostLeaseError:
            self.lease = None
            _log.info("another replica leads now")
            return TickResult.FOLLOWING
        # Only now: what was read and could not be stored was seen by nobody.
        self._saw(round_.unreachable)
        self.ticked = True
        return TickResult.BLIND if round_.unreachable else TickResult.GOOD

    async def fold(self) -> None:
        """Fold in what people did since the last pass; the leader only."""
        lease = self.holding()
        if lease is None:
            return
        async with self._writing:
            state = await self._store.load_open()
            now = await self._reader.now()
            changed = _folded(state, state.incidents, now)
            expired = state.expired(now)
            if changed or state.inbox or expired:
                await self._store.commit(
                    lease,
                    WatchChanges(
                        incidents=tuple(changed.values()),
                        inbox_taken=len(state.inbox),
                        expired_silences=expired,
                    ),
                )

    async def _look(
        self, memories: Mapping[QueueId, QueueMemory]
    ) -> tuple[frozenset[QueueId], SampleRound]:
        found = await self._reader.discover()
        # Only where a whole pass was made is a queue that was known before surely gone.
        kept = {q for q in await self._store.queues() if q.source not in found.complete}
        queues = frozenset(
            q for q in found.queues | kept if self._is_configured(q) and self._catalog.watches(q)
        )
        open_incidents = (await self._store.load_open()).incidents.values()
        # A queue that is gone is looked at once more, so that what it had is resolved.
        firing = {i.queue for i in open_incidents if i.firing and self._is_configured(i.queue)}
        requests = [self._request(q, memories.get(q)) for q in sorted(queues | firing)]
        round_ = await self._reader.sample(requests)
        return queues, replace(round_, unreachable={**found.unreachable, **round_.unreachable})

    def _is_configured(self, queue: QueueId) -> bool:
        return self._catalog.prefixes.get(queue.source) == queue.prefix

    def _request(self, queue: QueueId, memory: QueueMemory | None) -> SampleRequest:
        return SampleRequest(
            queue=queue,
            cursor=memory.cursor if memory else None,
            failure_window=self._spike_window(queue),
        )

    def _spike_window(self, queue: QueueId) -> Ms:
        settings = self._catalog.policy(queue).rules.get(failure_spike.RULE.name)
        return (settings or failure_spike.RULE.defaults).within or 15 * MINUTE

    async def _commit_round(
        self,
        lease: Lease,
        memories: Mapping[QueueId, QueueMemory],
        queues: frozenset[QueueId],
        round_: SampleRound,
    ) -> None:
        state = await self._store.load_open()
        draft = _Draft(next_number=state.next_number)
        for sample in round_.samples.values():
            self._evaluate(draft, state, memories.get(sample.queue), sample)
        now = await self._reader.now()
        for incident in state.incidents.values():
            if incident.firing and not self._is_configured(incident.queue):
                # Its source is no longer in the config: nothing could ever end it.
                draft.incidents[incident.number] = resolved(incident, None, None, now)
        self._forget(draft, memories, queues, state)
        await self._name_errors(draft, now)
        if self._put_backs is not None:
            draft.incidents |= await self._put_backs.tell(state.incidents, draft.incidents, now)
        draft.incidents |= _folded(state, {**state.incidents, **draft.incidents}, now)
        await self._store.commit(
            lease,
            WatchChanges(
                memories=draft.memories,
                incidents=tuple(draft.incidents.values()),
                next_number=draft.next_number if draft.next_number != state.next_number else None,
                inbox_taken=len(state.inbox),
                ticked_at=now,
                queues=queues,
                expired_silences=state.expired(now),
            ),
        )
        self._telemetry.alerts(
            [i for i in {**state.incidents, **draft.incidents}.values() if i.firing]
        )

    def _evaluate(
        self, draft: _Draft, state: WatchState, memory: QueueMemory | None, sample: Sample
    ) -> None:
        mine = [i for i in state.incidents.values() if i.queue == sample.queue and i.firing]
        outcome = engine.evaluate_queue(
            memory=memory,
            open_incidents={incident.family: incident for incident in mine},
            sample=sample,
            policy=self._catalog.policy(sample.queue),
            next_number=draft.next_number,
        )
        draft.next_number = outcome.next_number
        draft.incidents |= {incident.number: incident for incident in outcome.incidents}
        if memory is None or replace(outcome.memory, evaluated_at=memory.evaluated_at) != memory:
            draft.memories[sample.queue] = outcome.memory

    def _forget(
        self,
        draft: _Draft,
        memories: Mapping[QueueId, QueueMemory],
        queues: frozenset[QueueId],
        state: WatchState,
    ) -> None:
        """Drop the memory of queues that are gone and have nothing open."""
        open_on = {i.queue for i in {**state.incidents, **draft.incidents}.values() if i.firing}
        for queue in memories:
            if queue not in queues and queue not in open_on:
                draft.memories[queue] = None

    async def _name_errors(self, draft: _Draft, now: Ms) -> None:
        """Put the top error groups into failure spikes that are firing; the newest first."""
        spikes = [
            incident
            for incident in draft.incidents.values()
            if incident.family == failure_spike.RULE.family and incident.firing
        ]
        spikes.sort(key=lambda incident: (bool(incident.facts.groups), -incident.number))
        chosen = spikes[:NAMED_A_TICK]
        with suppress(TimeoutError):
            async with asyncio.timeout(NAMING_LIMIT):
                named = await asyncio.gather(*(self._named(incident, now) for incident in chosen))
                draft.incidents |= {incident.number: incident for incident in named}

    async def _named(self, incident: Incident, now: Ms) -> Incident:
        since = now - self._spike_window(incident.queue)
        try:
            report = await self._reader.failures(incident.queue, FailureFilter(since=since))
        except RedisUnavailableError:
            return incident
        redact = self._catalog.policy(incident.queue).redact
        # Stored, so masked first: the state must not hold what a message may not show.
        groups = tuple(
            replace(
                group,
                code=shown_code(group.code, redact),
                example_reason=mask_reason(group.example_reason, redact),
            )
            for group in report.groups[:TOP_GROUPS]
        )
        return replace(incident, facts=replace(incident.facts, groups=groups))


def _folded(state: WatchState, incidents: Mapping[int, Incident], now: Ms) -> dict[int, Incident]:
    marks = [mark for mark in state.inbox if mark is not None]
    return triage.fold(incidents, marks, tuple(state.silences.values()), now)

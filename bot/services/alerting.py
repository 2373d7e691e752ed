"""What people do to alerts: acknowledge, silence, end a silence, list. Any replica may serve it."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_hex

from bot.domain import triage
from bot.domain.access import Actor
from bot.domain.audit import Outcome
from bot.domain.engine import pending
from bot.domain.incidents import Incident, Mark, MarkKind, Silence
from bot.domain.policy import Catalog
from bot.domain.state import WatchState
from bot.domain.times import SECOND, Ms, say_duration
from bot.errors import StaleError, UsageError
from bot.ports import QueueReader, WatchStore
from bot.services.journal import Journal

STALE_AFTER: Ms = 30 * SECOND
WORTH_SAYING: Ms = 30 * SECOND
"""A busy queue is pending "processor down" for a moment between any two jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertBoard:
    """Everything `alerts` shows. `pending` holds (queue's address, rule, since).

    `stale` says that no replica has looked at the queues lately.
    """

    now: Ms
    incidents: tuple[Incident, ...]
    silences: tuple[Silence, ...]
    pending: tuple[tuple[str, str, Ms], ...]
    stale: bool


class Alerting:
    """Marks and silences. Callers have checked the role."""

    def __init__(
        self, *, store: WatchStore, reader: QueueReader, journal: Journal, catalog: Catalog
    ) -> None:
        self._store = store
        self._reader = reader
        self._journal = journal
        self._catalog = catalog

    async def board(self) -> AlertBoard:
        """Open incidents with what people did since the leader's last pass, silences, pending."""
        state = await self._store.load()
        now = await self._reader.now()
        incidents = [i for i in self._folded(state, now).values() if i.firing]
        waiting = [
            (self._catalog.address(queue), rule, since)
            for queue, memory in state.memories.items()
            for rule, since in pending(memory, self._catalog.policy(queue))
            if now - since >= WORTH_SAYING
        ]
        return AlertBoard(
            now=now,
            incidents=tuple(sorted(incidents, key=lambda i: (-i.severity.rank, i.fired_at))),
            silences=tuple(
                sorted((s for s in state.silences.values() if s.until > now), key=lambda s: s.until)
            ),
            pending=tuple(sorted(waiting, key=lambda row: row[2])),
            stale=self._is_stale(state, now),
        )

    async def firing(self, number: int) -> Incident:
        """An open incident.

        Raises:
            StaleError: it is not open.
        """
        folded = self._folded(await self._store.load_open(), await self._reader.now())
        incident = folded.get(number)
        if incident is None or not incident.firing:
            raise self.not_firing(number)
        return incident

    @staticmethod
    def not_firing(number: int) -> StaleError:
        """What is told about an incident that is not open, or that the person may not see."""
        return StaleError(f"Alert #{number} is not firing any more: nothing to acknowledge.")

    async def acknowledge(self, actor: Actor, number: int) -> Incident:
        """Take an incident on.

        Raises:
            StaleError: it is not open, or somebody has it already.
        """
        state = await self._store.load_open()
        now = await self._reader.now()
        incident = self._folded(state, now).get(number)
        if incident is None or not incident.firing:
            raise self.not_firing(number)
        taken = incident.acknowledged
        if taken is not None:
            raise StaleError(
                f"Alert #{number} was already acknowledged by {{people}} at {{at}}.",
                people=(taken.by,),
                at=taken.at,
            )
        await self._store.mark(
            Mark(kind=MarkKind.ACKNOWLEDGE, by=actor.user, at=now, number=number)
        )
        await self._journal.record(
            actor, "ack", f"acknowledge #{number}", Outcome.DONE, queue=incident.queue
        )
        return incident

    async def silence(
        self, actor: Actor, *, queue: str | None, rule: str | None, length: Ms, reason: str
    ) -> Silence:
        """No alerts of this queue (an address; None: all queues) and rule for `length` ms."""
        if length <= 0:
            raise UsageError("A silence needs a length. Try 30m, 2h or 1d.")
        now = await self._reader.now()
        known = (await self._store.load_open()).silences.values()
        same = next(
            (s for s in known if (s.queue, s.rule) == (queue, rule) and s.until > now), None
        )
        silence = Silence(
            # Pressed again, or by another person: the one there is gets a new end.
            id=same.id if same else token_hex(3),
            queue=queue,
            rule=rule,
            until=now + length,
            by=actor.user,
            at=now,
            reason=reason,
        )
        await self._store.add_silence(silence)
        what = f"silence {queue or 'all'}{f' {rule}' if rule else ''}"
        await self._journal.record(
            actor,
            "silence",
            what,
            Outcome.DONE,
            queue=queue,
            detail=f"for {say_duration(length)}, id {silence.id}",
            reason=reason,
        )
        return silence

    async def silence_of(self, silence_id: str) -> Silence | None:
        """A silence, None when there is none of that id."""
        return (await self._store.load_open()).silences.get(silence_id)

    @staticmethod
    def no_silence(silence_id: str) -> StaleError:
        """What is told about a silence that is not there, or that the person may not see."""
        return StaleError(f"There is no silence {silence_id} (any more). See `/queue alerts`.")

    async def unsilence(self, actor: Actor, silence_id: str) -> Silence:
        """End a silence now.

        Raises:
            StaleError: there is none of that id.
        """
        silence = await self._store.end_silence(silence_id)
        if silence is None:
            raise self.no_silence(silence_id)
        what = f"end silence {silence_id} ({silence.queue or 'all'})"
        await self._journal.record(actor, "unsilence", what, Outcome.DONE, queue=silence.queue)
        return silence

    def _is_stale(self, state: WatchState, now: Ms) -> bool:
        ticked = state.ticked_at
        return ticked is None or now - ticked > max(3 * self._catalog.poll_interval, STALE_AFTER)

    @staticmethod
    def _folded(state: WatchState, now: Ms) -> dict[int, Incident]:
        marks = [mark for mark in state.inbox if mark is not None]
        changed = triage.fold(state.incidents, marks, tuple(state.silences.values()), now)
        return {**state.incidents, **changed}

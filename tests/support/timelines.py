"""A queue's story in a few words: what is seen when, and what must be true then.

    Timeline().at("0s", waiting=12).expect("pending backlog")
              .every("15s", until="5m", waiting=12).expect("firing backlog warning")

A timeline evaluates as the watch does (evaluate, then fold), for one queue. Unless told otherwise a
worker is busy with a young job, so that nothing but what the story is about is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Self

from pydantic import TypeAdapter

from bot.domain import engine, triage
from bot.domain.incidents import Happening, Incident, Mark, MarkKind, Silence
from bot.domain.memory import QueueMemory
from bot.domain.policy import QueuePolicy, RuleSettings
from bot.domain.queues import QueueId
from bot.domain.rules import rule
from bot.domain.sample import ActiveJob, Counts, EventsRead, Sample
from bot.domain.times import Ms, parse_duration

START: Final[Ms] = 1_700_000_000_000
"""When every timeline begins."""

QUEUE: Final = QueueId("main", "bull", "order-provisioning")

_PART = re.compile(r"\d+[smhd]")
_MEMORY: Final = TypeAdapter(QueueMemory)
_INCIDENTS: Final = TypeAdapter(dict[int, Incident])


def length(text: str) -> Ms:
    """A length of time such as `4m59s`, in ms."""
    return sum(parse_duration(part) for part in _PART.findall(text))


def moment(text: str) -> Ms:
    """The instant so long after the beginning; `-5m` is before it."""
    return START - length(text[1:]) if text.startswith("-") else START + length(text)


def job(name: str, *, since: str, locked: bool = True) -> ActiveJob:
    """An active job that started at this moment; not `locked` means that its worker died."""
    return ActiveJob(id=name, name="provision", started_at=moment(since), attempt=1, locked=locked)


def tuned(name: str, **changes: object) -> RuleSettings:
    """A rule's default settings with some changed."""
    return replace(rule(name).defaults, **changes)  # type: ignore[arg-type]  # named by the test


class Timeline:
    """One queue, from `START` on. `rules` override the defaults by rule name.

    With `restarts` memory and incidents go through JSON before each evaluation, as if the bot had
    been restarted every time.
    """

    def __init__(self, *, restarts: bool = False, **rules: RuleSettings) -> None:
        self.policy = QueuePolicy(rules=rules)
        self.restarts = restarts
        self.now: Ms = START
        self.memory: QueueMemory | None = None
        self.incidents: dict[int, Incident] = {}
        self.silences: dict[str, Silence] = {}
        self.next_number = 1
        self.changed: tuple[Incident, ...] = ()
        self.sample: Sample | None = None
        self._reads = 0

    def at(
        self,
        clock: str,
        *,
        waiting: int = 0,
        paused_list: int = 0,
        prioritized: int = 0,
        overdue: int = 0,
        active: Sequence[ActiveJob] | None = None,
        more_active: int = 0,
        finished: bool = False,
        started: bool = False,
        failures: int = 0,
        failed_set: int = 0,
        gap: bool = False,
        paused: bool = False,
        concurrency: int | None = None,
        rate_limited: str = "0s",
        workers: int | None = None,
    ) -> Self:
        """Look at the queue at this moment, and evaluate.

        `failures` are new in the events stream; `failed_set` lie in the failed set's window;
        `more_active` jobs are active beyond those that the sample holds.
        """
        now = moment(clock)
        self._reads += 1
        running = [job("young", since=clock)] if active is None else list(active)
        events = EventsRead(
            cursor=f"{now}-{self._reads}",
            starts=int(started),
            failures=((now - now % 10_000, failures),) if failures else (),
            last_start=now if started else None,
            last_finish=now if finished else None,
            gap=gap,
        )
        counts = Counts(
            waiting=waiting,
            paused_list=paused_list,
            prioritized=prioritized,
            overdue=overdue,
            delayed=overdue,
            active=len(running) + more_active,
            failed=failed_set,
        )
        return self.see(
            Sample(
                queue=QUEUE,
                taken_at=now,
                counts=counts,
                paused=paused,
                failed_in_window=failed_set,
                events=events,
                active_jobs=tuple(running),
                workers=workers,
                concurrency=concurrency,
                rate_limited_for=length(rate_limited),
            )
        )

    def see(self, sample: Sample) -> Self:
        """Evaluate one sample and fold what people did."""
        if self.restarts:
            self.restart()
        self.now, self.sample = sample.taken_at, sample
        open_ones = {i.family: i for i in self.incidents.values() if i.firing}
        outcome = engine.evaluate_queue(
            memory=self.memory,
            open_incidents=open_ones,
            sample=sample,
            policy=self.policy,
            next_number=self.next_number,
        )
        self.memory, self.next_number = outcome.memory, outcome.next_number
        self.changed = outcome.incidents
        self.incidents |= {incident.number: incident for incident in outcome.incidents}
        return self.fold()

    def every(self, step: str, *, until: str, waiting: int = 0, idle: bool = False) -> Self:
        """Look again and again, up to and including `until`, and see the same backlog each time.

        When `idle`, no job is active.
        """
        end, stride = moment(until), length(step)
        for now in range(self.now + stride, end + 1, stride):
            active = () if idle else None
            self.at(f"{(now - START) // 1000}s", waiting=waiting, active=active)
        return self

    def restart(self) -> Self:
        """All that is stored is written and read back."""
        if self.memory is not None:
            self.memory = _MEMORY.validate_json(_MEMORY.dump_json(self.memory))
        self.incidents = _INCIDENTS.validate_json(_INCIDENTS.dump_json(self.incidents))
        return self

    def fold(self, *marks: Mark) -> Self:
        """Fold these marks and the silences in."""
        silences = tuple(self.silences.values())
        self.incidents |= triage.fold(self.incidents, marks, silences, self.now)
        return self

    def ack(self, by: str) -> Self:
        """Acknowledge the newest incident."""
        number = self.incident.number
        return self.fold(Mark(kind=MarkKind.ACKNOWLEDGE, by=by, at=self.now, number=number))

    def note(self, by: str, text: str) -> Self:
        """Say something about the queue."""
        return self.fold(Mark(kind=MarkKind.NOTE, by=by, at=self.now, queue=QUEUE, text=text))

    def silence(self, name: str, *, until: str, rule: str | None = None) -> Self:
        """Silence this queue from now on."""
        self.silences[name] = Silence(
            id=name, queue=QUEUE.name, rule=rule, until=moment(until), by="carol", at=self.now
        )
        return self.fold()

    def unsilence(self, name: str) -> Self:
        """End a silence now."""
        del self.silences[name]
        return self.fold()

    @property
    def incident(self) -> Incident:
        """The newest incident."""
        return self.incidents[max(self.incidents)]

    @property
    def story(self) -> list[str]:
        """The newest incident's timeline, in words."""
        return [entry.what.value for entry in self.incident.timeline]

    @property
    def state(self) -> set[str]:
        """What is pending, what fires, and what was resolved at this very moment."""
        said: set[str] = set()
        if self.memory is not None:
            waiting = engine.pending(self.memory, self.policy)
            said |= {f"pending {name}" for name, _ in waiting}
        for incident in self.incidents.values():
            if incident.firing:
                said.add(f"firing {incident.rule} {incident.severity.value}" + _taken(incident))
            elif incident.resolved_at == self.now:
                said.add(f"resolved {incident.family}")
        return said

    def expect(self, *states: str) -> Self:
        """Exactly this is true now: `pending RULE`, `firing RULE SEVERITY`, `resolved FAMILY`.

        A firing one ends in ` acknowledged` or ` silenced` (or both) when it is.
        """
        assert self.state == set(states), f"at {(self.now - START) / 1000:g}s: {self.state}"
        for incident in self.incidents.values():
            assert incident.timeline[0].what is Happening.FIRED, incident.timeline
        return self


def _taken(incident: Incident) -> str:
    taken = " acknowledged" if incident.acknowledged else ""
    return taken + (" silenced" if incident.silenced_by else "")

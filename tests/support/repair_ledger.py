"""What must be true of a queue's jobs whatever repairs do to it, crash or be stopped.

The ledger knows each job that was ever added, and what it last looked like while it was in the
queue; `moved` tells what an operation did to them, `check` where each of them is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bot.domain.jobs import ArchivedJob
from bot.domain.operations import Operation
from bot.domain.plans import Plan, PlanKind, PlanStatus
from bot.domain.queues import QueueId

LISTS: Final = ("wait", "paused", "active")
SETS: Final = ("prioritized", "delayed", "waiting-children", "completed", "failed")
_QUEUES_OWN: Final = frozenset(
    {*LISTS, *SETS, "meta", "id", "events", "marker", "pc", "stalled", "stalled-check", "repeat"}
)
_JOBS_OWN: Final = frozenset({"logs", "dependencies", "processed", "failed", "unsuccessful"})
_FIXED: Final = (b"name", b"data", b"opts", b"timestamp", b"priority", b"parentKey", b"deid")
_WAITING: Final = frozenset({"wait", "prioritized"})
_FROM: Final[dict[PlanKind, frozenset[str | None]]] = {
    PlanKind.RETRY: frozenset({"failed"}),
    PlanKind.PROMOTE: frozenset({"delayed"}),
    PlanKind.UNSTICK: frozenset({"active"}),
    PlanKind.DRAIN: frozenset({"wait", "prioritized", "delayed"}),
    PlanKind.UNDO: frozenset({None}),
}
_RUNS: Final = (PlanKind.RETRY, PlanKind.PROMOTE, PlanKind.UNSTICK)
"""What changes the hashes of the jobs that it moves; the others bring them back as they were."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A job in the queue: its state, hash, log lines, its score if any, and whether it holds its
    deduplication key."""

    state: str
    fields: Mapping[bytes, bytes]
    logs: tuple[bytes, ...]
    score: float | None
    holds_key: bool


@dataclass(slots=True)
class Op:
    """An operation, and the jobs that it has moved.

    `before` is how many those were when it was begun (again); `torn`: it ended as Redis was away;
    `overlapped`: two runners had it at once.
    """

    plan: Plan
    moved: set[str] = field(default_factory=set)
    before: int = 0
    ended: bool = False
    torn: bool = False
    overlapped: bool = False

    @property
    def may_leave_open(self) -> bool:
        """Whether it may have an unsettled batch now: an undo finishes what is left after the end.

        Of two runners one may have died, or been overtaken, while the other ended it.
        """
        return not self.ended or self.torn or self.overlapped


@dataclass(frozen=True, slots=True)
class Shelf:
    """An archive: its batches, and which of them are unsettled."""

    id: str
    batches: Mapping[int, tuple[ArchivedJob, ...]]
    open: frozenset[int]
    counted: int


class Ledger:
    """The jobs of one queue. `raw` is a client that gives bytes."""

    def __init__(self, raw: Any, queue: QueueId) -> None:
        self._raw, self._queue = raw, queue
        self._fixed: dict[str, Mapping[bytes, bytes | None]] = {}
        self.last: dict[str, Seen] = {}
        self.here: dict[str, str] = {}
        self.gone: set[str] = set()
        self.ops: dict[str, Op] = {}

    def mark(self) -> None:
        """Look at the queue, and take it as it is: what changed was a producer's or a worker's."""
        self._look()

    def moved(self, op: Op) -> None:
        """Look at the queue: what changed since is this operation's doing, and nobody else's."""
        before, last = dict(self.here), dict(self.last)
        self._look()
        changed = {id_ for id_ in self.last if before.get(id_) != self.here.get(id_)}
        plan = op.plan
        again = changed & op.moved
        assert not again, f"{plan.kind} moved {again} twice"
        op.moved |= changed
        taken = plan.kind in (PlanKind.CLEAN, PlanKind.DRAIN)
        came_from = _FROM.get(plan.kind, frozenset({plan.state}))
        assert {before.get(id_) for id_ in changed} <= came_from, (plan, changed, before)
        where = {self.here.get(id_) for id_ in changed}
        if plan.kind is not PlanKind.UNDO:
            assert where <= ({None} if taken else _WAITING), (plan, changed, self.here)
            assert plan.kind is PlanKind.UNSTICK or len(op.moved) <= plan.count, (plan, op.moved)
        named = {id_ for id_, _ in plan.ids}
        assert not named or plan.kind is PlanKind.UNSTICK or op.moved <= named, (plan, op.moved)
        for id_ in self.here:
            if id_ not in changed or plan.kind not in _RUNS:
                now, was = self.last[id_], last[id_]
                if id_ in changed and was.state in LISTS:
                    was = replace(was, state="wait")  # there is no worker that has it
                assert now == was, f"{plan.kind} changed {id_}: {was} to {now}"
        if plan.kind is PlanKind.CLEAN and not plan.archive:
            self.gone |= changed

    def check(self, shelves: Iterable[Shelf]) -> None:
        """Each job is in one state or in one archive; those in an archive are as they were."""
        kept: dict[str, list[tuple[Shelf, bool, ArchivedJob]]] = {}
        for shelf in shelves:
            assert shelf.counted == sum(map(len, shelf.batches.values()))
            for number, jobs in shelf.batches.items():
                for job in jobs:
                    kept.setdefault(job.id, []).append((shelf, number in shelf.open, job))
        for id_ in self.last:
            found = kept.get(id_, [])
            if id_ in self.here:
                self._check_copies(id_, found)
            elif id_ in self.gone:
                assert not found, f"{id_} was completed and removed, and is archived"
            else:
                self._check_archived(id_, found)
        assert kept.keys() <= self.last.keys()

    def _check_copies(self, id_: str, found: list[tuple[Shelf, bool, ArchivedJob]]) -> None:
        """A job that is in the queue is archived only while that is unsettled, or being undone."""
        for shelf, unsettled, _ in found:
            taker = self.ops[shelf.id]
            fits = self._is_back(id_, shelf) or (unsettled and taker.may_leave_open)
            assert fits, f"{id_} is {self.here[id_]} and in the archive of {taker}"

    def _is_back(self, id_: str, shelf: Shelf) -> bool:
        """Whether it has come back from there, and an undo is to take it off the shelf still."""
        return any(
            op.plan.archive == shelf.id and id_ in op.moved and op.may_leave_open
            for op in self.ops.values()
            if op.plan.kind is PlanKind.UNDO
        )

    def _check_archived(self, id_: str, found: list[tuple[Shelf, bool, ArchivedJob]]) -> None:
        found = [one for one in found if not self._is_back(id_, one[0])]
        assert found, f"{id_} is lost: it was {self.last[id_].state}"
        settled = [shelf.id for shelf, unsettled, _ in found if not unsettled]
        assert len(settled) <= 1, f"{id_} is archived twice"
        for shelf, unsettled, job in found:
            taker = self.ops[shelf.id]
            assert not unsettled or taker.may_leave_open, f"{id_}: unsettled by {taker}"
            if unsettled and len(found) > 1:
                continue  # an older copy, of a process that died before it could remove it
            seen = self.last[id_]
            assert (job.state, dict(job.fields), job.logs) == (seen.state, seen.fields, seen.logs)
            assert seen.score is None or float(job.score) == seen.score
            assert (job.deduplication is not None) == seen.holds_key

    def ended(self, op: Op, operation: Operation, stored: Plan, done: set[str] | None) -> None:
        """The totals of an operation that is over are right; `done` is its done set, if kept."""
        plan, numbers = op.plan, (operation.tally.done, stored.done)
        op.torn = op.torn or "Redis" in operation.stopped
        assert numbers == (len(op.moved),) * 2, (stored, operation, op.moved)
        assert done is None or done == op.moved
        left = {id_ for id_, _ in plan.ids} & self.here.keys() - op.moved
        if operation.stopped or stored.status is PlanStatus.TRIED:
            return
        if plan.kind is PlanKind.RETRY:
            scores = dict(plan.ids)
            same = {id_ for id_ in left if self._failed_at(id_) == scores[id_]}
            assert not same, f"{same} were left out of {plan}"
        elif plan.kind is PlanKind.PROMOTE:
            assert not {id_ for id_ in left if self.here[id_] == "delayed"}

    def _failed_at(self, id_: str) -> int | None:
        seen = self.last[id_]
        return int(seen.score or 0) if seen.state == "failed" else None

    def _look(self) -> None:
        key = self._queue.key
        with self._raw.pipeline() as pipe:
            for name in LISTS:
                pipe.lrange(key(name), 0, -1)
            for name in SETS:
                pipe.zrange(key(name), 0, -1, withscores=True)
            pipe.keys(f"{key('')}*")
            *members, keys = pipe.execute()
        self.here, scores = {}, dict[str, float]()
        for name, ids in zip((*LISTS, *SETS), members, strict=True):
            for one in ids:
                id_ = (one[0] if name in SETS else one).decode()
                assert id_ not in self.here, f"{id_} is {self.here[id_]} and {name}"
                self.here[id_] = name
                if name in SETS:
                    scores[id_] = one[1]
        self._check_keys([one.decode()[len(key("")) :] for one in keys])
        self._read(scores)

    def _read(self, scores: Mapping[str, float]) -> None:
        key, ids = self._queue.key, list(self.here)
        with self._raw.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.hgetall(key(id_))
                pipe.lrange(key(f"{id_}:logs"), 0, -1)
            rows = pipe.execute()
            hashes = dict(zip(ids, rows[::2], strict=True))
            for id_ in ids:
                pipe.get(key("de:" + hashes[id_].get(b"deid", b"").decode()))
            holders = pipe.execute()
        for id_, logs, holder in zip(ids, rows[1::2], holders, strict=True):
            fields = hashes[id_]
            fixed = {name: fields.get(name) for name in _FIXED}
            assert self._fixed.setdefault(id_, fixed) == fixed, f"{id_} is another job now"
            holds = holder == id_.encode()
            seen = Seen(self.here[id_], fields, tuple(logs), scores.get(id_), holds)
            self.last[id_] = seen

    def _check_keys(self, suffixes: list[str]) -> None:
        """No hash without a state, no state without a hash, and nothing left of what is gone."""
        hashes = set()
        for suffix in suffixes:
            first, _, rest = suffix.partition(":")
            if suffix in _QUEUES_OWN:
                continue
            if first in ("bullhorn", "de"):
                assert self._raw.pttl(self._queue.key(suffix)) > 0, f"{suffix} stays for ever"
                holder = self._raw.get(self._queue.key(suffix)) if first == "de" else None
                assert holder is None or holder.decode() in self.here, f"{suffix} of {holder}"
                continue
            assert first in self.here, f"{suffix} is in no state"
            if rest == "lock":
                assert self.here[first] == "active"
            elif rest:
                assert rest in _JOBS_OWN, suffix
            else:
                hashes.add(first)
        missing = self.here.keys() - hashes
        assert not missing, f"{missing} have no hash"

"""What must be true of a queue's jobs whatever repairs do to it, crash or be stopped.

The ledger knows each job that was ever added, and what it last looked like while it was in the
queue; `moved` tells what an operation did to them, `check` where each of them is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from bot.domain.jobs import ArchivedJob
from bot.domain.operations import Operation
from bot.domain.plans import Plan, PlanKind, PlanStatus
from bot.domain.queues import QueueId
from tests.support.repair_look import LISTS, ORPHAN, Seen, look
from tests.support.repair_ops import FROM, RUNS, WAITING, Op, Shelf

_FIXED: Final = (b"name", b"data", b"opts", b"timestamp", b"priority", b"parentKey", b"deid")
_TAKES: Final = (PlanKind.CLEAN, PlanKind.DRAIN, PlanKind.SWEEP, PlanKind.SALESFORCE)


class Ledger:
    """The jobs of one queue. `raw` is a client that gives bytes.

    `coming` are the jobs of orders, each with its order: one may be added while an operation runs.
    """

    def __init__(self, raw: Any, queue: QueueId) -> None:
        self._raw, self._queue = raw, queue
        self._fixed: dict[str, Mapping[bytes, bytes | None]] = {}
        self.last: dict[str, Seen] = {}
        self.here: dict[str, str] = {}
        self.gone: set[str] = set()
        self.ops: dict[str, Op] = {}
        self.coming: dict[str, str] = {}
        self._loose: set[str] = set()

    def mark(self) -> None:
        """Look at the queue, and take it as it is: what changed was a producer's or a worker's."""
        self._look()

    def cut_loose(self, ids: Collection[str]) -> None:
        """Somebody has taken these out of their set, and left their hashes."""
        self._loose.update(ids)
        self.mark()

    @property
    def orphans(self) -> set[str]:
        """The jobs that are in no set and no list."""
        return {id_ for id_, state in self.here.items() if state == ORPHAN}

    def is_busy(self, order: str) -> bool:
        """Whether one of the order's jobs waits or runs, as of the last look."""
        states = {self.here.get(id_) for id_, its in self.coming.items() if its == order}
        return not states <= {None, "failed", "completed", ORPHAN}

    def moved(self, op: Op) -> set[str]:
        """Look at the queue: what changed since is this operation's doing, and nobody else's."""
        before, last = dict(self.here), dict(self.last)
        self._look()
        new = self.coming.keys() - last.keys()
        changed = {id_ for id_ in self.last.keys() - new if before.get(id_) != self.here.get(id_)}
        plan = op.plan
        freed = self._freed(plan, changed, before)
        again = (changed - freed) & op.moved
        assert not again, f"{plan.kind} moved {again} twice"
        came_from = FROM.get(plan.kind, frozenset({plan.state}))
        assert {before.get(id_) for id_ in changed} <= came_from, (plan, changed, before)
        uncounted = {id_ for id_ in changed if before.get(id_) == ORPHAN}
        op.moved |= changed - freed - (uncounted if plan.kind is PlanKind.OBLITERATE else set())
        self._check_reach(op, changed - freed)
        for id_ in self.here.keys() - new - freed:
            if id_ not in changed or plan.kind not in RUNS:
                now, was = self.last[id_], last[id_]
                if id_ in changed and was.state in LISTS:
                    was = replace(was, state="wait")  # there is no worker that has it
                assert now == was, f"{plan.kind} changed {id_}: {was} to {now}"
        if op.is_for_good:
            self.gone |= changed - freed
        return changed

    def _freed(self, plan: Plan, changed: set[str], before: Mapping[str, str]) -> set[str]:
        """Parents that wait no longer, as the children they waited for were obliterated."""
        if plan.kind is not PlanKind.OBLITERATE:
            return set()
        waited = {id_ for id_ in changed if before.get(id_) == "waiting-children"}
        return {id_ for id_ in waited if self.here.get(id_) in ("wait", "paused")}

    def _check_reach(self, op: Op, changed: set[str]) -> None:
        """It went where it should, and no further than its card showed."""
        plan = op.plan
        where = {self.here.get(id_) for id_ in changed}
        if plan.kind is PlanKind.OBLITERATE:
            assert where <= {None}, (plan, changed, self.here)
            return  # and whatever comes while it runs
        if plan.kind is not PlanKind.UNDO:
            assert where <= ({None} if plan.kind in _TAKES else WAITING), (plan, changed, self.here)
            most = plan.canary or plan.count
            assert plan.kind is PlanKind.UNSTICK or len(op.moved) <= most, (plan, op.moved)
        if plan.kind is PlanKind.DRAIN:
            added = {id_: int(self.last[id_].fields[b"timestamp"]) for id_ in changed}
            assert all(at <= plan.asked_at for at in added.values()), (plan, added)
        named = {id_ for id_, _ in plan.ids}
        assert not named or plan.kind is PlanKind.UNSTICK or op.moved <= named, (plan, op.moved)

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
            if id_ in self.here or id_ in self.gone:
                self._check_copies(id_, found)
            else:
                self._check_archived(id_, found)
        assert kept.keys() <= self.last.keys()

    def _check_copies(self, id_: str, found: list[tuple[Shelf, bool, ArchivedJob]]) -> None:
        """A job that is in the queue is archived only while that is unsettled, or being undone.

        So is one that was removed for good.
        """
        for shelf, unsettled, _ in found:
            taker = self.ops[shelf.id]
            fits = self._is_back(id_, shelf) or (unsettled and taker.may_leave_open)
            assert fits, f"{id_} is {self.here.get(id_)} and in the archive of {taker}"

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
        assert numbers[0] == numbers[1], (stored, operation)
        op.torn = op.torn or "Redis" in operation.stopped
        if plan.kind is PlanKind.OBLITERATE:
            self._check_obliterated(op, operation)
            return
        if plan.kind is PlanKind.SALESFORCE:
            assert done is None or numbers[0] == len(done), (stored, operation, done)
            assert op.moved <= (done or set()), f"{op.moved} were replaced, but not of {done}"
            return
        assert numbers[0] == len(op.moved), (stored, operation, op.moved)
        assert done is None or done == op.moved
        if not (operation.stopped or stored.status is PlanStatus.TRIED):
            self._check_none_left(plan, {id_ for id_, _ in plan.ids} & self.here.keys() - op.moved)

    def _check_none_left(self, plan: Plan, left: set[str]) -> None:
        """It did all that its card showed, but for what has changed since."""
        if plan.kind is PlanKind.RETRY:
            scores = dict(plan.ids)
            same = {id_ for id_ in left if self._failed_at(id_) == scores[id_]}
            assert not same, f"{same} were left out of {plan}"
        elif plan.kind is PlanKind.PROMOTE:
            assert not {id_ for id_ in left if self.here[id_] == "delayed"}
        elif plan.kind is PlanKind.SWEEP:
            assert not left & self.orphans

    def _check_obliterated(self, op: Op, operation: Operation) -> None:
        """Nothing is left but what came since; its total is off by no more than what came or went.

        It has no done set: what others put in or take out meanwhile, it cannot tell from its own.
        """
        here, done = self.here.keys() - self.orphans, operation.tally.done
        came, went = (op.moved | here) - op.there, op.there - op.moved - here
        off = abs(op.plan.count - len(op.there)) + len(came) + len(went)
        assert done <= op.plan.count + off, (op, operation)
        assert op.overlapped or abs(done - len(op.moved)) <= off, (op, operation)
        assert operation.stopped or not op.there & here, f"{op.there & here} were left"

    def _failed_at(self, id_: str) -> int | None:
        seen = self.last[id_]
        return int(seen.score or 0) if seen.state == "failed" else None

    def _look(self) -> None:
        now = look(self._raw, self._queue, self._loose)
        for id_, seen in now.items():
            fixed = {name: seen.fields.get(name) for name in _FIXED}
            assert self._fixed.setdefault(id_, fixed) == fixed, f"{id_} is another job now"
        self.here = {id_: seen.state for id_, seen in now.items()}
        self.last.update(now)
        back = self.gone & self.here.keys()
        assert not back, f"{back} were removed for good, and are back"

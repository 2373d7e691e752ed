"""Looks through a queue's jobs, in any state, for those that are about some values.

Redis has no index of what is in the jobs' data, so the jobs themselves are looked at, in steps that
hold the server for a few milliseconds. A quick look takes the newest ones, and the sets take turns:
a long one does not hide the others. A thorough one, where what is not found counts as not there,
goes through one set after the other to its end, what has not finished first.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_failures import Asking
from bot.adapters.bullmq_sample import whole
from bot.adapters.bullmq_scripts import Call
from bot.domain.queues import QueueId
from bot.domain.subjects import JobAbout, JobsAbout
from bot.domain.times import Ms

STEP: Final = 400
"""Jobs in one step; fewer where their data is long."""

MOST: Final = 50_000
"""Jobs looked at in one quick look."""

MOST_THOROUGH: Final = 1_000_000
"""Jobs looked at in a thorough one: about ten seconds, at 10 µs a job."""

NAMED: Final = 10_000
"""Jobs that could not be read are named up to about so many, and all are counted."""

STATES: Final = (
    "delayed", "waiting-children", "prioritized", "paused", "wait", "active", "failed", "completed",
)  # fmt: skip
"""BullMQ's sets, in the order that a job goes through them: one that moves on is not missed."""

_BACK: Final = ("delayed", "waiting-children")
"""Where an active job may go back to: looked at once more after those."""

_FINISHED: Final = ("failed", "completed")
_THOROUGHLY: Final = (*STATES[:-2], *_BACK, *_FINISHED)
_SENT: Final = 100
"""Of more values than this all jobs' values come back and are compared here: fewer bytes."""


@dataclass(slots=True)
class _Scan:
    """How far one set was looked through."""

    state: str
    score: str = ""
    id: str = ""
    done: bool = False


async def jobs_about(
    ask: Asking,
    queue: QueueId,
    path: str,
    values: Collection[str],
    *,
    since: Ms | None = None,
    thorough: bool = False,
) -> JobsAbout:
    """The jobs whose data has one of `values` at the dotted `path`; no array is looked into.

    Of finished jobs only those that finished at or after `since`, when it is given: on the
    workers' clocks, so leave some room. `thorough` looks at all jobs, up to `MOST_THOROUGH`.

    Raises:
        RedisUnavailableError: the source does not answer.
    """
    wanted = frozenset(values)
    sent = sorted(wanted) if len(wanted) <= _SENT else []
    found: dict[str, dict[str, JobAbout]] = defaultdict(dict)
    scans = [_Scan(state) for state in (_THOROUGHLY if thorough else STATES)] if wanted else []
    most = MOST_THOROUGH if thorough else MOST
    looked, unread, unread_ids = 0, 0, set[str]()
    while looked < most and (open_ := [scan for scan in scans if not scan.done]):
        for scan in open_[:1] if thorough else open_:
            call = _call(queue, scan, since, path, sent)
            raw = json.loads(await ask(scripts.load("subjects"), call))
            for value, *row in raw["j"]:
                if value in wanted:
                    # one that has moved on is where it was seen last
                    found[value][row[0]] = _job(scan.state, row)
            more = set(raw["u"]) - unread_ids
            looked, unread = looked + raw["n"], unread + len(more)
            unread_ids |= more if len(unread_ids) < NAMED else set()
            (scan.score, scan.id), scan.done = raw["p"], raw["d"]
    return JobsAbout(
        found={value: tuple(jobs.values()) for value, jobs in found.items()},
        complete=all(scan.done for scan in scans),
        unread=unread,
        unread_ids=frozenset(unread_ids),
    )


def _call(queue: QueueId, scan: _Scan, since: Ms | None, path: str, values: Sequence[str]) -> Call:
    lowest = since if since is not None and scan.state in _FINISHED else ""
    args = (len(scan.state), scan.score, scan.id, lowest, STEP, path, *values)
    return Call((queue.key(scan.state),), args)


def _job(state: str, row: Sequence[Any]) -> JobAbout:
    id_, created, started, finished = row
    return JobAbout(
        id=id_,
        state=state,
        created_at=whole(created),
        started_at=whole(started),
        finished_at=whole(finished),
    )

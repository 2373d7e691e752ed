"""An operation: a confirmed plan being carried out, step by step, by whichever replica holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Final

from bot.domain.jobs import BatchOutcome
from bot.domain.message import MessageRef
from bot.domain.plans import PLAN_LIFETIME, PlanKind
from bot.domain.times import MINUTE, Ms

WATCH_LIMIT: Final[Ms] = 15 * MINUTE
"""How long jobs are watched, after the last was moved, for how they end."""

_STATUSES: Final = 4
WATCHED: Final = 20_000
"""Jobs that are watched for how they end; of more, so many of them."""


_AGAIN: Final = "failed again"
_JOBLESS: Final = "without a new job"


class Phase(StrEnum):
    """Where an operation is."""

    WAITING = "waiting"
    RUNNING = "running"
    WATCHING = "watching"
    TELLING = "telling"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many jobs: done, no longer as shown, without a hash, left out because they'd be lost.

    Of those left out, `refused` are the ones that another system was asked to change, and did not.
    """

    done: int = 0
    changed: int = 0
    vanished: int = 0
    left_out: int = 0
    refused: int = 0

    def plus(self, outcome: BatchOutcome) -> Tally:
        """With a batch's outcome added; what the operation had done before is in it already."""
        return Tally(
            done=self.done + len(outcome.done),
            changed=self.changed + outcome.changed,
            vanished=self.vanished + outcome.vanished,
            left_out=self.left_out + outcome.left_out,
            refused=self.refused + outcome.refused,
        )

    @property
    def seen(self) -> int:
        """How many jobs it has come to."""
        return self.done + self.changed + self.vanished + self.left_out

    def counts(self, of: int) -> Mapping[str, int]:
        """By name, as the audit log keeps them; `of` is how many jobs it was about."""
        return {**asdict(self), "of": of}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """How the jobs of an operation ended. `failed` counts those that failed again, by code.

    `gone` are those that left without a trace: neither their hash nor an event is there. `jobless`
    counts orders that were set in Salesforce, and of which no new job came, by their status.
    `watched` is how many were watched, `of` how many there were.
    """

    completed: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    gone: int = 0
    jobless: Mapping[str, int] = field(default_factory=dict)
    watched: int = 0
    of: int = 0

    @property
    def failed_again(self) -> int:
        """How many failed again."""
        return sum(self.failed.values())

    @property
    def without_job(self) -> int:
        """Of how many orders no new job came."""
        return sum(self.jobless.values())

    def counts(self) -> Mapping[str, int]:
        """By name, as the audit log keeps them."""
        return {
            "completed": self.completed,
            _AGAIN: self.failed_again,
            "waiting": self.waiting,
            "ended unseen": self.gone,
            _JOBLESS: self.without_job,
        }

    def jobless_said(self) -> str:
        """`2 orders have no new job: status Cancelled`; the statuses are Salesforce's own words."""
        some = list(self.jobless.items())[:_STATUSES]
        named = [status if len(self.jobless) == 1 else f"{status} ({n:,})" for status, n in some]
        more = f" and {len(self.jobless) - len(some)} more" if len(self.jobless) > len(some) else ""
        orders = "order has" if self.without_job == 1 else "orders have"
        return f"{self.without_job:,} {orders} no new job: status {', '.join(named)}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is known of it. Its `id` is its plan's, `run` is the process that has it.

    `began_at` and the rest are Redis `TIME`; `moved_at` is when the last job was changed.
    `notice` says what it waits for now ("stalled-check: 20 s"), `stopped` why it ended early.
    `posting` is set before its message is posted: an answer may have been lost. `note` is what the
    executor has to say at the end (an archive's id, a cap that was reached).
    """

    id: str
    attempt: str
    run: str = ""
    phase: Phase = Phase.WAITING
    began_at: Ms | None = None
    moved_at: Ms | None = None
    ended_at: Ms | None = None
    tally: Tally = Tally()
    message: MessageRef | None = None
    posting: bool = False
    notice: str = ""
    note: str = ""
    stopped: str = ""
    stopped_by: str | None = None
    receipt: Receipt | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will become of it; it may have to be told still."""
        return self.phase in (Phase.TELLING, Phase.ENDED)

    @property
    def offered_until(self) -> Ms | None:
        """Until when a canary's rest may begin as it was shown; None before it is offered."""
        return None if self.ended_at is None else self.ended_at + PLAN_LIFETIME

    def at(self, tally: Tally, now: Ms) -> Operation:
        """Further on."""
        return replace(self, tally=tally, moved_at=now, notice="")


def went_well(action: str, counts: Mapping[str, int]) -> bool | None:
    """Whether an operation, or its receipt, is good news by its numbers; None: not known yet.

    It is none where jobs failed again or were refused, or where less than half of what it was for
    was done: the rest was left out or not come to. A clean takes out ids without a job too.
    """
    if counts.get(_AGAIN) or counts.get(_JOBLESS) or counts.get("refused"):
        return False
    if "completed" in counts:
        return None if counts.get("waiting") or not counts["completed"] else True
    tally = Tally(**{one.name: counts.get(one.name, 0) for one in fields(Tally)})
    done = tally.done + (tally.vanished if action == PlanKind.CLEAN.verb else 0)
    return 2 * done >= max(tally.seen, counts.get("of", 0))

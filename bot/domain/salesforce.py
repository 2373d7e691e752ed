"""Orders in Salesforce: what the runbook's recommended retry reads and changes.

"Retry via Salesforce (Recommended for Provisioning)": open the Order, clear its two error fields,
set its status back to Activating; a flow then publishes a new event, and the portal adds a new job.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from bot.domain.archives import ArchiveInfo
from bot.domain.subjects import JobAbout, JobsAbout
from bot.domain.times import MINUTE, SECOND, Ms

BATCH: Final = 200
"""Records that one composite call reads or changes at most: Salesforce's limit."""

_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", re.ASCII)
_SHORT: Final = 15
_CHECK: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforcePolicy:
    """What the config says of Salesforce: names, values and limits.

    `failed` are the states from which a retry is expected; empty: any but `activating` and
    `succeeded`. `succeeded` are those of an order that is done; of any other nothing can be told by
    its state. `order_id` is the path of the order's id in the job's data. `reserve` is how many of
    the day's API requests are left to others. `timeout` is for one call; an order that has been
    activating for longer than `stuck_after` with no job is stuck. Both in ms.
    """

    object: str = "Order"
    status_field: str = "Activation_Status__c"
    error_field: str = "Activation_Error__c"
    error_time_field: str = "Activation_Error_DateTime__c"
    activating: str = "Activating"
    failed: tuple[str, ...] = ("Failed", "Error", "Activation Failed")
    succeeded: tuple[str, ...] = ("Activated",)
    api_version: str = "62.0"
    order_id: str = "sfOrderId"
    reserve: int = 500
    timeout: Ms = 10 * SECOND
    stuck_after: Ms = 10 * MINUTE

    @property
    def fields(self) -> tuple[str, str, str]:
        """The three fields that a retry reads and writes."""
        return (self.status_field, self.error_field, self.error_time_field)

    def expects(self, order: Order) -> bool:
        """Whether a retry is expected from the state that the order is in."""
        if self.fate(order) in ("waiting", "completed"):
            return False
        return not self.failed or _same(order.status) in map(_same, self.failed)

    def is_activating(self, order: Order) -> bool:
        """Whether a retry is under way, as far as Salesforce knows."""
        return _same(order.status) == _same(self.activating)

    def fate(self, order: Order) -> str:
        """What an order's state says of the job it was retried for.

        `completed`, `failed`, `waiting` while it is activating, or "" where it says neither: of an
        order that was cancelled, or that a person set to something else, no job need ever come.
        """
        status = _same(order.status)
        if self.is_activating(order):
            return "waiting"
        if status in map(_same, self.succeeded):
            return "completed"
        failed = status in map(_same, self.failed) or (not self.failed and bool(order.error))
        return "failed" if failed else ""

    def expected(self) -> str:
        """The states from which a retry is expected, in words."""
        return " or ".join(self.failed or (f"any but {self.activating}", *self.succeeded))


def _same(value: str | None) -> str:
    """A picklist's value as Salesforce compares it: in any case."""
    return (value or "").strip().casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as Salesforce holds it now. `id` has 18 characters; `modified_at` is its clock's."""

    id: str
    status: str | None
    error: str | None = None
    error_at: Ms | None = None
    modified_at: Ms | None = None
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNote:
    """An order that was about to be set for one of its jobs: its state then, at `at`.

    `others` are the jobs that it had then: none of them came of it.
    """

    job_id: str
    order_id: str
    at: Ms
    status: str | None
    modified_at: Ms | None
    others: tuple[str, ...] = ()

    def is_of(self, order: Order) -> bool:
        """Whether the order is as it was then: Salesforce tells times in whole seconds."""
        return (order.status, order.modified_at) == (self.status, self.modified_at)


class Retried(StrEnum):
    """How the retry of one order through Salesforce began."""

    SET = "set to activating"
    ALREADY = "activating already"
    HAS_JOB = "has a job already"
    UNSURE = "perhaps with a job: not all jobs could be looked at"
    UNEXPECTED = "in another state"
    CHANGED = "changed meanwhile"
    GONE = "not in Salesforce"
    REFUSED = "refused by Salesforce"
    UNCLEAR = "not answered clearly"
    NO_ID = "without an order id"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOutcome:
    """What became of one order: `status` as it was then, `reason` Salesforce's own words."""

    order_id: str
    what: Retried
    status: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderJob:
    """A failed job and the order that it is about, None where its data names none."""

    job_id: str
    order_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """The job that came of a retry through Salesforce.

    `state` is `completed`, `failed` (with its `code`), `gone` or `waiting`. `job_id` is None where
    the job was not seen (it may be removed as soon as it has finished) and the order tells; where
    its `status` tells nothing either, it is `gone`.
    """

    order_id: str
    state: str
    job_id: str | None = None
    code: str = ""
    status: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state != "waiting"

    @property
    def exists(self) -> bool:
        """Whether there is a new job, or was one that did what was wanted."""
        return self.job_id is not None or self.state == "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """What the job view says of an order: the order, None where there is none, or why `unknown`."""

    order_id: str
    order: Order | None = None
    unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckOrders:
    """Orders that are activating without a job in any state, oldest first; or why `unknown`.

    `archived` are none of these: how many have their job in which archive, most first. `more` says
    that there may be more of either, `sure` that all jobs of the queue were looked at, and of its
    archives.
    """

    orders: tuple[Order, ...] = ()
    archived: tuple[tuple[ArchiveInfo, int], ...] = ()
    more: bool = False
    sure: bool = True
    unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLimits:
    """The organisation's API requests in 24 hours: how many are left of how many."""

    remaining: int
    allowed: int


def order_key(order_id: str) -> str:
    """What the forms of one id with 15 and with 18 characters share: the first 15."""
    return order_id[:_SHORT]


def jobs_by_order(*looks: JobsAbout) -> Mapping[str, list[JobAbout]]:
    """The jobs, as the last look saw them, by the `order_key` of what they are about."""
    found: dict[str, dict[str, JobAbout]] = {}
    for look in looks:
        for form, jobs in look.found.items():
            found.setdefault(order_key(form), {}).update({job.id: job for job in jobs})
    return {key: list(jobs.values()) for key, jobs in found.items()}


def is_order_id(text: object) -> bool:
    """Whether it has the form of an id; nothing else is put into an address or a query."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def forms(order_id: str) -> tuple[str, str]:
    """Both forms of an id: data may hold either. The last three characters say what is a capital.

    Source: "Case-insensitive ids" of Salesforce's REST API: five bits each of three parts of five.
    """
    short = order_key(order_id)
    parts = (short[start : start + 5] for start in range(0, _SHORT, 5))
    bits = (sum(1 << at for at, sign in enumerate(part) if sign.isupper()) for part in parts)
    return short, short + "".join(_CHECK[one] for one in bits)


def either_form(value: str) -> tuple[str, ...]:
    """A value as it is, and, where it may be an id, that id's forms."""
    return (value, *forms(value)) if is_order_id(value) else (value,)


def whole_id(value: str) -> str:
    """The form with 18 characters of an id with 15; any other value as it is."""
    return forms(value)[1] if len(value) == _SHORT and is_order_id(value) else value


def order_id_of(data: Any, path: str) -> str | None:
    """The order's id in a job's data, None without; `path` has dots between its keys."""
    value = data
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value if is_order_id(value) else None


def unique_ids(order_ids: Iterable[str]) -> tuple[str, ...]:
    """Each order once, by its first form; what is no id is left out."""
    found: dict[str, str] = {}
    for order_id in order_ids:
        if is_order_id(order_id):
            found.setdefault(order_key(order_id), order_id)
    return tuple(found.values())

"""What `bullhorn check` says: findings, and the facts they are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.queues import QueueId
from bot.domain.salesforce import DayLimits


class Status(StrEnum):
    """How one check ended. SKIP: it could not be made, because of another that failed."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: what was checked, how it is, and, unless it is well, what to do."""

    check: str
    status: Status
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why something could not be found out. `absent`: what was asked does not answer at all."""

    why: str
    fix: str = ""
    status: Status = Status.FAIL
    absent: bool = False

    def about(self, check: str) -> Finding:
        """The line that says so."""
        return Finding(check=check, status=self.status, detail=self.why, fix=self.fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings, in an order that is always the same."""

    findings: tuple[Finding, ...]

    def count(self, status: Status) -> int:
        """How many checks ended so."""
        return sum(finding.status is status for finding in self.findings)

    @property
    def passed(self) -> bool:
        """Whether nothing failed; warnings do not count."""
        return self.count(Status.FAIL) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """A Redis that answers. None is unknown, because the server does not permit to ask.

    `latency` is the median of a few PINGs in ms; memory is in bytes, a `memory_limit` of 0 is none.
    """

    product: str | None = None
    version: str | None = None
    latency: float
    replica: bool | None = None
    eviction: str | None = None
    memory_used: int | None = None
    memory_limit: int | None = None
    client_list: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuesFound:
    """The queues of one source; not `complete` when time ran out before all keys were seen."""

    queues: frozenset[QueueId]
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the bot token belongs to; `scopes` None when Slack does not say."""

    workspace: str
    bot: str
    scopes: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFacts:
    """A channel that Bullhorn can see."""

    name: str
    private: bool
    member: bool
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceFacts:
    """A Salesforce that takes the login.

    `missing` are fields that the user does not see or that do not exist, `read_only` those that it
    may not change; `editable` is whether it may change the object at all. `values` are those of the
    status field's list, none where it is no list.
    """

    host: str
    version: str
    limits: DayLimits
    editable: bool = True
    missing: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What settings and config say, in words that hold no secret.

    `config` names the file. `app_token` is whether one is set: Socket Mode. `heartbeat` is how
    often it is called, None when it is not set. `groups` are those of the access lists. `shared`
    names the sources that are Bullhorn's own Redis too. `salesforce` is the kind of login, None
    without one.
    """

    slack_host: str
    port: int
    app_token: bool
    config: str
    heartbeat: str | None = None
    groups: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    salesforce: str | None = None


def ok(check: str, detail: str) -> Finding:
    """A check that went well."""
    return Finding(check=check, status=Status.OK, detail=detail)


def warn(check: str, detail: str, fix: str) -> Finding:
    """Something that works, and that a person should know of."""
    return Finding(check=check, status=Status.WARN, detail=detail, fix=fix)


def fail(check: str, detail: str, fix: str) -> Finding:
    """Something that does not work."""
    return Finding(check=check, status=Status.FAIL, detail=detail, fix=fix)


def skip(check: str, why: str) -> Finding:
    """A check that could not be made."""
    return Finding(check=check, status=Status.SKIP, detail=why)

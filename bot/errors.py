"""The error tree: what the person is told, and whether trying again can help.

An error is rendered once, at the edge. Its text is a sentence for the person who asked; it never
holds a secret, a key or a stack.
"""

from __future__ import annotations

from typing import Any


class BullhornError(Exception):
    """The root. Its text is a template: `{people}` and `{at}` stand for `people` and `at`.

    `people` are Slack ids, shown as mentions where a person reads it; `at` is an instant in Unix
    ms, shown in the reader's own time zone. `retryable` says whether the same request may succeed
    later without anyone changing anything. `done` is what a change had done before it failed, None
    when nothing. `offer` is a command, without "/queue", that gets them further; "" for none.
    """

    retryable = False
    done: Any = None
    offer = ""

    def __init__(self, text: str, *, people: tuple[str, ...] = (), at: int | None = None) -> None:
        super().__init__(text)
        self.template = text
        self.people = people
        self.at = at

    def __str__(self) -> str:
        text = self.template.replace("{people}", ", ".join(self.people))
        return text.replace("{at}", f"{self.at} ms" if self.at is not None else "")


class UsageError(BullhornError):
    """The words of a command are wrong; the text says what would be right."""


class UnknownQueueError(UsageError):
    """No queue of that name; the text names the nearest one."""


class HiddenQueueError(UnknownQueueError):
    """There is a queue of that name, which this person may not see: told as if there were none."""


class AccessDeniedError(BullhornError):
    """The person's role does not allow it; `people` are those who may."""


class RefusedError(BullhornError):
    """It may not be done to this queue as it stands; the text gives the reason and what to do."""


class PausedError(RefusedError):
    """It may not be done while the queue is paused: resuming it comes first."""


class NotPausedError(RefusedError):
    """What was asked for needs a paused queue; so many of its jobs are `active`.

    Of these, so many are `lost`: no worker holds them, and they never end by themselves.
    """

    def __init__(self, text: str, *, active: int = 0, lost: int = 0) -> None:
        super().__init__(text)
        self.active = active
        self.lost = lost


class ArchiveFullError(RefusedError):
    """The archive has no room for more jobs: nothing was removed that is not archived."""


class JobGoneError(BullhornError):
    """The job is not there (any more)."""


class StaleError(BullhornError):
    """What a button was drawn from has changed or expired."""


class PlanExpiredError(StaleError):
    """A plan was confirmed after its time."""


class UnavailableError(BullhornError):
    """Something outside does not answer now; trying again later can help."""

    retryable = True


class RedisUnavailableError(UnavailableError):
    """A Redis does not answer, or does not take writes."""


class SlackUnavailableError(UnavailableError):
    """Slack did not take a call.

    `unclear` says it may have taken effect all the same; `retry_after` is how many seconds Slack
    asks to wait.
    """

    def __init__(self, text: str, *, unclear: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.unclear = unclear
        self.retry_after = retry_after


class SlackRefusedError(BullhornError):
    """Slack answered no (`code` is its error name); sending the same again would not help."""

    def __init__(self, text: str, *, code: str) -> None:
        super().__init__(text)
        self.code = code


class SalesforceUnavailableError(UnavailableError):
    """Salesforce does not answer now, or its day's requests are used up.

    `unclear` says that a change may have taken effect all the same.
    """

    def __init__(self, text: str, *, unclear: bool = False) -> None:
        super().__init__(text)
        self.unclear = unclear


class SalesforceHalfDoneError(SalesforceUnavailableError):
    """Orders may be out of activating and not in it again; the text names them.

    The same request again sets them on: they are in a failed state then, from which it is expected.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text, unclear=True)


class SalesforceRefusedError(BullhornError):
    """Salesforce says no (`code` is its error code); asking the same again would not help."""

    def __init__(self, text: str, *, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class LostLeaseError(BullhornError):
    """Another replica leads now: nothing was written."""


class ConfigError(BullhornError):
    """Settings or config are wrong: one line that names the culprit. The process exits with 2."""


class HandedOverError(BullhornError):
    """This process ends: another replica goes on with the operation."""

    def __init__(self) -> None:
        super().__init__("Bullhorn is stopping; another replica goes on.")

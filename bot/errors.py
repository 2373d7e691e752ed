"""The error tree: what the person is told, and whether trying again can help.

An error is rendered once, at the edge. Its text is a sentence for the person who asked; it never
holds a secret, a key or a stack.
"""

from __future__ import annotations


class BullhornError(Exception):
    """The root. `str(error)` is what the person is told.

    `retryable` says whether the same request may succeed later without anyone changing anything.
    `done` is what the failed call had done before, where it says that it can tell; else None.
    """

    retryable = False
    done: object | None = None


class UsageError(BullhornError):
    """The words of a command are wrong; the text says what would be right."""


class UnknownQueueError(UsageError):
    """No queue of that name; the text names the nearest one."""


class AccessDeniedError(BullhornError):
    """The person's role does not allow it. `holders` are the Slack ids of who may."""

    def __init__(self, text: str, *, holders: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.holders = holders


class RefusedError(BullhornError):
    """It may not be done to this queue as it stands; the text gives the reason and what to do."""


class JobGoneError(BullhornError):
    """The job is not there (any more)."""


class StaleError(BullhornError):
    """What a button was drawn from has changed or expired."""


class UnavailableError(BullhornError):
    """Something outside does not answer now; trying again later can help."""

    retryable = True


class RedisUnavailableError(UnavailableError):
    """A Redis does not answer, or does not take writes."""


class SlackUnavailableError(UnavailableError):
    """Slack did not take a call. `unclear` says it may have taken effect all the same."""

    def __init__(self, text: str, *, unclear: bool = False) -> None:
        super().__init__(text)
        self.unclear = unclear


class SlackRefusedError(BullhornError):
    """Slack answered no (`code` is its error name); sending the same again would not help."""

    def __init__(self, text: str, *, code: str) -> None:
        super().__init__(text)
        self.code = code


class LostLeaseError(BullhornError):
    """Another replica leads now: nothing was written."""


class ConfigError(BullhornError):
    """Settings or config are wrong: one line that names the culprit. The process exits with 2."""

"""Failure codes and failed reasons as people see them: masked first, then made harmless.

Nothing else in these rooms shows either; see `bot.domain.redaction` for what is masked.
"""

from __future__ import annotations

from typing import Any

from bot.domain.policy import QueuePolicy
from bot.domain.redaction import carries, mask_reason, shown_code
from bot.render.typed import typed
from bot.render.words import error_name, quote


def named(code: str, policy: QueuePolicy, limit: int = 80, *, data: Any = None) -> str:
    """A failure code in a text: UPPER_SNAKE as it is, a message masked and in quotes."""
    return error_name(shown_code(code, policy.redact, data), limit)


def label(code: str, policy: QueuePolicy, limit: int = 40) -> str:
    """A failure code on a button, which shows no formats."""
    return shown_code(code, policy.redact)[:limit]


def quoted(reason: str, policy: QueuePolicy, limit: int, *, data: Any = None) -> str:
    """A failed reason in quotes; `data` is its job's, where it is at hand."""
    return quote(mask_reason(reason, policy.redact, data), limit)


def about(
    command: str,
    queue: str,
    code: str | None,
    policy: QueuePolicy,
    *,
    flags: tuple[str, ...] = (),
    **options: str | None,
) -> str | None:
    """The command about the failures with this code (None: with any).

    None, so that there is no button, when the command would carry what is masked.
    """
    if code is not None and not carries(code, policy.redact):
        return None
    return typed(command, queue, flags=flags, error=code, **options)

"""Every action id that a message of ours can carry.

Slack wants action ids unique in a block, and we want them unique in a message, and the same for the
same button after an edit: `kit.finish` adds to a family's id what its command means, as in
`command:ack` or `command:retry-WHMCS_ERROR`, and a number where that is not enough. A listener
matches a family by `pattern`.
"""

from __future__ import annotations

import re
from typing import Final

from bot.domain.commandline import split
from bot.errors import UsageError

COMMAND: Final = "command"
"""A button that does what typing its value after `/queue` would do."""

COMMAND_MENU: Final = "command_menu"
"""A menu; the value of each option is such a command."""

LINK: Final = "link"
"""A button that only opens an address; Slack reports the press all the same: ack, no more."""

PLAN_CONFIRM: Final = "plan_confirm"
"""Carry the plan out; the value is the plan's id and nothing else."""

PLAN_CONFIRM_FRESH: Final = "plan_confirm_fresh"
"""Carry the plan out with fresh attempts."""

PLAN_CANCEL: Final = "plan_cancel"
"""Drop the plan."""

PLAN_CANARY: Final = "plan_canary"
"""Carry the plan out for a few jobs first."""

PLAN_LATER: Final = "plan_later"
"""Carry the plan out when the least time between two tries is over."""

PLAN_REST: Final = "plan_rest"
"""Go on with what a canary has left."""

OPERATION_STOP: Final = "operation_stop"
"""End an operation after the batch it is at; the value is its plan's id."""

APPROVAL_APPROVE: Final = "approval_approve"
"""A second admin approves a drain or an obliterate; the value is its plan's id."""

APPROVAL_REFUSE: Final = "approval_refuse"
"""A second admin refuses it, or who asked takes it back."""

ALL: Final = (
    COMMAND,
    COMMAND_MENU,
    LINK,
    PLAN_CONFIRM,
    PLAN_CONFIRM_FRESH,
    PLAN_CANCEL,
    PLAN_CANARY,
    PLAN_LATER,
    PLAN_REST,
    OPERATION_STOP,
    APPROVAL_APPROVE,
    APPROVAL_REFUSE,
)


_LONGEST: Final = 200
_WORD = re.compile(r"[A-Za-z0-9][\w-]{0,79}", re.ASCII)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,79}")


def pattern(family: str) -> re.Pattern[str]:
    """Match the family's ids, bare, with a meaning or a number, and no other's."""
    return re.compile(rf"\A{re.escape(family)}(?::[\w-]{{1,{_LONGEST}}})?(?::\d+)?\Z", re.ASCII)


def family_of(action_id: str) -> str:
    """The family an id belongs to: the id without meaning and number."""
    return action_id.partition(":")[0]


def meaning(family: str, command: str, *, full: bool = False) -> str:
    """The family with what a command does: `command:ack`, `command:retry-WHMCS_ERROR`.

    `full` puts all of its words in, for messages in which several buttons do the same to different
    things: `command:ack-118`. Words that may be a job's own text stay out.
    """
    try:
        words = split(command)
    except UsageError:
        return family
    if full:
        said = [word.removeprefix("--") for word in words]
    else:
        after = words[words.index("--error") + 1 :] if "--error" in words else []
        said = words[:1] + [code for code in after[:1] if _CODE.fullmatch(code)]
    told = "-".join(word for word in said if _WORD.fullmatch(word))[:_LONGEST]
    return f"{family}:{told}" if told else family

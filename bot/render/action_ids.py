"""Every action id that a message of ours can carry.

Slack wants action ids unique in a block, and we want them unique in a message, so `kit.finish` adds
a number to those of a family: `command:3`. A listener matches a family by `pattern`.
"""

from __future__ import annotations

import re
from typing import Final

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

ALL: Final = (COMMAND, COMMAND_MENU, LINK, PLAN_CONFIRM, PLAN_CONFIRM_FRESH, PLAN_CANCEL)


def pattern(family: str) -> re.Pattern[str]:
    """Match the family's ids, numbered or not, and no other's."""
    return re.compile(rf"{re.escape(family)}(?::\d+)?\Z")


def family_of(action_id: str) -> str:
    """The family an id belongs to: the id without its number."""
    return action_id.partition(":")[0]

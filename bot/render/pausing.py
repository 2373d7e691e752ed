"""What is said of a pause and of a resume."""

from __future__ import annotations

from typing import Final

from bot.domain.message import Message
from bot.domain.pausing import PauseOutcome
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.render.kit import actions, button, context, finish, section, simple
from bot.render.plans import UNRECORDED
from bot.render.typed import typed
from bot.render.words import escape, mention, plural

PAUSED: Final = "\u23f8\ufe0f"
RESUMED: Final = "\u25b6\ufe0f"


def paused(
    queue: QueueId,
    by: str,
    outcome: PauseOutcome,
    catalog: Catalog,
    *,
    reason: str = "",
    recorded: bool = True,
) -> Message:
    """Announce a pause; `recorded` False says that the audit log was not written."""
    address = catalog.address(queue)
    why = f": {escape(reason, 200)}" if reason else "."
    name = f"*{escape(address, 80)}*"
    said = f"{PAUSED} {mention(by)} paused {name}{why}"
    if not outcome.changed:
        said = f"{PAUSED} {name} was paused already; {mention(by)} had its jobs put in order{why}"
    return finish(
        said,
        [
            section(said, "" if recorded else UNRECORDED),
            context(_gathered(outcome), "Jobs under way finish; all others wait for a resume."),
            actions(
                button("Resume", typed("resume", address)),
                button("Status", typed("status", address)),
            ),
        ],
    )


def resumed(
    queue: QueueId, by: str, outcome: PauseOutcome, catalog: Catalog, *, recorded: bool = True
) -> Message:
    """Announce the end of a pause; `recorded` as in `paused`."""
    address = catalog.address(queue)
    name = f"*{escape(address, 80)}*"
    said = f"{RESUMED} {mention(by)} resumed {name}."
    if not outcome.changed:
        said = f"{RESUMED} {name} was not paused; {mention(by)} had its jobs put in order."
    return finish(
        said,
        [
            section(said, "" if recorded else UNRECORDED),
            context(_gathered(outcome)),
            actions(button("Status", typed("status", address))),
        ],
    )


def already(queue: QueueId, catalog: Catalog, *, pausing: bool) -> Message:
    """Told to the one who asked: there was nothing to do."""
    state = "paused already" if pausing else "not paused"
    return simple(f"*{escape(catalog.address(queue), 80)}* is {state}: nothing was changed.")


def _gathered(outcome: PauseOutcome) -> str:
    if not outcome.gathered:
        return ""
    lay = "job that lay" if outcome.gathered == 1 else "jobs that lay"
    return (
        f"Took in {plural(outcome.gathered, lay, lay)} in the other of BullMQ's two lists, "
        "where a client of another version or an older pause had left them."
    )

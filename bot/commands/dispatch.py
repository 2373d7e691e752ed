"""From a line of text to a reply: find the sub-command, check the role, run it."""

from __future__ import annotations

from typing import Final

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from bot.commands import COMMANDS, help_
from bot.commands.arguments import echo
from bot.commands.base import Command, Request, Toolbox
from bot.domain import commandline
from bot.domain.access import Actor, Role
from bot.domain.audit import NOT_ALLOWED, Outcome
from bot.domain.message import Reply
from bot.domain.queues import QueueId
from bot.domain.standing import Standing
from bot.errors import (
    AccessDeniedError,
    BullhornError,
    HiddenQueueError,
    RedisUnavailableError,
    UsageError,
)

_BY_NAME = {command.name: command for command in COMMANDS}

_SAME: Final[dict[str, tuple[str, ...]]] = {
    "redo": ("retry", "undo"),
    "rerun": ("retry",),
    "delete": ("remove",),
    "purge": ("clean", "drain"),
    "mute": ("silence",),
    "unmute": ("unsilence",),
}
"""Words that other tools have for the same."""

_LONG: Final = 7
_NEAR: Final = 65
"""How alike (of 100) what only looks must be to be offered."""


class Dispatcher:
    """Answers a command, whether it was typed or a button carried it."""

    def __init__(self, *, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    async def run(self, text: str, actor: Actor) -> Reply:
        """Answer one line; an empty one is `status`.

        Raises:
            BullhornError: whatever the person must be told.
        """
        words = commandline.split(text)
        command = find_command(words[0]) if words else _BY_NAME["status"]
        standing = await self._toolbox.access.standing(actor)
        helped = help_.asked(words[1:])
        try:
            await self._admit(standing, command, words[1:], helped=helped)
            if helped:
                return help_.about(command)
            return await command.run(
                self._toolbox, Request(actor=actor, args=tuple(words[1:]), standing=standing)
            )
        except RedisUnavailableError as error:
            if command.mutates:
                error.template += " What was done, if anything, is in `/queue history`."
            raise
        except (AccessDeniedError, HiddenQueueError) as error:
            if command.mutates:
                await self._toolbox.journal.record(
                    actor,
                    command.name,
                    commandline.join(words)[:200],
                    Outcome.REFUSED,
                    queue=await self._named(words[1:]),
                    word=NOT_ALLOWED,
                    detail=str(error),
                )
            raise

    async def _admit(
        self, standing: Standing, command: Command, words: list[str], *, helped: bool
    ) -> None:
        """Let in who may use the command for some queue; a refusal is about the one named."""
        reads = helped or (command.lists and not words)
        least = Role.VIEWER if reads else max(command.role, Role.VIEWER)
        queue = await self._named(words, standing) if standing.reach < least else None
        standing.admit(least, doing=command.doing, queue=queue)

    async def _named(self, words: list[str], standing: Standing | None = None) -> QueueId | None:
        """The queue a refused line names, if it names one (that this person may know of)."""
        try:
            return await self._toolbox.finder.find(words[0], standing=standing)
        except (IndexError, BullhornError):
            return None


def find_command(name: str) -> Command:
    """The sub-command of this name.

    Raises:
        UsageError: there is none; with the nearest one.
    """
    command = _BY_NAME.get(name.lower())
    if command is not None:
        return command
    if meant := _nearest(name.lower()):
        offered = " or ".join(f"`{one}`" for one in meant)
        raise UsageError(f'There is no command "{echo(name)}". Did you mean {offered}?')
    raise UsageError(f'There is no command "{echo(name)}". Try `/queue help`.')


def _nearest(name: str) -> tuple[str, ...]:
    """The commands that may be meant: what changes something only by a slip of a letter or two."""
    if name in _SAME:
        return _SAME[name]
    slips = 2 if len(name) >= _LONG else 1
    if slip := process.extractOne(name, list(_BY_NAME), scorer=OSA.distance, score_cutoff=slips):
        return (slip[0],)
    reading = [one for one, command in _BY_NAME.items() if not command.mutates]
    near = process.extractOne(name, reading, scorer=fuzz.ratio, score_cutoff=_NEAR)
    return (near[0],) if near else ()

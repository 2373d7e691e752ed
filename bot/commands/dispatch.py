"""From a line of text to a reply: find the sub-command, check the role, run it."""

from __future__ import annotations

from rapidfuzz import fuzz, process

from bot.commands import COMMANDS, help_
from bot.commands.base import Command, Request, Toolbox
from bot.domain import commandline
from bot.domain.access import Actor, Role
from bot.domain.audit import Outcome
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
    near = process.extractOne(name.lower(), list(_BY_NAME), scorer=fuzz.ratio, score_cutoff=60)
    if near:
        raise UsageError(f'There is no command "{name}". Did you mean `{near[0]}`?')
    raise UsageError(f'There is no command "{name}". Try `/queue help`.')

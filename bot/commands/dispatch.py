"""From a line of text to a reply: find the sub-command, check the role, run it."""

from __future__ import annotations

from rapidfuzz import fuzz, process

from bot.commands import COMMANDS, help_
from bot.commands.base import Command, Request, Toolbox
from bot.domain import commandline
from bot.domain.access import Actor, Role
from bot.domain.audit import Outcome
from bot.domain.message import Reply
from bot.errors import AccessDeniedError, BullhornError, RedisUnavailableError, UsageError

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
        role = await self._toolbox.access.role(actor)
        try:
            least = Role.VIEWER if help_.asked(words[1:]) else max(command.role, Role.VIEWER)
            await self._toolbox.access.require(actor, least, doing=command.doing)
            if help_.asked(words[1:]):
                return help_.about(command)
            return await command.run(
                self._toolbox, Request(actor=actor, args=tuple(words[1:]), role=role)
            )
        except RedisUnavailableError as error:
            if command.mutates:
                error.template += " What was done, if anything, is in `/queue history`."
            raise
        except AccessDeniedError as error:
            if command.mutates:
                await self._toolbox.journal.record(
                    actor,
                    command.name,
                    commandline.join(words)[:200],
                    Outcome.REFUSED,
                    queue=await self._address(words[1:]),
                    detail=str(error),
                )
            raise

    async def _address(self, words: list[str]) -> str | None:
        """The queue a refused line names, if it names one."""
        try:
            found = await self._toolbox.finder.find(words[0])
        except (IndexError, BullhornError):
            return None
        return self._toolbox.catalog.address(found)


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

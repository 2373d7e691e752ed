"""`help`: made from the commands themselves."""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands.arguments import parse
from bot.commands.base import Command, Request, Toolbox
from bot.domain.access import Role
from bot.domain.message import Reply
from bot.render import help as render


async def run(tools: Toolbox, request: Request) -> Reply:  # noqa: ARG001 - help needs no tools
    """All commands, or one."""
    # Imported here, as the table holds this command too.
    from bot.commands import COMMANDS  # noqa: PLC0415
    from bot.commands.dispatch import find_command  # noqa: PLC0415

    words = parse(request.args).words
    if words:
        return about(find_command(words[0]))
    helps = [described(command) for command in COMMANDS]
    return Reply(message=render.overview(helps, request.standing.reach.title))


def asked(args: Sequence[str]) -> bool:
    """Whether the words after a sub-command ask how it is used, instead of using it."""
    return any(word.lower() in {"--help", "-help", "-h", "-?"} for word in args)


def about(command: Command) -> Reply:
    """How one command is used."""
    return Reply(message=render.one(described(command)))


def described(command: Command) -> render.CommandHelp:
    """A command's fields as help shows them."""
    return render.CommandHelp(
        name=command.name,
        usage=" · ".join(f"`/queue {usage}`" for usage in command.usage),
        summary=command.summary,
        role=command.role.title,
        examples=command.examples,
        details=command.details,
    )


COMMAND = Command(
    name="help",
    usage=("help [COMMAND]",),
    summary="all commands, or one with examples",
    role=Role.VIEWER,
    run=run,
    examples=("help retry",),
)

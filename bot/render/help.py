"""`help`: made from what the commands say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.access import Role
from bot.domain.message import Message
from bot.render.kit import Block, actions, button, code, context, escape, finish, menu, section
from bot.render.typed import typed
from bot.render.words import trusted

_EACH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHelp:
    """What a command says of itself.

    `usage` is finished mrkdwn, one code span a form ("`/queue status` · `/queue status QUEUE`");
    `summary` a few words, `details` any number of lines, both mrkdwn too; `examples` are plain, and
    without "/queue". `role` is the title of the least that may use it.
    """

    name: str
    usage: str
    summary: str
    role: str
    examples: tuple[str, ...] = ()
    details: str = ""


def overview(commands: Sequence[CommandHelp], user_role: str) -> Message:
    """A line for each command: those the person may use, then those that need another role."""
    own = [one for one in commands if _rank(one.role) <= _rank(user_role)]
    others = [one for one in commands if _rank(one.role) > _rank(user_role)]
    blocks: list[Block | None] = [section("*What you can ask* · type `/queue` and")]
    blocks += _lines(own)
    for role in sorted({one.role for one in others}, key=_rank):
        blocks.append(section(f"*With the {escape(role, 40)} role*"))
        blocks += _lines([one for one in others if one.role == role])
    blocks.append(context(f"Your role: {escape(user_role, 40)}"))
    entries = [(one.name, typed("help", one.name)) for one in commands]
    blocks.append(actions(button("Status", typed("status")), menu("More about", entries)))
    names = ", ".join(escape(one.name, 40) for one in own)
    return finish(f"Commands for you: {names}", blocks)


def one(command: CommandHelp) -> Message:
    """One command in full."""
    details = [trusted(line, 600) for line in command.details.splitlines()[:20]]
    examples = [f"\u2022 {code(f'/queue {example}', 150)}" for example in command.examples[:8]]
    summary = trusted(command.summary)
    blocks: list[Block | None] = [
        section(f"*{escape(command.name, 40)}* · {summary}", trusted(command.usage), *details),
        section("*For example*", *examples) if examples else None,
    ]
    if _rank(command.role) > Role.VIEWER:
        blocks.append(context(f"Needs the {escape(command.role, 40)} role"))
    return finish(f"{escape(command.name, 40)}: {summary}", blocks)


def _rank(role: str) -> int:
    """A role's rank by its title; one that is not known ranks above all."""
    ranks = {one.title: int(one) for one in Role}
    return ranks.get(role, int(max(Role)) + 1)


def _lines(commands: Sequence[CommandHelp]) -> list[Block]:
    lines = [
        f"{trusted(one.usage.replace('/queue ', ''), 300)} \u2013 {trusted(one.summary, 150)}"
        for one in commands
    ]
    return [section(*lines[at : at + _EACH]) for at in range(0, len(lines), _EACH)]

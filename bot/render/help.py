"""`help`: made from what the commands say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.access import Role
from bot.domain.message import Message
from bot.render.kit import Block, actions, button, context, finish, menu, section
from bot.render.typed import typed
from bot.render.words import code, escape, trusted

_EACH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHelp:
    """What a command says of itself.

    `usage` and `examples` are without "/queue"; `summary` is a few words, `details` any number of
    lines; both may hold mrkdwn. `role` is the least that may use it.
    """

    name: str
    usage: str
    summary: str
    role: Role
    examples: tuple[str, ...] = ()
    details: str = ""


def overview(commands: Sequence[CommandHelp], user_role: Role) -> Message:
    """A line for each command: those the person may use, then those that need more."""
    own = [one for one in commands if one.role <= user_role]
    others = [one for one in commands if one.role > user_role]
    blocks: list[Block | None] = [section("*What you can ask* · type `/queue` and")]
    blocks += _lines(own)
    if others:
        blocks.append(section("*With another role*"))
        blocks += _lines(others, with_role=True)
    blocks.append(
        context(f"Your role: {user_role.title}. A queue's name may be mistyped a little.")
    )
    entries = [(one.name, typed("help", one.name)) for one in commands if one.name]
    blocks.append(actions(button("Status", typed("status")), menu("More about", entries)))
    names = ", ".join(escape(one.name, 40) for one in own if one.name)
    return finish(f"Commands: {names}", blocks)


def one(command: CommandHelp) -> Message:
    """One command in full."""
    details = [trusted(line, 600) for line in command.details.splitlines()[:20]]
    examples = [f"\u2022 {_typed(example)}" for example in command.examples[:8]]
    blocks: list[Block | None] = [
        section(_typed(command.usage, 300), trusted(command.summary), *details),
        section("*For example*", *examples) if examples else None,
    ]
    if command.role > Role.VIEWER:
        blocks.append(context(f"Needs the {command.role.title} role."))
    usage = f"/queue {escape(command.usage, 300)}".strip()
    return finish(f"{usage}: {trusted(command.summary)}", blocks)


def _lines(commands: Sequence[CommandHelp], *, with_role: bool = False) -> list[Block]:
    lines = [
        f"{code(one.usage or '(nothing)', 120)} {trusted(one.summary, 150)}"
        + (f" · {one.role.title}" if with_role else "")
        for one in commands
    ]
    return [section(*lines[at : at + _EACH]) for at in range(0, len(lines), _EACH)]


def _typed(text: str, limit: int = 150) -> str:
    return code(f"/queue {text}", limit)

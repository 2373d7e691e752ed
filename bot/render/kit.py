"""The pieces messages are built from, and `finish`, the one place that checks what is sent.

slackblocks raises on most of Slack's limits; here every text is cut before it comes to that. What
slackblocks lets through is caught by `finish`: a missing fallback text, action ids that are not
unique, too many blocks, too much text in all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import slackblocks as sb

from bot.domain.message import Message
from bot.render import action_ids
from bot.render.typed import VALUE
from bot.render.words import (
    TEXT_LIMIT,
    bare,
    code,
    date,
    escape,
    fit,
    mention,
    number,
    plain,
    plural,
)

__all__ = [
    "Block",
    "Element",
    "Entry",
    "Style",
    "actions",
    "button",
    "code",
    "confirm",
    "context",
    "date",
    "escape",
    "fields",
    "finish",
    "link_button",
    "mention",
    "menu",
    "number",
    "overflow",
    "plural",
    "press",
    "section",
    "simple",
]

Block = sb.Block
Element = sb.Element
Style = Literal["primary", "danger"]
Entry = tuple[str, str | None]
"""A menu's entry: its label, and the command it types (None leaves it out)."""

BLOCKS: Final = 50
CHARACTERS: Final = 12_000
"""All text of one message: Slack refuses somewhat more than this ("msg_blocks_too_long")."""

FALLBACK: Final = 1000
LABEL: Final = 75
OPTION_VALUE: Final = 150
_ADDRESS: Final = 3000
_MENU_OPTIONS: Final = 100
_OVERFLOW_OPTIONS: Final = range(2, 6)
_ROW: Final = 25


def _mrkdwn(text: str, limit: int = TEXT_LIMIT) -> sb.Text:
    # Verbatim: Slack makes no links, channels or mentions of plain words such as @here.
    return sb.Text(fit(text, limit) or "-", type_=sb.TextType.MARKDOWN, verbatim=True)


def _plain(text: str, limit: int) -> sb.Text:
    return sb.Text(plain(text, limit), type_=sb.TextType.PLAINTEXT)


def section(*lines: str, accessory: Element | None = None) -> Block:
    """Lines of finished mrkdwn; empty ones are left out."""
    return sb.SectionBlock(
        text=_mrkdwn("\n".join(line for line in lines if line)), accessory=accessory
    )


def fields(*texts: str) -> Block:
    """At most ten short texts in two columns."""
    shown: list[str | sb.Text] = []
    shown += [_mrkdwn(text, 2000) for text in texts if text][:10]
    return sb.SectionBlock(fields=shown)


def context(*lines: str) -> Block | None:
    """Small print; None when nothing is left to say."""
    text = "\n".join(line for line in lines if line)
    return sb.ContextBlock(elements=[_mrkdwn(text)]) if text else None


def actions(*elements: Element | None) -> Block | None:
    """A row of buttons and menus without those that could not be made; None when none is left."""
    made = [element for element in elements if element is not None]
    return sb.ActionsBlock(elements=made[:_ROW]) if made else None


def button(
    label: str,
    command: str | None,
    *,
    style: Style | None = None,
    confirm: sb.ConfirmationDialogue | None = None,
) -> Element | None:
    """A button that types a command; None when the command could not be carried."""
    if command is None or len(command) > VALUE:
        return None
    return press(label, action_ids.COMMAND, command, style=style, confirm=confirm)


def press(
    label: str,
    action_id: str,
    value: str,
    *,
    style: Style | None = None,
    confirm: sb.ConfirmationDialogue | None = None,
) -> Element:
    """A button with an action id and a value of its own."""
    text = _plain(label, LABEL)
    return sb.Button(text=text, action_id=action_id, value=value, style=style, confirm=confirm)


def link_button(label: str, address: str) -> Element | None:
    """A button that opens an address; None when Slack would not take it."""
    target = address.strip()
    if not target.startswith(("https://", "http://")) or len(target) > _ADDRESS:
        return None
    return sb.Button(text=_plain(label, LABEL), action_id=action_ids.LINK, url=target)


def confirm(
    title: str, text: str, yes: str, *, no: str = "Cancel", style: Style = "danger"
) -> sb.ConfirmationDialogue:
    """The dialog that asks once more before something that may do harm or concerns others too."""
    return sb.ConfirmationDialogue(
        title=_plain(title, 100),
        text=_plain(text, 300),
        confirm=_plain(yes, 30),
        deny=_plain(no, 30),
        style=style,
    )


def menu(placeholder: str, entries: Iterable[Entry]) -> Element | None:
    """A menu of commands; entries that cannot be carried are left out, None when none is left."""
    options = _options(entries)[:_MENU_OPTIONS]
    if not options:
        return None
    return sb.StaticSelectMenu(
        action_id=action_ids.COMMAND_MENU, options=options, placeholder=_plain(placeholder, 150)
    )


def overflow(entries: Iterable[Entry]) -> Element | None:
    """A small menu beside a section, of two to five commands; one alone becomes a button."""
    kept = [(label, command) for label, command in entries if command is not None]
    options = _options(kept)[: _OVERFLOW_OPTIONS.stop - 1]
    if len(options) in _OVERFLOW_OPTIONS:
        return sb.OverflowMenu(action_id=action_ids.COMMAND_MENU, options=options)
    return button(*kept[0]) if kept else None


def _options(entries: Iterable[Entry]) -> list[sb.Option]:
    made: dict[str, sb.Option] = {}
    for label, command in entries:
        if command is not None and len(command) <= OPTION_VALUE:
            made.setdefault(command, sb.Option(text=_plain(label, LABEL), value=command))
    return list(made.values())


def finish(text: str, blocks: Sequence[Block | None]) -> Message:
    """Make the message of the blocks that are not None; `text` is the fallback, already escaped."""
    fallback = fit(" ".join(bare(text).split()), FALLBACK) or "Bullhorn"
    return Message(text=fallback, blocks=_finished(blocks))


def with_bar(headline: str, blocks: Sequence[Block | None], color: str) -> Message:
    """A message with a colour bar: the headline above it, which the blocks do not repeat.

    The headline is the message's own text, so that it is also what phones and screen readers get,
    and that a mention in it notifies.
    """
    text = fit(" ".join(headline.split()), FALLBACK)
    return Message(text=text, blocks=_finished(blocks), color=color)


def simple(text: str) -> Message:
    """A message of one text, which is its own fallback."""
    return finish(text, [section(text)])


def _finished(blocks: Sequence[Block | None]) -> tuple[dict[str, Any], ...]:
    shown = _bounded([_dump(block) for block in blocks if block is not None])
    _name_actions(shown)
    return tuple(shown)


def _dump(block: Block) -> dict[str, Any]:
    # A whole Message goes through its blocks four times; the longest menu cost each status 3 ms.
    dumped = block._resolve()  # noqa: SLF001
    # The library makes up random block ids, which would make every edit look like a new message.
    del dumped["block_id"]
    return dict(dumped)


def _bounded(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep what fits into one message, with the last row of buttons, and say what does not."""
    if len(blocks) <= BLOCKS and sum(map(_characters, blocks)) <= CHARACTERS:
        return blocks
    last = [blocks[-1]] if blocks[-1]["type"] == "actions" else []
    rest = blocks[: len(blocks) - len(last)]
    kept: list[dict[str, Any]] = []
    room = CHARACTERS - 100 - sum(map(_characters, last))
    for block in rest[: BLOCKS - 1 - len(last)]:
        room -= _characters(block)
        if room < 0:
            break
        kept.append(block)
    more = context(f"\u2026 {number(len(rest) - len(kept))} more")
    return [*kept, *([_dump(more)] if more else []), *last]


def _characters(value: Any) -> int:
    """The length of all texts in a block."""
    if isinstance(value, dict):
        own = value.get("text")
        length = len(own) if isinstance(own, str) else 0
        return length + sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if isinstance(value, list) else 0


def _name_actions(blocks: list[dict[str, Any]]) -> None:
    """Make action ids unique in the message, by what each does where it types a command.

    An edit may move a button or take one away: an id by place would then be another button's.
    """
    elements = [one for block in blocks for one in _acting(block)]
    short = [_action_id(element, full=False) for element in elements]
    taken = Counter(short)
    counters: Counter[str] = Counter()
    for element, name in zip(elements, short, strict=True):
        chosen = name if taken[name] == 1 else _action_id(element, full=True)
        counters[chosen] += 1
        again = counters[chosen]
        element["action_id"] = f"{chosen}:{again}" if again > 1 else chosen


def _acting(block: dict[str, Any]) -> list[dict[str, Any]]:
    accessory = block.get("accessory")
    elements = [accessory] if accessory else block.get("elements", [])
    return [element for element in elements if "action_id" in element]


def _action_id(element: dict[str, Any], *, full: bool) -> str:
    """The family, and of a command (of a menu's first one) what it does, in short or in full."""
    family = str(element["action_id"])
    if family not in (action_ids.COMMAND, action_ids.COMMAND_MENU):
        return family
    options = element.get("options") or [{}]
    typed = str(element.get("value") or options[0].get("value", ""))
    return action_ids.meaning(family, typed, full=full)

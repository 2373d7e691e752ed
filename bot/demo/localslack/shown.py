"""A message or view as a person reads it: its text, its buttons, its colour."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.demo.localslack import blockkit
from bot.demo.localslack.errors import Json

_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_LINK = re.compile(r"<(?:https?|mailto):[^|>]*\|([^>]*)>")


@dataclass(frozen=True, kw_only=True)
class Control:
    """A button, menu or other element that can be used."""

    kind: str
    label: str
    action_id: str
    block_id: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """A message as one person sees it."""

    raw: Json

    @property
    def ts(self) -> str:
        """The message's id."""
        return str(self.raw["ts"])

    @property
    def ephemeral(self) -> bool:
        """Whether only this person sees it."""
        return bool(self.raw["ephemeral"])

    @property
    def thread_ts(self) -> str:
        """The message this is a reply to; empty outside a thread."""
        thread = str(self.raw.get("thread_ts", ""))
        return "" if thread == self.ts else thread

    @property
    def fallback(self) -> str:
        """The notification text: the message's own, or else its first attachment's."""
        attachments = self.raw.get("attachments") or [{}]
        return str(self.raw.get("text") or attachments[0].get("fallback", ""))

    @property
    def color(self) -> str:
        """The first attachment's colour as ``#rrggbb``; empty without one."""
        attachments = self.raw.get("attachments") or [{}]
        color = str(attachments[0].get("color", ""))
        return f"#{color}" if color else ""

    @property
    def metadata(self) -> Json:
        """The message's metadata; empty without any."""
        return dict(self.raw.get("metadata") or {})

    @property
    def files(self) -> list[Json]:
        """The files that it shares."""
        return list(self.raw.get("files") or [])

    @property
    def blocks(self) -> list[Json]:
        """All blocks, those in attachments too."""
        found: list[Json] = list(self.raw.get("blocks") or [])
        for attachment in self.raw.get("attachments") or []:
            found += attachment.get("blocks", [])
        return found

    @property
    def text(self) -> str:
        """What is to be read: the blocks, or the text if there are none; links as labels."""
        pieces = [read(block) for block in self.blocks]
        own = self.raw.get("attachments") or []
        pieces += [str(a["text"]) for a in own if a.get("text") and not a.get("blocks")]
        if not self.raw.get("blocks"):
            pieces.insert(0, str(self.raw.get("text", "")))
        return readable("\n".join(piece for piece in pieces if piece))

    @property
    def controls(self) -> list[Control]:
        """Everything that can be clicked or chosen."""
        return controls_of(self.blocks)

    @property
    def labels(self) -> list[str]:
        """The labels of the controls, in order."""
        return [control.label for control in self.controls]


def readable(text: str) -> str:
    """Mrkdwn with dates and links replaced by their words, and entities undone."""
    text = _LINK.sub(r"\1", _DATE.sub(r"\1", text))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        if value.get("type") in {"button", "overflow", "confirm"}:
            return
        for key in (
            "text",
            "title",
            "label",
            "hint",
            "caption",
            "alt_text",
            "fields",
            "elements",
            "rows",
            "element",
            "chart",
            "series",
            "name",
            "data",
        ):
            found = value.get(key)
            if isinstance(found, str):
                yield found
            elif found is not None:
                yield from _strings(found)
        if value.get("type") == "raw_number" and "text" not in value:
            yield str(value["value"])


def read(block: Json) -> str:
    """The words of a block, without its buttons."""
    if block.get("type") in {"table", "data_table"}:
        rows = [" | ".join(" ".join(_strings(cell)) for cell in row) for row in block["rows"]]
        caption = [block["caption"]] if block.get("caption") else []
        return "\n".join([*caption, *rows])
    return "\n".join(_strings(block))


def _label(element: Json) -> str:
    holder = element.get("text") or element.get("placeholder") or {}
    return str(holder.get("text", ""))


def controls_of(blocks: list[Json]) -> list[Control]:
    """The controls in a list of blocks."""
    found = []
    for block in blocks:
        for element in blockkit.elements_of(block):
            if element.get("type") == "image":
                continue
            options = [o["text"]["text"] for o in element.get("options", [])]
            for group in element.get("option_groups", []):
                options += [o["text"]["text"] for o in group["options"]]
            found.append(
                Control(
                    kind=element["type"],
                    label=_label(element),
                    action_id=element.get("action_id", ""),
                    block_id=block.get("block_id", ""),
                    options=tuple(options),
                )
            )
    return found


def picture(messages: list[Shown]) -> str:
    """The messages as text, for the failure message of a test."""
    lines: list[str] = []
    for message in messages:
        marks = "(only you) " if message.ephemeral else ""
        marks += "  (reply) " if message.thread_ts else ""
        lines.append(f"--- {message.raw.get('user')} {message.ts} {marks}")
        lines += [f"  {line}" for line in message.text.splitlines()]
        if message.labels:
            lines.append("  " + " ".join(f"[{label}]" for label in message.labels))
    return "\n".join(lines) or "(no messages)"

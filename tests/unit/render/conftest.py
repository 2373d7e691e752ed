"""Snapshots of messages as people read them: `UPDATE_SNAPSHOTS=1` writes them anew."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.domain.message import Message
from tests.support import slack_limits

SNAPSHOTS = Path(__file__).parent / "snapshots"
_DATE = re.compile(r"<!date\^\d+\^[^|]*\|([^>]*) UTC>")
_LINK = re.compile(r"<https?://[^|>]*\|([^>]*)>")
_MENTION = re.compile(r"<(?:@|!subteam\^)([A-Z0-9]+)>")


def readable(message: Message) -> str:
    """A message as lines of text: what a person sees, and what each button would type."""
    lines = [f"({message.text})", ""]
    for block in message.blocks:
        lines += _block(block)
    bar = f"bar {message.color}\n" if message.color else ""
    return bar + "\n".join(line.rstrip() for line in lines) + "\n"


def _block(block: dict[str, Any]) -> list[str]:
    if block["type"] == "actions":
        return [" ".join(map(_element, block["elements"]))]
    texts = [block["text"]] if "text" in block else block.get("elements", block.get("fields"))
    small = "  " if block["type"] == "context" else ""
    lines = [small + line for text in texts for line in _seen(text["text"]).split("\n")]
    if "fields" in block:
        lines = [" | ".join(lines)]
    if "accessory" in block:
        lines[0] += "   " + _element(block["accessory"])
    return lines


def _element(element: dict[str, Any]) -> str:
    if element["type"] == "button":
        target = element.get("url") or element.get("value")
        style = {"primary": "!", "danger": "!!"}.get(element.get("style", ""), "")
        sure = " (asks first)" if "confirm" in element else ""
        return f"[{style}{element['text']['text']}{sure} = {target}]"
    options = [f"{one['text']['text']} = {one['value']}" for one in element["options"]]
    shown = [*options[:4], f"... {len(options)} in all"] if len(options) > 5 else options
    return f"[{element.get('placeholder', {}).get('text', '...')} v {' | '.join(shown)}]"


def _seen(text: str) -> str:
    text = _MENTION.sub(r"@\1", _LINK.sub(r"\1", _DATE.sub(r"\1", text)))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@pytest.fixture
def matches() -> Callable[[Message, str], None]:
    """Check a message against Slack's limits and against its snapshot."""

    def compare(message: Message, name: str) -> None:
        slack_limits.check(message)
        path = SNAPSHOTS / f"{name}.txt"
        text = readable(message)
        if os.environ.get("UPDATE_SNAPSHOTS"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"UPDATE_SNAPSHOTS=1 rewrites {path.name}"

    return compare

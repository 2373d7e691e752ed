"""A message as the arguments of a Slack call."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from bot.domain.message import Message, Modal


def content_of(message: Message) -> dict[str, Any]:
    """A message's `text`, `blocks` and `attachments`: all three, so that an edit replaces all."""
    blocks = _named(message.blocks)
    if message.color is None:
        return {"text": message.text, "blocks": blocks, "attachments": []}
    # With a colour the blocks travel in an attachment; its fallback is what notifications read.
    attachment = {"color": message.color, "blocks": blocks, "fallback": message.text}
    return {"text": message.text, "attachments": [attachment]}


def _named(blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Blocks with controls keep their ids when the message is edited.

    Slack makes up new ones at each edit, and a press is refused when its block is gone: of a
    message that shows progress, that is every button whose dialog was open for some seconds.
    """
    rows = count(1)
    named = []
    for block in blocks:
        if block["type"] == "actions":
            named.append({**block, "block_id": f"row-{next(rows)}"})
        elif accessory := block.get("accessory"):
            named.append({**block, "block_id": accessory["action_id"]})
        else:
            named.append(block)
    return named


def view_of(modal: Modal) -> dict[str, Any]:
    """A modal as the `view` of `views.open`."""
    view: dict[str, Any] = {
        "type": "modal",
        "callback_id": modal.callback_id,
        "private_metadata": modal.metadata,
        "title": _plain(modal.title),
        "close": _plain("Cancel"),
        "blocks": list(modal.blocks),
    }
    return view | ({"submit": _plain(modal.submit)} if modal.submit else {})


def _plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}

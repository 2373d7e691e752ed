"""Dialogs: a message's blocks, and fields to type into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.message import Modal
from bot.render.kit import Block, finish
from bot.render.words import clean

QUEUE_NAME: Final = "queue_name"
"""The block and the element of the field in which a queue's name is typed."""

_TITLE: Final = 24
_LABEL: Final = 150
_LONGEST: Final = 300


def modal(
    title: str,
    blocks: Sequence[Block | None],
    *,
    callback_id: str,
    metadata: str,
    submit: str = "",
    label: str = "",
) -> Modal:
    """The dialog; with a `label` also the field for the queue's name, with `submit` its button."""
    made = list(finish(title, blocks).blocks)
    if label:
        made.append(
            {
                "type": "input",
                "block_id": QUEUE_NAME,
                "label": {"type": "plain_text", "text": clean(label, _LABEL)},
                "element": {
                    "type": "plain_text_input",
                    "action_id": QUEUE_NAME,
                    "max_length": _LONGEST,
                    "focus_on_load": True,
                },
            }
        )
    return Modal(
        title=clean(title, _TITLE),
        blocks=tuple(made),
        callback_id=callback_id,
        metadata=metadata,
        submit=clean(submit, _TITLE),
    )

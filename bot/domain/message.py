"""A message for Slack, as rendering makes it and the messenger sends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Urgency(IntEnum):
    """What goes first when Slack takes no more; lower goes first."""

    CRITICAL = 0
    ALERT = 1
    ANSWER = 2
    DETAIL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Blocks as plain Block Kit dicts, and the fallback `text` that phones and screen readers get.

    With a `color` (hex) the blocks travel in an attachment with a colour bar, and Slack shows
    `text` above it: then it is the headline, and the blocks do not say it again.
    """

    text: str
    blocks: tuple[dict[str, Any], ...] = ()
    color: str | None = None


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Where a message is: channel id and `ts`."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file for one person: what it is saved as, what Slack calls it, and what is in it."""

    name: str
    title: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Modal:
    """A dialog that Slack opens for one person; `blocks` as in a message, with inputs.

    `title` and `submit` have at most 24 characters. Without `submit` it can only be read.
    `callback_id` tells what a submission is of, `metadata` comes back with it.
    """

    title: str
    blocks: tuple[dict[str, Any], ...]
    callback_id: str
    metadata: str
    submit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a command or a button.

    `message` is for the person alone (None: nothing but the announcement). `announcement` is posted
    where it was asked, for all. `replace` puts the message in the place of the one whose button was
    pressed. `file` goes into the person's direct messages first: where it does not get there, the
    reason is told instead of the message. `modal` opens for the person, at most 3 s after what they
    did.
    """

    message: Message | None = None
    announcement: Message | None = None
    replace: bool = False
    file: File | None = None
    modal: Modal | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """Message metadata: how a message is found again. `key` is unique within `kind`."""

    kind: str
    key: str

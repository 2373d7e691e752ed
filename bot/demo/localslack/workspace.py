"""The state of the workspace: channels, messages, membership. No I/O of its own."""

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bot.demo.localslack.errors import Json, SlackError
from bot.demo.localslack.fixtures import SLACKBOT, Person, WorkspaceConfig

Listener = Callable[[Json], None]


def new_id(prefix: str) -> str:
    """A fresh id in Slack's style, such as ``V0A1B2C3D4``."""
    return prefix + secrets.token_hex(5).upper()


@dataclass(kw_only=True)
class Channel:
    """A conversation: a public or private channel, or the app's direct messages with a person."""

    id: str
    name: str
    topic: str = ""
    is_im: bool = False
    is_private: bool = False
    members: set[str] = field(default_factory=set)
    im_user: str = ""


@dataclass(kw_only=True)
class Message:
    """One message, shared or ephemeral (then only ``ephemeral_to`` sees it)."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    thread_ts: str = ""
    broadcast: bool = False
    metadata: Json | None = None
    files: list[Json] | None = None
    edited: Json | None = None
    ephemeral_to: str = ""
    warnings: list[str] = field(default_factory=list)
    action_errors: dict[str, str] = field(default_factory=dict)
    revision: int = 0

    @property
    def is_reply(self) -> bool:
        """True inside a thread, below its first message."""
        return bool(self.thread_ts) and self.thread_ts != self.ts


class Workspace:
    """Channels and messages, and who is told when they change.

    Args:
        config: who and what exists.
        clock: seconds since the epoch.
    """

    def __init__(self, config: WorkspaceConfig, *, clock: Callable[[], float] = time.time) -> None:
        self.config = config
        self.clock = clock
        self.listeners: list[Listener] = []
        self._last_ts = 0
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, dict[str, Message]] = {}
        self._threads: dict[tuple[str, str], dict[str, Message]] = {}
        slackbot = Person(id=SLACKBOT, name="slackbot", real_name="Slackbot", color="#611f69")
        everyone = (*config.people, config.bot, slackbot)
        self.people: dict[str, Person] = {p.id: p for p in everyone}
        self.reset()

    def reset(self) -> None:
        """Back to the fixtures, without any message."""
        humans = {p.id for p in self.config.people}
        self.channels = {
            room.id: Channel(
                id=room.id,
                name=room.name,
                topic=room.topic,
                is_private=room.is_private,
                members=humans | ({self.config.bot.id} if room.bot_is_member else set()),
            )
            for room in self.config.rooms
        }
        for person in self.config.people:
            self.open_im(person.id)
        self.messages = {channel: {} for channel in self.channels}
        self._threads.clear()
        self.emit({"type": "reset"})

    def emit(self, change: Json) -> None:
        """Tell every listener (the open pages) about a change."""
        for listener in list(self.listeners):
            listener(change)

    def next_ts(self) -> str:
        """A message id: the time in microseconds, never twice the same."""
        self._last_ts = max(int(self.clock() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def open_im(self, user: str) -> Channel:
        """The direct messages between the app and a person; made on first use."""
        channel_id = "D0" + user.removeprefix("U0")
        if channel_id not in self.channels:
            self.channels[channel_id] = Channel(
                id=channel_id,
                name=user,
                is_im=True,
                im_user=user,
                members={user, self.config.bot.id},
            )
            self.messages.setdefault(channel_id, {})
        return self.channels[channel_id]

    def channel(self, reference: str) -> Channel:
        """A channel by id, ``#name``, ``name`` or user id.

        Raises:
            SlackError: ``channel_not_found``, also for a private channel the app is not in.
        """
        wanted = reference.removeprefix("#")
        found = self.channels.get(reference)
        if found is None and reference in self.people and reference != self.config.bot.id:
            return self.open_im(reference)
        for channel in self.channels.values():
            if found is None and not channel.is_im and channel.name == wanted:
                found = channel
        if found is None or (found.is_private and self.config.bot.id not in found.members):
            raise SlackError("channel_not_found")
        return found

    def person(self, user: str) -> Person:
        """A person by id.

        Raises:
            SlackError: ``user_not_found``.
        """
        try:
            return self.people[user]
        except KeyError:
            raise SlackError("user_not_found") from None

    def message(self, channel: str, ts: str) -> Message:
        """A message by channel id and ts, ephemeral ones included.

        Raises:
            SlackError: ``message_not_found``.
        """
        try:
            return self.messages[channel][ts]
        except KeyError:
            raise SlackError("message_not_found") from None

    def add(self, message: Message) -> Message:
        """Put a new message into its channel; the parent of a reply is announced again."""
        self.messages[message.channel][message.ts] = message
        if message.is_reply and not message.ephemeral_to:
            self._threads.setdefault((message.channel, message.thread_ts), {})[message.ts] = message
        self.announce(message)
        return message

    def announce(self, message: Message) -> None:
        """Tell the pages that this message is new or has changed."""
        message.revision += 1
        self.emit({"type": "message", "message": message})
        parent = self.messages[message.channel].get(message.thread_ts)
        if message.is_reply and parent is not None:
            self.emit({"type": "message", "message": parent})

    def remove(self, message: Message) -> None:
        """Delete a message."""
        self.messages[message.channel].pop(message.ts, None)
        self._threads.get((message.channel, message.thread_ts), {}).pop(message.ts, None)
        self.emit({"type": "removed", "message": message})
        parent = self.messages[message.channel].get(message.thread_ts)
        if message.is_reply and parent is not None:
            self.emit({"type": "message", "message": parent})

    def shared(self, channel: str) -> Iterable[Message]:
        """The messages everyone in the channel sees, oldest first."""
        return [m for m in self.in_order(channel) if not m.ephemeral_to]

    def in_order(self, channel: str) -> list[Message]:
        """All messages of a channel, oldest first."""
        return list(self.messages.get(channel, {}).values())  # ids only ever grow

    def replies(self, channel: str, ts: str) -> list[Message]:
        """The shared replies below a message, oldest first."""
        return list(self._threads.get((channel, ts), {}).values())

    def slackbot_says(self, channel: str, user: str, text: str) -> Message:
        """Slack's own ephemeral note to a person, for example that a command failed."""
        return self.add(
            Message(channel=channel, ts=self.next_ts(), user=SLACKBOT, text=text, ephemeral_to=user)
        )


def ts_key(ts: str) -> tuple[int, int]:
    """A sort key for message ids, exact where a float would not be."""
    seconds, _, micros = ts.partition(".")
    try:
        return int(seconds or 0), int((micros or "0").ljust(6, "0")[:6])
    except ValueError:
        raise SlackError("invalid_ts") from None

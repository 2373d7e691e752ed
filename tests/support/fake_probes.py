"""Pretend probes of a checkup: what each finds, and how slow it is, is the test's to say."""

from __future__ import annotations

import asyncio

from bot.domain.checkup import ChannelFacts, Identity, QueuesFound, ServerFacts, Trouble
from bot.domain.queues import QueueId
from bot.domain.scopes import NEEDED

WELL = ServerFacts(
    product="Redis", version="7.4.0", latency=0.2, replica=False, eviction="noeviction",
    memory_used=1, memory_limit=0, client_list=True,
)  # fmt: skip
AWAY = Trouble(why="cannot be reached", fix="start it", absent=True)


class FakeServer:
    """Satisfies ServerProbe. `slow` is how long each question takes, in seconds."""

    def __init__(
        self, *queues: QueueId, seen: ServerFacts | Trouble = WELL, slow: float = 0.0
    ) -> None:
        self.seen, self.found = seen, QueuesFound(queues=frozenset(queues), complete=True)
        self.slow, self.written, self.looks = slow, 0, 0

    async def look(self) -> ServerFacts | Trouble:
        """Slowly, what is set."""
        self.looks += 1
        await asyncio.sleep(self.slow)
        return self.seen

    async def write(self) -> Trouble | None:
        """It may."""
        self.written += 1
        return None

    async def queues(self, *, within: float) -> QueuesFound | Trouble:
        """The ones it was made with."""
        assert within > 0
        return self.found


class FakeOperations:
    """Satisfies OperationsProbe."""

    def __init__(self) -> None:
        self.trouble: Trouble | None = None
        self.tried = 0

    async def run(self) -> Trouble | None:
        """What is set."""
        self.tried += 1
        return self.trouble


class FakeSlack:
    """Satisfies SlackProbe."""

    def __init__(self) -> None:
        self.who: Identity | Trouble = Identity(
            workspace="Acme", bot="bullhorn", scopes=frozenset(NEEDED)
        )
        self.socket: Trouble | None = None
        self.asked: list[str] = []
        self.slow = 0.0

    async def identity(self) -> Identity | Trouble:
        """Slowly, who is set."""
        await asyncio.sleep(self.slow)
        return self.who

    async def app_token(self) -> Trouble | None:
        """Slowly, what is set."""
        await asyncio.sleep(self.slow)
        return self.socket

    async def channel(self, channel: str) -> ChannelFacts | Trouble:
        """Each is there, and the bot in it."""
        self.asked.append(channel)
        return ChannelFacts(name="x", private=False, member=True)

    async def group(self, group: str) -> int | Trouble:
        """Each has two members."""
        self.asked.append(group)
        return 2

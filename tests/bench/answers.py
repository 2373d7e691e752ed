"""Part 5: commands, 50 at once, from 50 people."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bot.demo.localslack.fixtures import DEFAULT_WORKSPACE, INCIDENTS, SLACKBOT, Person
from bot.demo.localslack.server import LocalSlack
from tests.bench.apps import app, until_connected, until_ready
from tests.bench.figures import Part, Row
from tests.bench.filling import let_time_pass
from tests.bench.peers import resident
from tests.support.valkey import Valkey

AT_ONCE: Final = 50
BURSTS: Final = 3
ALONE: Final = 3
_LIMIT: Final = 40.0
"""Seconds the answers of one burst may take."""
_ENOUGH: Final = 20.0
"""Seconds after which no further burst is begun."""
_PEOPLE: Final = tuple(
    Person(id=f"U0P{number:02}", name=f"person{number}", real_name=f"Person {number}")
    for number in range(AT_ONCE)
)


class Audience:
    """A Slack with many people, who type at once and wait for their answers."""

    def __init__(self) -> None:
        self.slack = LocalSlack(
            replace(DEFAULT_WORKSPACE, people=(*DEFAULT_WORKSPACE.people, *_PEOPLE))
        )
        self.slack.ctx.workspace.listeners.append(self._hear)
        self.acks: list[float] = []
        self.answers: list[float] = []
        self.said: Counter[str] = Counter()
        self._typed: dict[str, float] = {}
        self._all = asyncio.Event()

    async def ask(self, text: str, *, people: int, answer: bool) -> None:
        """Let so many people type at once; with `answer` wait for what they are told."""
        self._typed.clear()
        self._all.clear()
        await asyncio.gather(*(self._type(person.id, text) for person in _PEOPLE[:people]))
        if answer and self._typed:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LIMIT):
                    await self._all.wait()

    @property
    def waiting(self) -> int:
        """How many have not been told anything yet."""
        return len(self._typed)

    async def _type(self, user: str, text: str) -> None:
        began = self._typed[user] = time.perf_counter()
        taken = await self.slack.interactions.say(user, INCIDENTS, text)
        if taken["ok"]:
            self.acks.append((time.perf_counter() - began) * 1000)
        else:
            self.said[f"(not acked: {taken['error']})"] += 1
            self._typed.pop(user, None)

    def _hear(self, change: dict[str, Any]) -> None:
        message = change.get("message")
        if message is None or change["type"] != "message" or message.user == SLACKBOT:
            return
        self.said[_gist(message.text)] += 1
        if message.text.startswith("Still working"):
            return
        began = self._typed.pop(message.ephemeral_to, None)
        if began is not None:
            self.answers.append((time.perf_counter() - began) * 1000)
        if not self._typed:
            self._all.set()


def _gist(text: str) -> str:
    return text.partition(";")[0].partition(". ")[0][:80]


async def answers(valkey: Valkey, folder: Path) -> Part:
    """Both apps in turn, each in a Slack of its own."""
    bare, ours = Audience(), Audience()
    for audience in (bare, ours):
        await audience.slack.start()
    where = {"redis": valkey.url}
    try:
        async with (
            app("tests.bench.bare_bolt", slack=bare.slack, log=folder / "bare.log", **where),
            app("bot", "run", slack=ours.slack, log=folder / "bullhorn.log", **where) as bullhorn,
        ):
            await until_connected(bare.slack)
            await until_ready(bullhorn)
            alone = await _warm(bare, ours)
            with valkey.client() as redis:
                let_time_pass(redis)
            await _bursts(bare, ours)
            held = resident(bullhorn.process.pid)
        ours.said["(no answer)"] += ours.waiting
    finally:
        for audience in (bare, ours):
            await audience.slack.stop()
    return Part(
        title=f"5. `/queue status` over 1,000 queues, {AT_ONCE} at once (ratio to the bare ack)",
        rows=[
            Row(what="bare Bolt app: ack", values=bare.acks),
            Row(what="Bullhorn: ack", values=ours.acks),
            Row(what="Bullhorn: full answer", values=ours.answers),
            Row(what="Bullhorn: full answer, one person alone", values=alone),
            Row(what="Bullhorn: memory after these", values=[held] if held else [], unit="MB"),
        ],
        remarks=[f'told {count} times: "{text}"' for text, count in ours.said.items() if count],
    )


async def _warm(bare: Audience, ours: Audience) -> list[float]:
    """First commands, which import and connect; gives what one person alone waits after them."""
    for _ in range(ALONE + 1):
        await ours.ask("/queue status", people=1, answer=True)
    await bare.ask("/queue status", people=1, answer=False)
    alone = ours.answers[1:]
    for audience in (bare, ours):
        audience.acks.clear()
        audience.answers.clear()
    return alone


async def _bursts(bare: Audience, ours: Audience) -> None:
    """Everybody at once, some times, as long as that does not take too long."""
    began = time.monotonic()
    while time.monotonic() - began < _ENOUGH and len(bare.acks) < BURSTS * AT_ONCE:
        await bare.ask("/queue status", people=AT_ONCE, answer=False)
        await ours.ask("/queue status", people=AT_ONCE, answer=True)

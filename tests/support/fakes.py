"""Stateful fakes that satisfy the ports: a pretend Slack channel, its groups, figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.access import Membership
from bot.domain.incidents import Incident
from bot.domain.message import Message, MessageRef, Tag, Urgency
from bot.domain.sample import SampleRound
from bot.domain.times import Ms
from bot.errors import SlackRefusedError, SlackUnavailableError
from bot.ports import Fresh
from tests.support.fake_queues import ORDERS, SIMS, START, FakeClock, FakeQueue, FakeQueues

__all__ = [
    "ORDERS",
    "SIMS",
    "START",
    "FakeClock",
    "FakeDirectory",
    "FakeMessenger",
    "FakeQueue",
    "FakeQueues",
    "FakeTelemetry",
    "PlainWriter",
    "Posted",
]


async def _made(message: Message | Fresh) -> Message:
    return message if isinstance(message, Message) else await message()


@dataclass
class Posted:
    """A message in the pretend Slack."""

    ref: MessageRef
    message: Message
    tag: Tag
    at: Ms
    thread: str | None = None
    broadcast: bool = False
    edits: int = 0


class FakeMessenger:
    """Satisfies Messenger. `names` gives the ids of channels by `#name`; those in `missing` do not
    exist. `faults` are taken one a post or edit, oldest first.

    "lost answer": it takes effect, and the answer is lost; "lost call": it has no effect, and that
    is not clear; "unreachable": clearly no effect; "refused:CODE": a final no; "": none.
    """

    def __init__(self, clock: FakeClock, *, names: Mapping[str, str] | None = None) -> None:
        self.clock = clock
        self.names = dict(names or {})
        self.missing: set[str] = set()
        self.posted: list[Posted] = []
        self.faults: list[str] = []

    def of(self, kind: str) -> list[Posted]:
        """The messages of a kind of tag."""
        return [posted for posted in self.posted if posted.tag.kind == kind]

    async def post(
        self,
        message: Message | Fresh,
        *,
        channel: str,
        tag: Tag,
        thread: str | None = None,
        broadcast: bool = False,
        urgency: Urgency = Urgency.ANSWER,
    ) -> MessageRef:
        """Post, unless a fault comes first."""
        del urgency
        message = await _made(message)
        fault = self.faults.pop(0) if self.faults else ""
        self._before("refused:channel_not_found" if channel in self.missing else fault)
        ts = f"{self.clock.now / 1000:.3f}{len(self.posted):03d}"
        ref = MessageRef(self.names.get(channel, channel), ts)
        self.posted.append(
            Posted(ref, message, tag, self.clock.now, thread=thread, broadcast=broadcast)
        )
        self._after(fault)
        return ref

    async def update(
        self,
        message: Message | Fresh,
        ref: MessageRef,
        *,
        tag: Tag | None = None,
        urgency: Urgency = Urgency.ANSWER,
    ) -> None:
        """Edit, unless a fault comes first."""
        del urgency
        message = await _made(message)
        fault = self.faults.pop(0) if self.faults else ""
        self._before(fault)
        found = next((posted for posted in self.posted if posted.ref == ref), None)
        if found is None:
            raise SlackRefusedError("Slack refuses: message_not_found.", code="message_not_found")
        found.message, found.edits, found.tag = message, found.edits + 1, tag or found.tag
        self._after(fault)

    async def remove(self, ref: MessageRef) -> None:
        """Delete."""
        self.posted = [posted for posted in self.posted if posted.ref != ref]

    async def find(
        self, *, channel: str, tag: Tag, since: Ms, thread: str | None = None
    ) -> MessageRef | None:
        """Look by tag; a reply that was also sent to the channel is found there too."""
        for posted in self.posted:
            in_channel = posted.thread is None or posted.broadcast
            in_place = posted.thread == thread if thread is not None else in_channel
            same_place = posted.ref.channel == self.names.get(channel, channel) and in_place
            if same_place and posted.tag == tag and posted.at >= since:
                return posted.ref
        return None

    @staticmethod
    def _before(fault: str) -> None:
        if fault == "unreachable":
            raise SlackUnavailableError("Slack does not answer.")
        if fault == "lost call":
            raise SlackUnavailableError("Slack did not answer clearly.", unclear=True)
        if fault.startswith("refused:"):
            code = fault.partition(":")[2]
            raise SlackRefusedError(f"Slack refuses: {code}.", code=code)

    @staticmethod
    def _after(fault: str) -> None:
        if fault == "lost answer":
            raise SlackUnavailableError("Slack did not answer clearly.", unclear=True)


class PlainWriter:
    """Satisfies AlertWriter with plain texts that tests can read."""

    def alert(self, incident: Incident, *, first: bool) -> Message:
        """`firing warning backlog 12`, with who has it."""
        words = [incident.status.value, incident.severity.value, incident.rule, str(incident.value)]
        if incident.acknowledged:
            words.append(f"ack {incident.acknowledged.by}")
        if incident.silenced_by:
            words.append("silenced")
        if first:
            words.append("mention")
        return Message(text=" ".join(words))

    def entry(self, incident: Incident, index: int) -> Message:
        """The kind of entry."""
        return Message(text=incident.timeline[index].what.value)

    def blind(self, sources: Mapping[str, str], *, since: Ms, until: Ms | None) -> Message:
        """`blind since X` or `blind until Y`."""
        del sources
        return Message(text=f"blind since {since}" if until is None else f"seen again {until}")


class FakeDirectory:
    """Satisfies Directory with fixed groups. While it is `down`, nothing is known.

    `unread` says why a group cannot be read at all.
    """

    def __init__(self, groups: Mapping[str, frozenset[str]] | None = None) -> None:
        self.groups = dict(groups or {})
        self.down = False
        self.unread: dict[str, str] = {}

    async def memberships(self, user: str, groups: frozenset[str]) -> Membership:
        """Those of `groups` that the user is in."""
        if self.down:
            return Membership(away=groups)
        return Membership(
            groups=frozenset(
                group
                for group in groups - self.unread.keys()
                if user in self.groups.get(group, frozenset())
            ),
            unread={group: why for group, why in self.unread.items() if group in groups},
        )


class FakeTelemetry:
    """Satisfies Telemetry; remembers the last of each."""

    def __init__(self) -> None:
        self.ticks: list[str] = []
        self.rounds: list[SampleRound] = []
        self.open: tuple[Incident, ...] = ()
        self.leads: bool | None = None
        self.commands: list[tuple[str, str]] = []

    def tick(self, *, seconds: float, lag: float, result: str) -> None:
        """Remember."""
        del seconds, lag
        self.ticks.append(result)

    def observe_round(self, round_: SampleRound) -> None:
        """Remember."""
        self.rounds.append(round_)

    def alerts(self, incidents: Sequence[Incident]) -> None:
        """Remember."""
        self.open = tuple(incidents)

    def leading(self, leads: bool) -> None:
        """Remember."""
        self.leads = leads

    def command(self, *, name: str, seconds: float, outcome: str) -> None:
        """Remember."""
        del seconds
        self.commands.append((name, outcome))

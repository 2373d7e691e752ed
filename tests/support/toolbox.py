"""A whole bot's worth of services over fakes and fakeredis, for tests of commands and of Slack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.adapters.redis_audit_log import RedisAuditLog
from bot.adapters.redis_leadership import RedisLeadership
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.commands.base import Toolbox
from bot.commands.dispatch import Dispatcher
from bot.demo.localslack.shown import Shown
from bot.domain.access import AccessPolicy, Actor
from bot.domain.audit import AuditEntry
from bot.domain.message import Message, Reply
from bot.domain.policy import Catalog, ErrorPolicy, QueuePolicy, Retryable
from bot.ports import Directory, Messenger
from bot.services.access import Access
from bot.services.alerting import Alerting
from bot.services.blindness import Blindness
from bot.services.finder import QueueFinder
from bot.services.journal import Journal
from bot.services.looking import Looking
from bot.services.pausing import Pausing
from bot.services.retry_plans import RetryPlanner
from bot.services.retrying import Retrying
from bot.services.watch import TickResult, Watch
from tests.support.fakes import FakeClock, FakeDirectory, FakeQueues, FakeTelemetry, PlainWriter

CHANNEL: Final = "C0INCIDENTS"
ALICE: Final = Actor(user="U0ALICE", channel=CHANNEL)
"""An admin."""
BOB: Final = Actor(user="U0BOB", channel=CHANNEL)
"""An operator, through a user group."""
VERA: Final = Actor(user="U0VERA", channel=CHANNEL)
"""A viewer."""
EVE: Final = Actor(user="U0EVE", channel=CHANNEL)
"""Nobody: the config lists the viewers, and her not."""

POLICY: Final = AccessPolicy(
    viewers=frozenset({"U0VERA"}), operators=frozenset({"S0ONCALL"}), admins=frozenset({"U0ALICE"})
)
GROUPS: Final = {"S0ONCALL": frozenset({"U0BOB"})}

ORDER_ERRORS: Final = {
    "WHMCS_ERROR": ErrorPolicy(
        code="WHMCS_ERROR", cause="WHMCS is away", resolution="Wait", retryable=Retryable.YES
    ),
    "MAPPING_ERROR": ErrorPolicy(
        code="MAPPING_ERROR", cause="No mapping", resolution="Add it", retryable=Retryable.AFTER_FIX
    ),
}
CATALOG: Final = Catalog(
    default=QueuePolicy(),
    queues={
        "order-provisioning": QueuePolicy(errors=ORDER_ERRORS, channel="C0ORDERS"),
        "invoices": QueuePolicy(),
    },
    channel=CHANNEL,
)
"""Two queues with a policy; `invoices` is in no Redis yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The toolbox, and what stands behind it. `redis` is Bullhorn's own."""

    toolbox: Toolbox
    redis: Any
    queues: FakeQueues
    clock: FakeClock
    telemetry: FakeTelemetry
    watch: Watch

    async def ask(self, text: str, actor: Actor = BOB) -> Reply:
        """Type a command."""
        return await Dispatcher(toolbox=self.toolbox).run(text, actor)

    async def said(self, text: str, actor: Actor = BOB) -> str:
        """Type a command, and read all of the reply."""
        return said(await self.ask(text, actor))

    async def history(self) -> list[AuditEntry]:
        """The audit log, newest first."""
        return await self.toolbox.audit.recent(limit=100)

    async def tick(self, *, after: int = 0) -> TickResult:
        """The leader looks at the queues, `after` so many ms, and folds in what people did."""
        self.clock.forward(after)
        return await self.watch.tick()


def build_office(
    *,
    redis: Any,
    queues: FakeQueues,
    messenger: Messenger,
    catalog: Catalog = CATALOG,
    access: AccessPolicy = POLICY,
    directory: Directory | None = None,
) -> Office:
    """Put everything together, as the wiring does."""
    clock, store, telemetry = queues.clock, RedisWatchStore(client=redis), FakeTelemetry()
    audit, plans = RedisAuditLog(client=redis), RedisPlanStore(client=redis)
    journal = Journal(audit=audit, reader=queues, catalog=catalog)
    blindness = Blindness(
        messenger=messenger, writer=PlainWriter(), channel=catalog.channel, patience=30_000,
        clock=clock,
    )  # fmt: skip
    finder = QueueFinder(store=store, catalog=catalog)
    alerting = Alerting(store=store, reader=queues, journal=journal, catalog=catalog)
    toolbox = Toolbox(
        access=Access(policy=access, directory=directory or FakeDirectory(GROUPS)),
        finder=finder,
        looking=Looking(
            reader=queues, store=store, finder=finder, alerting=alerting, catalog=catalog,
            monotonic=lambda: clock.now / 1000,
        ),
        reader=queues,
        store=store,
        planner=RetryPlanner(reader=queues, plans=plans, catalog=catalog),
        retrying=Retrying(
            reader=queues, operator=queues, plans=plans, journal=journal,
            store=store, catalog=catalog,
        ),
        pausing=Pausing(
            reader=queues, operator=queues, journal=journal, store=store, catalog=catalog
        ),
        alerting=alerting,
        blindness=blindness,
        journal=journal,
        audit=audit,
        messenger=messenger,
        catalog=catalog,
    )  # fmt: skip
    watch = Watch(
        leadership=RedisLeadership(client=redis), store=store, reader=queues, catalog=catalog,
        telemetry=telemetry, saw=blindness.saw,
    )  # fmt: skip
    return Office(
        toolbox=toolbox, redis=redis, queues=queues, clock=clock, telemetry=telemetry, watch=watch
    )


def shown(message: Message | None) -> Shown:
    """A message as a person sees it; an empty one where there is none."""
    if message is None:
        return Shown({"text": "", "blocks": []})
    return Shown({"text": message.text, "blocks": list(message.blocks)})


def said(reply: Reply) -> str:
    """All that a reply says, to the person and to all, without formatting."""
    texts = [shown(message).text for message in (reply.message, reply.announcement)]
    return "\n".join(text for text in texts if text).replace("*", "").replace("`", "")


def labels(reply: Reply) -> Sequence[str]:
    """The labels of the buttons and menus of a reply to the person."""
    return shown(reply.message).labels


def value_of(reply: Reply, label: str) -> str:
    """What the button whose label begins so carries.

    Raises:
        AssertionError: there is no such button.
    """
    for block in reply.message.blocks if reply.message is not None else ():
        accessory = block.get("accessory")
        for element in [*block.get("elements", []), *([accessory] if accessory else [])]:
            holder = element.get("text")
            text = holder.get("text", "") if isinstance(holder, dict) else ""
            if element.get("type") == "button" and text.startswith(label):
                return str(element["value"])
    raise AssertionError(f"no button {label!r} in:\n{said(reply)}\n{labels(reply)}")

"""A whole bot's worth of services over fakes and fakeredis, for tests of commands and of Slack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.adapters.redis_audit_log import RedisAuditLog
from bot.adapters.redis_leadership import RedisLeadership
from bot.adapters.redis_operation_store import RedisOperationStore
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.commands import emergencies
from bot.commands.base import Toolbox
from bot.commands.dispatch import Dispatcher
from bot.demo.localslack.shown import Shown
from bot.domain.access import AccessPolicy, Actor
from bot.domain.audit import AuditEntry
from bot.domain.message import Message, Reply
from bot.domain.plans import PlanKind
from bot.domain.policy import Catalog, ErrorPolicy, QueuePolicy, Retryable
from bot.domain.salesforce import SalesforcePolicy
from bot.ports import Directory, Messenger, OrderSystem
from bot.render.operations import OperationRenderer
from bot.services.access import Access
from bot.services.alerting import Alerting
from bot.services.approving import Approving
from bot.services.archived_orders import ArchivedOrders
from bot.services.blindness import Blindness
from bot.services.confirming import Confirming
from bot.services.failed_again import FailedAgain
from bot.services.finder import QueueFinder
from bot.services.journal import Journal
from bot.services.looking import Looking
from bot.services.operations.receipts import Receipts
from bot.services.operations.runner import Runner
from bot.services.operations.tools import Tools
from bot.services.orders import Orders
from bot.services.pausing import Pausing
from bot.services.planning import Planner
from bot.services.reconciling import Reconciler
from bot.services.repairs import Repairs, Supplies, repair_executors
from bot.services.retry_executors import retry_executors
from bot.services.retry_plans import RetryPlanner
from bot.services.retrying import Retrying
from bot.services.settled_orders import SettledOrders
from bot.services.stuck_orders import SalesforcePlanner, StuckPlanner
from bot.services.watch import TickResult, Watch
from tests.support.fake_archive import FakeArchive
from tests.support.fake_operations import FakeOperationQueue, FakeOutcomes
from tests.support.fake_remover import FakeRemover
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
class Parts:
    """What operations are carried out with; fakes, unless a test brings the real ones."""

    submitted: Any
    outcomes: Any
    remover: Any
    archive: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The toolbox, and what stands behind it. `redis` is Bullhorn's own."""

    toolbox: Toolbox
    redis: Any
    queues: FakeQueues
    clock: FakeClock
    telemetry: FakeTelemetry
    watch: Watch
    submitted: FakeOperationQueue
    outcomes: FakeOutcomes
    runner: Runner
    remover: FakeRemover
    archive: FakeArchive

    async def reconcile(self) -> None:
        """Put begun plans that are in no queue into it again, end what nobody approved."""
        plans = self.toolbox.confirming._plans
        await Reconciler(plans=plans, queue=self.submitted).run_pass()
        await emergencies.put_aside_overdue(self.toolbox)

    async def run_operations(self) -> None:
        """Carry out what was confirmed, as the worker of a replica does."""
        await self.submitted.run_all(self.runner.run)

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
    salesforce: OrderSystem | None = None,
    parts: Parts | None = None,
) -> Office:
    """Put everything together, as the wiring does; `access` is the one of the catalog's queues."""
    catalog = replace(catalog, access=access)
    clock, store, telemetry = queues.clock, RedisWatchStore(client=redis), FakeTelemetry()
    audit, plans = RedisAuditLog(client=redis), RedisPlanStore(client=redis)
    journal = Journal(audit=audit, reader=queues, catalog=catalog)
    blindness = Blindness(
        messenger=messenger, writer=PlainWriter(), channel=catalog.channel, patience=30_000,
        clock=clock,
    )  # fmt: skip
    finder = QueueFinder(store=store, catalog=catalog)
    alerting = Alerting(store=store, reader=queues, journal=journal, catalog=catalog)
    settled = SettledOrders(system=salesforce, policy=SalesforcePolicy(), catalog=catalog)
    planner = RetryPlanner(
        reader=queues,
        plans=plans,
        catalog=catalog,
        salesforce=salesforce is not None,
        settled=settled,
    )
    operations = RedisOperationStore(client=redis)
    parts = parts or Parts(
        submitted=FakeOperationQueue(), outcomes=FakeOutcomes(), remover=FakeRemover(queues),
        archive=FakeArchive(clock),
    )  # fmt: skip
    submitted, outcomes = parts.submitted, parts.outcomes
    remover, archive = parts.remover, parts.archive
    orders = Orders(
        system=salesforce, reader=queues, policy=SalesforcePolicy(), catalog=catalog,
        archived=ArchivedOrders(archive=archive, path=SalesforcePolicy().order_id),
    )  # fmt: skip
    supplies = Supplies(
        reader=queues, operator=queues, remover=remover, archive=archive, done=queues,
        outcomes=outcomes, plans=plans, journal=journal, store=store, catalog=catalog,
    )  # fmt: skip
    repairs = Repairs(supplies, settled, operations)
    stuck = StuckPlanner(desk=repairs.desk, orders=orders)
    planners: dict[PlanKind, Planner] = {
        PlanKind.RETRY: planner,
        PlanKind.SALESFORCE: SalesforcePlanner(retry=planner, stuck=stuck),
        **repairs.planners(),
    }
    confirming = Confirming(
        plans=plans, planners=planners, queue=submitted,
        operations=operations, reader=queues, journal=journal, catalog=catalog,
    )  # fmt: skip
    toolbox = Toolbox(
        access=Access(directory=directory or FakeDirectory(GROUPS), catalog=catalog),
        finder=finder,
        looking=Looking(
            reader=queues, store=store, finder=finder, alerting=alerting, catalog=catalog,
            monotonic=lambda: clock.now / 1000,
        ),
        reader=queues,
        store=store,
        planner=planner,
        stuck=stuck,
        confirming=confirming,
        approving=Approving(
            plans=plans, planner=repairs.emergencies, confirming=confirming, queue=submitted,
            reader=queues, journal=journal, catalog=catalog,
        ),
        retrying=Retrying(
            reader=queues, operator=queues, journal=journal, store=store, catalog=catalog
        ),
        repairs=repairs,
        failed_again=FailedAgain(done=queues, reader=queues),
        pausing=Pausing(
            reader=queues, operator=queues, journal=journal, store=store, catalog=catalog
        ),
        alerting=alerting,
        blindness=blindness,
        journal=journal,
        audit=audit,
        messenger=messenger,
        catalog=catalog,
        orders=orders,
    )  # fmt: skip
    watch = Watch(
        leadership=RedisLeadership(client=redis), store=store, reader=queues, catalog=catalog,
        telemetry=telemetry, saw=blindness.saw,
    )  # fmt: skip
    executors, watchers = retry_executors(
        supplies, Receipts(
            done=queues, outcomes=outcomes, now=queues.now, catalog=catalog, every=0.01
        ),
        orders=salesforce, policy=SalesforcePolicy(),
    )  # fmt: skip
    runner = Runner(
        Tools(
            plans=plans, operations=operations, done=queues,
            executors={**executors, **repair_executors(supplies, settled)}, watchers=watchers,
            reader=queues, messenger=messenger, writer=OperationRenderer(catalog),
            journal=journal, store=store, catalog=catalog, planners=planners,
        )
    )  # fmt: skip
    return Office(
        toolbox=toolbox, redis=redis, queues=queues, clock=clock, telemetry=telemetry, watch=watch,
        submitted=submitted, outcomes=outcomes, runner=runner, remover=remover, archive=archive,
    )  # fmt: skip


def shown(message: Message | None) -> Shown:
    """A message as a person sees it; an empty one where there is none."""
    if message is None:
        return Shown({"text": "", "blocks": []})
    return Shown({"text": message.text, "blocks": list(message.blocks)})


def said(reply: Reply) -> str:
    """All that a reply says, to the person and to all, without formatting."""
    modal = reply.modal
    dialog = Message(text=modal.title, blocks=modal.blocks) if modal is not None else None
    texts = [shown(message).text for message in (reply.message, reply.announcement, dialog)]
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

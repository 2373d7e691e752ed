"""One replica's services over real Redis, whose calls may go wrong; others are not real."""

from __future__ import annotations

import time
from typing import Final

from bot.adapters.bullmq_done import BullmqDoneSets
from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.bullmq_outcomes import BullmqOutcomes
from bot.adapters.bullmq_reader import BullmqReader
from bot.adapters.bullmq_remover import BullmqRemover
from bot.adapters.redis_archive import RedisArchive
from bot.adapters.redis_audit_log import RedisAuditLog
from bot.adapters.redis_operation_store import RedisOperationStore
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.redis_watch_store import RedisWatchStore
from bot.adapters.sources import Sources, connect
from bot.domain.access import AccessPolicy
from bot.domain.plans import PlanKind
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.salesforce import SalesforcePolicy
from bot.render.operations import OperationRenderer
from bot.services.approving import Approving
from bot.services.confirming import Confirming
from bot.services.journal import Journal
from bot.services.operations.receipts import Receipts
from bot.services.operations.runner import Runner
from bot.services.operations.tools import Tools
from bot.services.planning import Planner
from bot.services.repairs import Repairs, Supplies, repair_executors
from bot.services.retry_executors import retry_executors
from bot.services.retry_plans import RetryPlanner
from bot.services.settled_orders import SettledOrders
from tests.support.fake_operations import FakeOperationQueue
from tests.support.fakes import FakeMessenger
from tests.support.faults import Faults
from tests.support.repair_orders import Line, Orders

CATALOG: Final = Catalog(
    default=QueuePolicy(), access=AccessPolicy(admins=frozenset({"U0ALICE", "U0BOB"}))
)
POLICY: Final = SalesforcePolicy()
_A_MINUTE: Final = 60.0


class Replica:
    """A process. Make it where its event loop runs; close it even when it was killed."""

    def __init__(
        self, url: str, messenger: FakeMessenger, submitted: FakeOperationQueue, orders: Orders
    ) -> None:
        self.faults = Faults()
        self._orders = Line(orders, self.faults)
        self.hasty = False
        self._skew = 0.0
        self._own, self._sources = connect("REDIS_URL", url), Sources({"main": (url, "bull")})
        for client in (self._own, self._sources.client("main")):
            self.faults.watch(client)
        self.reader = BullmqReader(sources=self._sources, own=self._own)
        self.plans = RedisPlanStore(client=self._own)
        self.operations = RedisOperationStore(client=self._own)
        self.archive = RedisArchive(client=self._own)
        self.remover = BullmqRemover(sources=self._sources)
        self.operator = BullmqOperator(sources=self._sources)
        self.done = BullmqDoneSets(sources=self._sources)
        journal = Journal(
            audit=RedisAuditLog(client=self._own), reader=self.reader, catalog=CATALOG
        )
        self._supplies = Supplies(
            reader=self.reader,
            operator=self.operator,
            remover=self.remover,
            archive=self.archive,
            done=self.done,
            outcomes=BullmqOutcomes(sources=self._sources),
            plans=self.plans,
            journal=journal,
            store=RedisWatchStore(client=self._own),
            catalog=CATALOG,
        )
        self._settled = SettledOrders(system=self._orders, policy=POLICY, catalog=CATALOG)
        self.repairs = Repairs(self._supplies, self._settled)
        self.retries = RetryPlanner(reader=self.reader, plans=self.plans, catalog=CATALOG)
        self._planners: dict[PlanKind, Planner] = {
            PlanKind.RETRY: self.retries,
            PlanKind.SALESFORCE: self.retries,
            **self.repairs.planners(),
        }
        self.confirming = Confirming(
            plans=self.plans,
            planners=self._planners,
            queue=submitted,
            operations=self.operations,
            reader=self.reader,
            journal=journal,
            catalog=CATALOG,
        )
        self.approving = Approving(
            plans=self.plans,
            planner=self.repairs.emergencies,
            confirming=self.confirming,
            queue=submitted,
            reader=self.reader,
            journal=journal,
            catalog=CATALOG,
        )
        self.runner = Runner(self._tools(messenger))

    def _tools(self, messenger: FakeMessenger) -> Tools:
        some = self._supplies
        receipts = Receipts(
            done=some.done, outcomes=some.outcomes, now=self.reader.now, catalog=CATALOG
        )
        retrying, watchers = retry_executors(some, receipts, orders=self._orders, policy=POLICY)
        return Tools(
            plans=some.plans,
            operations=self.operations,
            executors={**retrying, **repair_executors(some, self._settled)},
            done=some.done,
            watchers=watchers,
            reader=some.reader,
            messenger=messenger,
            writer=OperationRenderer(CATALOG),
            journal=some.journal,
            store=some.store,
            catalog=CATALOG,
            planners=self._planners,
            monotonic=self._monotonic,
        )

    def _monotonic(self) -> float:
        """The clock; while `hasty`, half a minute goes by with each look: nothing is waited for."""
        if self.hasty:
            self._skew += _A_MINUTE / 2
        return time.monotonic() + self._skew

    async def aclose(self) -> None:
        """Close its connections."""
        await self._sources.aclose()
        await self._own.aclose()

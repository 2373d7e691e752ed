"""What carries retries out, by BullMQ and through Salesforce, and what follows their jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.domain.plans import PlanKind
from bot.domain.salesforce import SalesforcePolicy
from bot.ports import OrderSystem
from bot.services.archiving import Archiving
from bot.services.operations.base import Executor, Watcher
from bot.services.operations.clean import Taking
from bot.services.operations.retry import RetryExecutor
from bot.services.operations.salesforce import SalesforceExecutor
from bot.services.operations.salesforce_receipts import SalesforceReceipts
from bot.services.overtaken import DoneElsewhere
from bot.services.repairs import Supplies
from bot.services.salesforce_retry import SalesforceRetry
from bot.services.settled_orders import SettledOrders

PATIENCE: Final = 30.0
"""Seconds that an operation waits for Salesforce to tell which orders are done."""


def retry_executors(
    supplies: Supplies,
    receipts: Watcher,
    *,
    orders: OrderSystem | None,
    policy: SalesforcePolicy,
) -> tuple[Mapping[PlanKind, Executor], Mapping[PlanKind, Watcher]]:
    """Who carries out what, and who follows it; through Salesforce only with credentials."""
    reader, done, catalog = supplies.reader, supplies.done, supplies.catalog
    settled = SettledOrders(system=orders, policy=policy, catalog=catalog, limit=PATIENCE)
    elsewhere = DoneElsewhere(reader=reader, catalog=catalog, settled=settled)
    retry = RetryExecutor(
        reader=reader, operator=supplies.operator, done=done, catalog=catalog, elsewhere=elsewhere
    )
    executors: dict[PlanKind, Executor] = {PlanKind.RETRY: retry}
    watchers: dict[PlanKind, Watcher] = {PlanKind.RETRY: receipts, PlanKind.PROMOTE: receipts}
    if orders is None:
        return executors, watchers
    remover, archive = supplies.remover, supplies.archive
    through = SalesforceRetry(
        orders=orders, reader=reader, outcomes=supplies.outcomes, policy=policy
    )
    executors[PlanKind.SALESFORCE] = SalesforceExecutor(
        retry=through, reader=reader, done=done, policy=policy, catalog=catalog
    )
    archiving = Archiving(remover=remover, archive=archive, done=done)
    watchers[PlanKind.SALESFORCE] = SalesforceReceipts(
        retry=through,
        reader=reader,
        done=done,
        taking=Taking(remover=remover, archiving=archiving, archive=archive, catalog=catalog),
        catalog=catalog,
    )
    return executors, watchers

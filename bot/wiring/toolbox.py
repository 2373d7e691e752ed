"""The services that commands work with."""

from __future__ import annotations

from bot.adapters.bullmq_operator import BullmqOperator
from bot.adapters.redis_audit_log import RedisAuditLog
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.adapters.slack_directory import SlackDirectory
from bot.commands.base import Toolbox
from bot.config import Config
from bot.domain.policy import Catalog
from bot.services.access import Access
from bot.services.alerting import Alerting
from bot.services.blindness import Blindness
from bot.services.finder import QueueFinder
from bot.services.journal import Journal
from bot.services.looking import Looking
from bot.services.pausing import Pausing
from bot.services.retry_plans import RetryPlanner
from bot.services.retrying import Retrying
from bot.wiring.outside import Outside


def build_toolbox(
    config: Config, catalog: Catalog, outside: Outside, blindness: Blindness
) -> Toolbox:
    """Make the services and put them together."""
    audit = RedisAuditLog(client=outside.own)
    journal = Journal(audit=audit, reader=outside.reader, catalog=catalog)
    directory = SlackDirectory(client=outside.client, calls=outside.calls)
    operator = BullmqOperator(sources=outside.sources)
    plans = RedisPlanStore(client=outside.own)
    finder = QueueFinder(store=outside.store, catalog=catalog)
    alerting = Alerting(
        store=outside.store, reader=outside.reader, journal=journal, catalog=catalog
    )
    return Toolbox(
        access=Access(policy=config.access(), directory=directory),
        finder=finder,
        looking=Looking(
            reader=outside.reader,
            store=outside.store,
            finder=finder,
            alerting=alerting,
            catalog=catalog,
        ),
        reader=outside.reader,
        store=outside.store,
        planner=RetryPlanner(reader=outside.reader, plans=plans, catalog=catalog),
        retrying=Retrying(
            reader=outside.reader,
            operator=operator,
            plans=plans,
            journal=journal,
            store=outside.store,
            catalog=catalog,
        ),
        pausing=Pausing(
            reader=outside.reader,
            operator=operator,
            journal=journal,
            store=outside.store,
            catalog=catalog,
        ),
        alerting=alerting,
        blindness=blindness,
        journal=journal,
        audit=audit,
        messenger=outside.messenger,
        catalog=catalog,
    )

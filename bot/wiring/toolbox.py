"""The services that commands work with."""

from __future__ import annotations

from bot.adapters.redis_audit_log import RedisAuditLog
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
from bot.services.retrying import Retrying
from bot.wiring.operating import Operating, build_operating
from bot.wiring.outside import Outside


def build_toolbox(
    redis_url: str, config: Config, catalog: Catalog, outside: Outside, blindness: Blindness
) -> tuple[Toolbox, Operating]:
    """Make the services and put them together."""
    audit = RedisAuditLog(client=outside.own, kept=config.audit_kept)
    journal = Journal(audit=audit, reader=outside.reader, catalog=catalog)
    directory = SlackDirectory(client=outside.client, calls=outside.calls)
    operating = build_operating(redis_url, config, catalog, outside, journal)
    finder = QueueFinder(store=outside.store, catalog=catalog)
    alerting = Alerting(
        store=outside.store, reader=outside.reader, journal=journal, catalog=catalog
    )
    toolbox = Toolbox(
        access=Access(directory=directory, catalog=catalog),
        finder=finder,
        looking=_looking(outside, finder, alerting, catalog),
        reader=outside.reader,
        store=outside.store,
        planner=operating.planner,
        stuck=operating.stuck,
        confirming=operating.confirming,
        approving=operating.approving,
        repairs=operating.repairs,
        failed_again=operating.failed_again,
        retrying=_retrying(outside, operating, journal, catalog),
        pausing=_pausing(outside, operating, journal, catalog),
        alerting=alerting,
        blindness=blindness,
        journal=journal,
        audit=audit,
        messenger=outside.messenger,
        catalog=catalog,
        orders=operating.orders,
    )
    return toolbox, operating


def _looking(
    outside: Outside, finder: QueueFinder, alerting: Alerting, catalog: Catalog
) -> Looking:
    return Looking(
        reader=outside.reader,
        store=outside.store,
        finder=finder,
        alerting=alerting,
        catalog=catalog,
    )


def _retrying(
    outside: Outside, operating: Operating, journal: Journal, catalog: Catalog
) -> Retrying:
    return Retrying(
        reader=outside.reader,
        operator=operating.operator,
        journal=journal,
        store=outside.store,
        catalog=catalog,
    )


def _pausing(outside: Outside, operating: Operating, journal: Journal, catalog: Catalog) -> Pausing:
    return Pausing(
        reader=outside.reader,
        operator=operating.operator,
        journal=journal,
        store=outside.store,
        catalog=catalog,
    )

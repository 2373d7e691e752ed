"""Draws the card of a plan, of whatever kind it is."""

from __future__ import annotations

from bot.commands.base import Toolbox
from bot.domain.message import Message
from bot.domain.plans import Change, Plan
from bot.render import plans, repairs
from bot.services import plan_words
from bot.services.planning import Proposal


def card(tools: Toolbox, proposal: Proposal, *, change: Change | None = None) -> Message:
    """The card; `change` is why it is drawn again."""
    plan, catalog = proposal.plan, tools.catalog
    return plans.card(
        plan,
        catalog.policy(plan.queue),
        catalog,
        plan.asked_at,
        allowed_fresh=proposal.may_be_fresh,
        change=change,
        lines=repairs.lines(plan, proposal.archive, plan.asked_at),
        asks=repairs.asks(plan, proposal.archive),
        offers=repairs.offers(plan, catalog, orphans=proposal.orphans),
    )


def described(tools: Toolbox, plan: Plan | None, plan_id: str) -> str:
    """What a plan is about, for the audit log; of one that is not there, its id."""
    if plan is None:
        return f"plan {plan_id[:40]}"
    return plan_words.what(plan, tools.catalog.policy(plan.queue).redact)

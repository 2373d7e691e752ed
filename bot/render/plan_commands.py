"""The command that asks for a plan like an old one again."""

from __future__ import annotations

from bot.domain.plans import GHOSTS, STUCK, Plan, PlanKind
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.times import DAY, SECOND, Ms
from bot.render.reasons import about
from bot.render.typed import typed


def command(plan: Plan, catalog: Catalog | None, *, by_bullmq: bool = False) -> str | None:
    """What to type to ask for such a plan again, None where that would mean something else.

    `by_bullmq` asks for a retry by BullMQ, whatever is recommended.
    """
    address = catalog.address(plan.queue) if catalog else plan.queue.name
    if plan.kind in (PlanKind.RETRY, PlanKind.SALESFORCE):
        policy = catalog.policy(plan.queue) if catalog else QueuePolicy()
        return _retry(plan, address, policy, by_bullmq=by_bullmq)
    if plan.kind is PlanKind.PROMOTE:
        if plan.named:
            return typed("promote", address, *(one for one, _ in plan.ids))
        return typed("promote", address, flags=["--all"], rate=_rate(plan.rate))
    if plan.kind is PlanKind.CLEAN and plan.named:
        return typed("remove", address, plan.ids[0][0])
    if plan.kind is PlanKind.CLEAN and plan.filter.until is not None:
        age = max(0, plan.asked_at - plan.filter.until)
        return typed("clean", address, plan.state, older_than=_option(age), rate=_rate(plan.rate))
    words = {
        PlanKind.UNSTICK: ("unstick", address),
        PlanKind.SWEEP: ("clean", address, GHOSTS if plan.state == GHOSTS else "orphans"),
        PlanKind.UNDO: ("undo", plan.archive),
    }.get(plan.kind)
    every = ["--all"] if plan.kind is PlanKind.UNDO and plan.named else ()
    return typed(*words, flags=every, rate=_rate(plan.rate)) if words else None


def _retry(plan: Plan, address: str, policy: QueuePolicy, *, by_bullmq: bool) -> str | None:
    wanted = plan.filter
    flags = (*(["--fresh"] if plan.fresh else ()), *(["--bullmq"] if by_bullmq else ()))
    if plan.state == STUCK:
        return typed("retry", address, flags=["--stuck"])
    if plan.named:
        return typed("retry", address, *(one for one, _ in plan.ids), flags=flags)
    if wanted.since is not None:
        return None  # "--since 2h" meant other jobs then than it would now
    whole = () if wanted.code is not None else ("--all",)
    return about(
        "retry",
        address,
        wanted.code,
        policy,
        flags=(*whole, *flags),
        name=wanted.name,
        rate=_rate(plan.rate),
    )


def _rate(rate: float | None) -> str | None:
    """Jobs a second as the option takes them: `50/s`, `5/m`."""
    if rate is None:
        return None
    return f"{round(rate)}/s" if rate >= 1 and rate == round(rate) else f"{round(60 * rate)}/m"


def _option(age: Ms) -> str:
    """An age as an option takes it: `30d`, or in seconds."""
    return f"{age // DAY}d" if age and age % DAY == 0 else f"{age // SECOND}s"

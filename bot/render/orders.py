"""What Salesforce says of orders: in the view of a job, and in that of a queue."""

from __future__ import annotations

from typing import Final

from bot.domain.jobs import JobDetail
from bot.domain.policy import QueuePolicy
from bot.domain.redaction import mask_reason
from bot.domain.salesforce import OrderView, StuckOrders
from bot.domain.times import Ms
from bot.render import levels
from bot.render.kit import Block, button, context, section
from bot.render.repairs import made
from bot.render.typed import typed
from bot.render.words import code, date, escape, link, number, plural, quote, trusted

_EXAMPLES: Final = 3


def of_job(view: OrderView | None, job: JobDetail, policy: QueuePolicy, now: Ms) -> Block | None:
    """The order's status, its error, and a link; None where there is nothing to say."""
    if view is None:
        return None
    name = f"*Salesforce order* {code(view.order_id, 20)}"
    if view.unknown:
        return context(f"{name}: unknown: {trusted(view.unknown)}")
    order = view.order
    if order is None:
        return section(f"{name}: not there, or Bullhorn's user may not see it")
    status = f"*{escape(order.status, 60)}*" if order.status else "no status"
    since = f", changed {date(order.modified_at, now)}" if order.modified_at is not None else ""
    lines = [f"{name}: {status}{since} · {link(order.url, 'open')}"]
    if order.error:
        at = f" at {date(order.error_at, now)}" if order.error_at is not None else ""
        # The portal wrote it, as it wrote the failed reason: it may quote the job's data.
        lines.append(f"{quote(mask_reason(order.error, policy.redact, job.data), 300)}{at}")
    return section(*lines)


def of_queue(stuck: StuckOrders | None, address: str, now: Ms, *, may_retry: bool) -> Block | None:
    """How many orders wait for a job that is not there, and what sets them right."""
    if stuck is None:
        return None
    if stuck.unknown:
        return context(f"Orders in Salesforce: unknown: {trusted(stuck.unknown)}")
    if not stuck.orders:
        return None
    count = len(stuck.orders)
    least = "at least " if stuck.more else "" if stuck.sure else "up to "
    first = stuck.orders[0]
    shown = ", ".join(code(order.id, 20) for order in stuck.orders[:_EXAMPLES])
    more = f" and {number(count - _EXAMPLES)} more" if count > _EXAMPLES else ""
    oldest = f", the oldest since {date(first.modified_at, now)}" if first.modified_at else ""
    unsure = "" if stuck.sure else " Not all of the queue's jobs and archives could be looked at."
    are = "order is" if count == 1 else "orders are"
    state = escape(first.status or "activating", 60)
    fix = typed("retry", address, flags=["--stuck"]) if may_retry else None
    return section(
        f"{levels.WARNING_SIGN} *{least}{number(count)} {are} {state}* in Salesforce without a job"
        f"{oldest}.{unsure}",
        f"{shown}{more}",
        accessory=button("Set right\u2026", fix),
    )


def of_archives(stuck: StuckOrders | None, now: Ms, *, may_retry: bool) -> Block | None:
    """How many orders wait for a job that is archived, and what brings it back."""
    kept = stuck.archived if stuck is not None else ()
    if not kept:
        return None
    count = sum(of for _, of in kept)
    least = "at least " if stuck is not None and stuck.more else ""
    orders = "order is" if count == 1 else "orders are"
    job = "its job is" if count == 1 else "their jobs are"
    lines = [
        f"{number(of)} {made(info, now)}: {code(f'undo {info.id}')} brings "
        f"{'it' if of == 1 else 'them'} back"
        for info, of in kept[:_EXAMPLES]
    ]
    more = len(kept) - len(lines)
    fix = typed("undo", kept[0][0].id) if may_retry else None
    return section(
        f"{levels.WARNING_SIGN} *{least}{number(count)} {orders} activating* in Salesforce, and "
        f"{job} archived",
        *lines,
        f"and in {plural(more, 'more archive')}: {code('undo')} lists them" if more > 0 else "",
        accessory=button("Undo\u2026", fix),
    )

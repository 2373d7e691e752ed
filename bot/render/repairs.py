"""The repairs besides retry: what their cards say more, and their other messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from bot.domain.archives import ArchiveInfo, say_size
from bot.domain.listing import state_word
from bot.domain.message import Message
from bot.domain.plans import STUCK, Plan, PlanKind
from bot.domain.policy import Catalog
from bot.domain.queues import QueueId
from bot.domain.times import Ms, say_duration
from bot.render.kit import Block, Element, actions, button, context, finish, section
from bot.render.plan_commands import command
from bot.render.plans import UNRECORDED
from bot.render.typed import typed
from bot.render.words import code, date, escape, mention, number, plural

_ARCHIVES: Final = 10
_MADE_BY: Final = {"clean": "cleaned", "remove": "removed", "drain": "drained", "sweep": "cleaned"}


def lines(plan: Plan, archive: ArchiveInfo | None, now: Ms) -> list[str]:
    """What a card says below its question: where what comes back comes from."""
    if plan.kind is not PlanKind.UNDO or archive is None:
        return []
    how = made(archive, now)
    return [f"{how[0].upper()}{how[1:]}, archived until {date(archive.expires_at, now)}"]


def asks(plan: Plan, archive: ArchiveInfo | None) -> str:
    """What a card asks once more before it is done, "" where it need not."""
    if plan.kind is PlanKind.SWEEP and plan.archive:
        return (
            "Each may be the last copy of a job's data. They are archived first: until the archive "
            "expires, undo brings them back."
        )
    if plan.kind is not PlanKind.UNDO or archive is None or not archive.replaced:
        return ""
    rest = " Those that are done are left out as they come." if plan.at_most else ""
    return (
        "New jobs were made in their place. An order whose new job ran is provisioned twice when "
        f"its old job is retried too.{rest}"
    )


def offers(plan: Plan, catalog: Catalog, *, orphans: int) -> list[Element | None]:
    """Buttons for what else was found, and for the other way there is."""
    if plan.kind is PlanKind.SALESFORCE and plan.state != STUCK:
        return [button("Retry by BullMQ instead\u2026", command(plan, catalog, by_bullmq=True))]
    if not orphans:
        return []
    address = catalog.address(plan.queue)
    label = f"{plural(orphans, 'orphaned job')}\u2026"
    return [button(label, typed("clean", address, "orphans"))]


def promoted(
    queue: QueueId, job_id: str, user: str, catalog: Catalog, *, recorded: bool = True
) -> Message:
    """Told where it was asked: who promoted which job; `recorded` False: not in the audit log."""
    address = catalog.address(queue)
    said = f"{mention(user)} promoted job {code(job_id, 60)} of {escape(address, 80)}."
    buttons = actions(
        button("Details", typed("job", address, job_id)),
        button("Status", typed("status", address)),
    )
    return finish(said, [section(said, "" if recorded else UNRECORDED), buttons])


def archives(
    found: Sequence[ArchiveInfo],
    mine: Collection[str],
    now: Ms,
    catalog: Catalog,
    *,
    cap: int,
    kept: Ms,
) -> Message:
    """What can be brought back, newest first; those of `mine` by this person."""
    kept_words = f"Kept {say_duration(kept)}, up to {say_size(cap)} in all"
    if not found:
        said = "Nothing can be brought back: no archived job is left."
        return finish(said, [section(said), context(kept_words)])
    jobs, taken = sum(one.jobs - one.lost for one in found), sum(one.bytes for one in found)
    whole = sum(one.lost < one.jobs for one in found)
    title = f"*{plural(jobs, 'job')}* in {plural(whole, 'archive')} can be brought back"
    blocks: list[Block | None] = [section(title)]
    blocks += [
        _archive(one, catalog.address(one.queue), now, may_undo=one.id in mine)
        for one in found[:_ARCHIVES]
    ]
    more = len(found) - _ARCHIVES
    blocks.append(
        context(
            f"{number(more)} older: `undo ID` with the id that `history` tells" if more > 0 else "",
            f"{kept_words}; {say_size(taken)} taken by these",
        )
    )
    return finish(title, blocks)


def _archive(archive: ArchiveInfo, address: str, now: Ms, *, may_undo: bool) -> Block:
    """One in the list, and why what is left of it was left."""
    state = f"{escape(state_word(archive.state), 40)} " if archive.state else ""
    what = f"*{number(archive.jobs)}* {state}{'job' if archive.jobs == 1 else 'jobs'}"
    notes = (
        f"{number(archive.lost)} ran out" if archive.lost else "",
        f"{number(archive.left_out)} left out: order done or under way" if archive.left_out else "",
    )
    undo = button("Undo\u2026", typed("undo", archive.id))
    until = f"until {date(archive.expires_at, now)}"
    return section(
        f"{what} of *{escape(address, 80)}* · {made(archive, now)}",
        f"{code(archive.id, 40)} · {say_size(archive.bytes)} · {until}",
        " · ".join(filter(None, notes)),
        accessory=undo if may_undo and archive.lost < archive.jobs else None,
    )


def made(archive: ArchiveInfo, now: Ms) -> str:
    """`cleaned by @bob 03:12`."""
    if archive.replaced:
        when = date(archive.at, now)
        return f"replaced by new jobs through Salesforce, for {mention(archive.by)} {when}"
    verb = _MADE_BY.get(archive.kind, "removed")
    return f"{verb} by {mention(archive.by)} {date(archive.at, now)}"

"""Which failed jobs need no retry: another job, or Salesforce, has done the same work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bot.domain.jobs import FailureFilter
from bot.domain.plan_choice import Superseded, noun
from bot.domain.plans import Overtaken, Plan, PlanKind
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.errors import JobGoneError
from bot.ports import QueueReader
from bot.services.plan_freezing import Frozen, without
from bot.services.plan_knowledge import look_into
from bot.services.settled_orders import (
    LOOKED_AT,
    Asked,
    SettledOrders,
    left_out_words,
    not_checked,
    unexpected_words,
)

_IDS = 3
_MANY = 20_000
"""Jobs that are looked for together where only the queue tells: that goes through all of it."""


class DoneElsewhere:
    """Looks for it in the queue and, where that is told by `settled`, in Salesforce."""

    def __init__(
        self, *, reader: QueueReader, catalog: Catalog, settled: SettledOrders | None
    ) -> None:
        self._reader = reader
        self._catalog = catalog
        self._settled = settled

    async def orders(
        self,
        queue: QueueId,
        wanted: FailureFilter,
        ids: Sequence[str] = (),
        *,
        but: Collection[str] = (),
        kind: PlanKind = PlanKind.RETRY,
    ) -> Asked:
        """What Salesforce says of the orders of these jobs, where it provisions the queue's.

        For a retry by BullMQ also which are being done since these jobs failed: by another retry,
        through Salesforce, whose new jobs are to come. For one through Salesforce which are in a
        state that none is expected in.
        """
        settled = self._settled
        if settled is None or not settled.concerns(queue):
            return Asked()
        facts = await self._reader.plan_facts(queue, wanted, ids=ids, business=settled.path)
        gone = frozenset(but)
        about = [job for job in facts.about if job.id not in gone]
        jobs = {job.id: job.business for job in about}
        if kind is PlanKind.SALESFORCE:
            return await settled.within(jobs, expected=True)
        return await settled.within(jobs, failed_at={job.id: job.failed_at for job in about})

    def asks(self, plan: Plan) -> int:
        """About how many jobs of a retry `since` may be asked at a time; 0: nothing can tell."""
        settled = self._settled
        if settled is not None and settled.concerns(plan.queue):
            return LOOKED_AT
        return 0 if self._catalog.policy(plan.queue).business_id is None else _MANY

    async def since(self, plan: Plan) -> Overtaken:
        """The plan's jobs whose work was done since its card was drawn.

        It looks at what the card looked at, so that a card drawn anew leaves out, or names, what
        is found here. But for orders that are retried through Salesforce: each is looked at anew
        when it comes to it.

        Raises:
            RedisUnavailableError: the queue cannot be read.
        """
        policy = self._catalog.policy(plan.queue)
        ids = [job_id for job_id, _ in plan.ids] if plan.named else []
        others: tuple[str, ...] = ()
        if policy.business_id is not None:
            now = await self._reader.now()
            gapless = replace(policy, min_gap=0)  # when to begin was chosen on the card
            found = await look_into(
                self._reader, plan.queue, gapless, plan.filter, ids=ids, now=now
            )
            others = found.superseded.jobs
        but = () if plan.named else others
        asked = Asked()
        if plan.kind is PlanKind.RETRY:
            asked = await self.orders(plan.queue, plan.filter, ids, but=but)
        newly = _Newly(plan)
        how = {**asked.settled, **dict.fromkeys(others, "")}
        how = {job: status for job, status in how.items() if newly.has(job)}
        return Overtaken(how=how, said=self.words(plan, how), unknown=asked.unknown)

    def words(self, plan: Plan, how: Mapping[str, str]) -> tuple[str, ...]:
        """How many of its jobs have been done, and by what; `how` is as `Overtaken.how`."""
        path = self._catalog.policy(plan.queue).business_id or ""
        counts = Counter(how.values())
        replaced = counts.pop("", 0)
        return (
            *_replaced(replaced, path),
            *(_settled(count, status) for status, count in counts.most_common(3)),
        )


class _Newly:
    """Which jobs are in a plan without its card having said that their work was done."""

    def __init__(self, plan: Plan) -> None:
        self._known = frozenset((*plan.excluded, *plan.doubled))
        self._ids = frozenset(job_id for job_id, _ in plan.ids)

    def has(self, job_id: str) -> bool:
        """Whether it is one of them."""
        return job_id not in self._known and (not self._ids or job_id in self._ids)


def _replaced(count: int, path: str) -> list[str]:
    if not count:
        return []
    jobs = "1 job has" if count == 1 else f"{count:,} jobs have"
    same = f"the same {noun(path, 1)} by now"
    return [f"{jobs} a newer, an open or a completed one for {same}"]


def _settled(count: int, how: str) -> str:
    jobs = "1 job has" if count == 1 else f"{count:,} jobs have"
    return f"{jobs} an order that is {how} in Salesforce by now"


async def without_done(
    reader: QueueReader, queue: QueueId, frozen: Frozen, asked: Asked, policy: QueuePolicy
) -> Frozen:
    """All but the jobs whose order is done in Salesforce, or is in a state that allows no retry.

    Raises:
        JobGoneError: nothing is left; what to do with them is said.
    """
    if asked.jobs and len(asked.jobs) >= frozen.count:
        said = []
        if asked.settled:
            done = left_out_words(asked.orders, asked.statuses())
            said.append(". ".join(filter(None, [done, _removable(asked)])))
        if asked.unexpected:
            said.append(f"{unexpected_words(asked, policy.redact)}: {_expected(asked)}")
        why = ". ".join(said)
        raise JobGoneError(
            f"Nothing to retry: {why}. To retry a job all the same, name it: "
            "`retry QUEUE ID --bullmq`."
        )
    gone = Superseded(jobs=asked.jobs, values=asked.orders + sum(asked.states.values()))
    return await without(reader, queue, frozen, gone, policy)


def done_words(asked: Asked, kind: PlanKind, redact: Sequence[str], *, kept: bool) -> list[str]:
    """What a card says first of orders that need or allow no retry, or could not be asked for.

    `kept` jobs are in it all the same; what to do with the others is said.
    """
    said = []
    if asked.settled:
        who, them = left_out_words(asked.orders, asked.statuses()), _them(asked.orders)
        twice = f"a retry would provision {them} twice"
        left_out = ". ".join(filter(None, [f"left out, {twice}", _removable(asked)]))
        said.append(f"{who}: {twice if kept else left_out}")
    if asked.unexpected:
        said.append(f"{unexpected_words(asked, redact)}: left out, {_expected(asked)}")
    if unknown := not_checked(asked):
        later = ". Each is looked at when it comes to it" if kind is PlanKind.SALESFORCE else ""
        said.append(f"{unknown}{later}")
    return said


def _expected(asked: Asked) -> str:
    return f"a retry is expected from {asked.expected}"


def _removable(asked: Asked) -> str:
    """What can be done with failed jobs of which nothing is left to do; "" without any."""
    ids = [one[:40] for one in asked.settled if one not in asked.begun]
    if not ids:
        return ""
    more = f" and {len(ids) - _IDS:,} more" if len(ids) > _IDS else ""
    which = f"({', '.join(ids[:_IDS])}{more})"
    if len(ids) == 1:
        who = "The failed job of the one that is done" if asked.begun else "Its failed job"
        return f"{who} {which} can go, archived first: `remove QUEUE ID`"
    who = "The failed jobs of those that are done" if asked.begun else "Their failed jobs"
    return (
        f"{who} {which} can go, archived first: `remove QUEUE ID` each, or those that "
        "are old enough by `clean QUEUE failed`"
    )


def _them(count: int) -> str:
    return "it" if count == 1 else "them"

"""The runbook's recommended retry: an order is set back to activating, and its new job awaited.

Its four steps are here: read the order, see that it is in a state a retry is expected in, empty the
two error fields, set the status. The flow in Salesforce then publishes the event that makes the new
job. What becomes of the old job is not decided here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from bot.domain.failures import failure_code
from bot.domain.queues import QueueId
from bot.domain.salesforce import (
    NewJob,
    Order,
    OrderJob,
    OrderOutcome,
    Retried,
    SalesforcePolicy,
    forms,
    is_order_id,
    jobs_by_order,
    order_key,
    unique_ids,
)
from bot.domain.subjects import JobsAbout
from bot.domain.times import Ms
from bot.errors import (
    BullhornError,
    SalesforceRefusedError,
    SalesforceUnavailableError,
    UnavailableError,
)
from bot.ports import OrderSystem, OutcomeReader, QueueReader
from bot.services.new_job_watch import SKEW, NewJobWatch
from bot.services.order_notes import OrderNotes
from bot.services.order_standing import FINISHED, ours, standing, up_to

_NOT_DONE: Final = (Retried.CHANGED, Retried.GONE, Retried.REFUSED)
"""What says that an order was not changed."""
_FIRST, _SLOWER, _LAST = 1.0, 1.5, 15.0
"""Seconds between two looks for new jobs: the first pause, how it grows, the longest."""
_ASK_EVERY: Final = 60.0
"""Seconds between two questions to Salesforce about orders whose job is not seen."""
_ASK_SOON: Final = 10.0
"""Seconds between two questions while jobs are gone: the order tells how they ended."""
_NO_STATUS: Final = "(empty)"
_LOOK: Final = 500
"""Jobs whose end is asked for in one call."""

Ids = Sequence[str]
Told = Callable[[Mapping[str, NewJob]], Awaitable[None]]


class SalesforceRetry:
    """Retries orders through Salesforce. `policy` says which state means what."""

    def __init__(
        self,
        *,
        orders: OrderSystem,
        reader: QueueReader,
        outcomes: OutcomeReader,
        policy: SalesforcePolicy,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._orders = orders
        self._reader = reader
        self._outcomes = outcomes
        self._policy = policy
        self._sleep = sleep
        self._monotonic = monotonic

    async def jobs_of(
        self, queue: QueueId, jobs: Sequence[OrderJob], *, finished: bool = False
    ) -> JobsAbout:
        """The jobs of these orders that have not finished, or all: with one of those, no retry."""
        since = None if finished else await self._reader.now()
        asked = _forms(_ids(jobs))
        return await self._reader.jobs_about(
            queue, self._policy.order_id, asked, since=since, thorough=True
        )

    async def reactivate(
        self,
        queue: QueueId,
        jobs: Sequence[OrderJob],
        *,
        stuck_since: Ms | None = None,
        about: JobsAbout | None = None,
        notes: OrderNotes | None = None,
        most: int | None = None,
    ) -> Mapping[str, OrderOutcome]:
        """Set the orders of these jobs back to activating; the outcome by the jobs' ids.

        All are read, and no more than `most` are set: the jobs after the last of these have no
        outcome.

        May be run again after it was killed in the middle: orders that it had set are SET by its
        `notes`, and ALREADY without. An order with a job that has not finished is left alone: it
        would be provisioned twice. `stuck_since` is for orders that are activating already: those
        that nobody changed after it and that have no job in any state are set anew. `about` is what
        `jobs_of` found, if the caller has asked it already; what came since is looked for.

        Raises:
            SalesforceUnavailableError, SalesforceRefusedError, RedisUnavailableError: nothing was
                changed. What happens once one order was changed is in the outcomes.
        """
        ids = _ids(jobs)
        seen, at = await self._orders.orders(ids), await self._reader.now()
        if about is None:
            about = await self.jobs_of(queue, jobs, finished=stuck_since is not None)
        latest = await self._latest(queue, ids, None if stuck_since is not None else at - SKEW)
        others, sure = jobs_by_order(about, latest), about.sure and not latest.unread
        outcomes: dict[str, OrderOutcome] = {}
        ready: dict[str, Order] = {}
        for order_id in ids:
            order, key = seen.get(order_id), order_key(order_id)
            what = standing(self._policy, order, others.get(key, ()), stuck_since, sure=sure)
            if order is not None and notes is not None and notes.changed(order):
                what = ours(what, stuck=stuck_since is not None)
            if what is None and order is not None:
                ready[key] = order
            else:
                outcomes[key] = _left(order_id, what or Retried.GONE, order)
        jobs = up_to(jobs, ready, most)
        ready = {key: ready[key] for one in _ids(jobs) if (key := order_key(one)) in ready}
        if notes is not None:
            await notes.put(jobs, ready, others, at)
        if ready:
            outcomes |= await self._changed(list(ready.values()), notes)
        none = OrderOutcome(order_id="", what=Retried.NO_ID)
        return {job.job_id: outcomes.get(order_key(job.order_id or ""), none) for job in jobs}

    async def _latest(
        self, queue: QueueId, order_ids: Sequence[str], since: Ms | None
    ) -> JobsAbout:
        """The newest jobs of orders, right before these are changed."""
        asked = _forms(order_ids)
        return await self._reader.jobs_about(queue, self._policy.order_id, asked, since=since)

    async def _changed(
        self, ready: Sequence[Order], notes: OrderNotes | None
    ) -> dict[str, OrderOutcome]:
        """Change them; what was not answered clearly is looked at once more."""
        try:
            done = dict(await self._orders.reactivate(ready))
        except (SalesforceUnavailableError, SalesforceRefusedError) as error:
            if isinstance(error, SalesforceRefusedError) or not error.unclear:
                await _take_back(notes, [order.id for order in ready])
            raise
        not_done = [one for one, outcome in done.items() if outcome.what in _NOT_DONE]
        refused = [one for one in not_done if done[one].what is Retried.REFUSED]
        await _take_back(notes, not_done, refused)
        unclear = [one for one, outcome in done.items() if outcome.what is Retried.UNCLEAR]
        if unclear:
            with suppress(BullhornError):
                now = await self._orders.orders(unclear)
                before = {order.id: order.modified_at for order in ready}
                for one, order in now.items():
                    moved = order.modified_at != before.get(one)
                    if moved and self._policy.is_activating(order):
                        done[one] = OrderOutcome(order_id=one, what=Retried.SET)
        return {order_key(one): outcome for one, outcome in done.items()}

    async def await_new_jobs(
        self,
        queue: QueueId,
        set_at: Mapping[str, Ms],
        *,
        limit: Ms,
        old: Collection[str] = (),
        told: Told | None = None,
    ) -> Mapping[str, NewJob]:
        """Watch until each order's new job has ended, at most for `limit` ms; by the order's id.

        A job is new when it was added after its order was set (Redis `TIME`; a minute earlier
        counts too) and is none of `old`. Orders without one are not in the answer, unless their
        state tells: it failed, it succeeded, or, when the time is over, that it is neither. `told`
        is called whenever more is known. While Redis or Salesforce is away it waits, and raises
        nothing.
        """
        watch = NewJobWatch(queue, set_at, frozenset(old))
        ends, pause = self._monotonic() + limit / 1000, _FIRST
        asked = soon = self._monotonic()
        while True:
            before = dict(watch.known)
            now = self._monotonic()
            with suppress(UnavailableError):
                await self._look(watch)
            if now >= ends or now - asked >= _ASK_EVERY:
                asked = soon = now
                with suppress(BullhornError):
                    await self._ask(watch, [*watch.missing(), *watch.gone], now)
            elif (due := watch.due(now)) and now - soon >= _ASK_SOON:
                soon = now
                with suppress(BullhornError):
                    await self._ask(watch, due, now)
            if now >= ends:
                watch.give_up()
            if told is not None and watch.known != before:
                await told(watch.known)
            if now >= ends or not (watch.missing() or watch.open()):
                return watch.known
            await self._sleep(min(pause, max(0.0, ends - now)))
            pause = min(pause * _SLOWER, _LAST)

    async def _look(self, watch: NewJobWatch) -> None:
        """For new jobs, and how those that are known stand."""
        if missing := watch.missing():
            about = await self._reader.jobs_about(
                watch.queue, self._policy.order_id, _forms(missing), since=watch.earliest()
            )
            watch.take(jobs_by_order(about))
        pending = watch.open()
        for start in range(0, len(pending), _LOOK):
            part = {job.job_id or "": job for job in pending[start : start + _LOOK]}
            for job_id, ended in (await self._outcomes.outcomes(watch.queue, list(part))).items():
                order_id = part[job_id].order_id
                if ended.state == "gone":  # the order tells how it ended
                    watch.gone.setdefault(order_id, 0.0)
                    continue
                watch.known[order_id] = NewJob(
                    order_id=order_id, state=ended.state, job_id=job_id, code=ended.code
                )

    async def _ask(self, watch: NewJobWatch, ids: Sequence[str], now: float) -> None:
        """Salesforce, where no job is seen or one is gone: jobs may be removed when they end."""
        orders = await self._orders.orders(ids)
        for order_id in ids:
            order, known = orders.get(order_id), watch.known.get(order_id)
            fate = self._policy.fate(order) if order is not None else ""
            if order_id in watch.gone:
                watch.gone[order_id] = now + _ASK_EVERY
                if fate != "waiting":
                    del watch.gone[order_id]
                    watch.known[order_id] = replace(watch.known[order_id], state="gone")
            if order is None:
                continue
            watch.odd[order_id] = "" if fate else order.status or _NO_STATUS
            if fate in FINISHED:
                watch.known[order_id] = NewJob(
                    order_id=order_id,
                    state=fate,
                    job_id=known.job_id if known is not None else None,
                    code=failure_code(order.error) if fate == "failed" else "",
                )


def _left(order_id: str, what: Retried, order: Order | None) -> OrderOutcome:
    status = order.status if order is not None else None
    return OrderOutcome(order_id=order_id, what=what, status=status)


def _ids(jobs: Sequence[OrderJob]) -> tuple[str, ...]:
    return unique_ids(job.order_id for job in jobs if job.order_id is not None)


def _forms(order_ids: Iterable[str]) -> set[str]:
    """What the data of their jobs may hold."""
    return {form for order_id in order_ids for form in (order_id, *forms(order_id))}


async def _take_back(notes: OrderNotes | None, order_ids: Ids, refused: Ids = ()) -> None:
    """Nothing was changed of these. Where that is not noted, their state tells it still."""
    with suppress(UnavailableError):
        if notes is not None:
            await notes.take_back(order_ids, refused=refused)


def order_jobs(pairs: Mapping[str, str | None]) -> list[OrderJob]:
    """From job ids and the values at the order id's path; what is no id of Salesforce is none."""
    return [OrderJob(job, value if is_order_id(value) else None) for job, value in pairs.items()]

"""Which archived jobs stay archived: another job does their order's work by now, or did it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.archives import ArchiveInfo, back_set, data_of
from bot.domain.jobs import ORPHAN, ArchivedJob
from bot.domain.plan_choice import COMPLETED, Superseded, superseded
from bot.domain.plan_consequences import Known, twice, unread_words
from bot.domain.plan_facts import FailedAbout, PlanFacts
from bot.domain.plans import PlanKind
from bot.domain.policy import Catalog
from bot.domain.subjects import JobAbout, JobsAbout, value_at
from bot.ports import Archive, DoneSets, QueueReader
from bot.services.done_ids import done_among
from bot.services.other_jobs import other_jobs
from bot.services.settled_orders import Asked, SettledOrders, left_out_words, not_checked

LOOKED_AT: Final = 2_000
"""Archived jobs that are looked at while a card is drawn."""

_AT_REST: Final = ("failed", "completed", ORPHAN)
"""States of jobs that no worker takes up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staying:
    """Of the jobs looked at, which must stay; why, and all that a card has to say of it.

    `sure` is False where more may have to stay: not all could be looked at.
    """

    jobs: frozenset[str] = frozenset()
    sure: bool = True
    why: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


class Returning:
    """Looks at archived jobs before they come back.

    Failed ones wait for somebody to retry them, which has its own look. Those that would run by
    themselves stay where a retry would leave them out: another job for their business id is newer,
    open or completed, or Salesforce has done the order; and where one may be, as not all jobs could
    be looked at. Of jobs that new ones have replaced, those stay whose order is not free for
    another try.
    """

    def __init__(
        self,
        *,
        reader: QueueReader,
        archive: Archive,
        done: DoneSets,
        catalog: Catalog,
        settled: SettledOrders | None = None,
    ) -> None:
        self._reader = reader
        self._archive = archive
        self._done = done
        self._catalog = catalog
        self._settled = settled

    async def staying(self, info: ArchiveInfo, jobs: Sequence[ArchivedJob]) -> frozenset[str]:
        """Those of these jobs that must stay, where `has_to_look` says that any may.

        Raises:
            RedisUnavailableError, SalesforceUnavailableError, SalesforceRefusedError: it is not
                known.
        """
        found = await self._superseded(info, jobs, thorough=True)
        other = (*found.jobs, *found.unsure)
        orders = self._orders(info, jobs, but=other)
        if self._settled is None or not orders:
            return frozenset(other)
        return frozenset((*other, *await self._settled.of(orders, under_way=info.replaced)))

    async def look(self, info: ArchiveInfo, *, all_of_them: bool = False) -> Staying:
        """What a card says of the first of them; none must stay where `all_of_them` are wanted.

        Raises:
            RedisUnavailableError: the archive or the queue cannot be read.
        """
        if not self.has_to_look(info):
            return Staying()
        jobs = await self._first(info)
        found = await self._superseded(info, jobs)
        held = (*found.jobs, *(found.unsure if found.unread else ()))
        asked = Asked()
        if self._settled is not None:
            orders = self._orders(info, jobs, but=held)
            asked = await self._settled.within(orders, under_way=info.replaced)
        stays = not all_of_them or info.replaced
        known = Known(superseded=found, kind=PlanKind.UNDO, named=not stays)
        other = twice(known, self._catalog.policy(info.queue))
        why = [other[0].partition(":")[0]] if found.jobs else []
        why += filter(None, [unread_words(found)])
        settled = left_out_words(asked.orders, asked.statuses()) if asked.settled else ""
        looked = len(jobs) - (asked.of - asked.looked)
        return Staying(
            jobs=frozenset((*held, *asked.settled)) if stays else frozenset(),
            sure=not stays or (found.complete and looked >= info.jobs),
            why=(*why, settled) if settled else tuple(why),
            said=(
                *other,
                *_settled_said(settled, asked, stays=stays),
                *(_rest_said(looked, info) if stays and not asked.unknown else ()),
            ),
        )

    def has_to_look(self, info: ArchiveInfo, *, all_of_them: bool = False) -> bool:
        """Whether something can tell what became of the work of jobs that would run again.

        Where `all_of_them` are wanted, that matters of replaced ones only.
        """
        if info.replaced or all_of_them:
            return info.replaced and self._settled is not None
        of_salesforce = self._settled is not None and self._settled.concerns(info.queue)
        path = self._catalog.policy(info.queue).business_id
        return info.state not in _AT_REST and (of_salesforce or path is not None)

    def _orders(
        self, info: ArchiveInfo, jobs: Sequence[ArchivedJob], *, but: Collection[str]
    ) -> dict[str, str | None]:
        """The order's id of each job that Salesforce is to be asked about."""
        settled, gone = self._settled, frozenset(but)
        if settled is None or not (info.replaced or settled.concerns(info.queue)):
            return {}
        return settled.archived(job for job in jobs if job.id not in gone)

    async def _superseded(
        self, info: ArchiveInfo, jobs: Sequence[ArchivedJob], *, thorough: bool = False
    ) -> Superseded:
        """Which of those that run by themselves have another job for their business id."""
        path = self._catalog.policy(info.queue).business_id
        if path is None or info.replaced:
            return Superseded()
        about = tuple(_about(job, path) for job in jobs)
        values = {job.business for job in about if job.business}
        others = await other_jobs(self._reader, info.queue, path, values, thorough=thorough)
        others = await self._without_those_back(info, others)
        return superseded(PlanFacts(count=len(about), about=about), others)

    async def _without_those_back(self, info: ArchiveInfo, others: JobsAbout) -> JobsAbout:
        """Without what came back from the same archive: as it was, they were there together.

        One that has completed since has done the work of the others too.
        """
        open_ = [job for job in _each(others) if job.state != COMPLETED]
        ids = [job.id for job in open_]
        back = await done_among(self._done, info.queue, back_set(info.id), ids)
        left = {
            value: tuple(job for job in jobs if job.id not in back)
            for value, jobs in others.found.items()
        }
        unread = await done_among(
            self._done, info.queue, back_set(info.id), sorted(others.unread_ids)
        )
        return replace(others, found=left, unread=others.unread - len(unread))

    async def _first(self, info: ArchiveInfo) -> list[ArchivedJob]:
        """The first batches that come back, with enough jobs in them."""
        jobs: list[ArchivedJob] = []
        for number in await self._archive.batches(info.id):
            jobs += await self._archive.batch(info.id, number)
            if len(jobs) >= LOOKED_AT:
                break
        return jobs


def _settled_said(who: str, asked: Asked, *, stays: bool) -> list[str]:
    """What a card says of orders that Salesforce has done, and of those it was not asked about."""
    what = "left out, " if stays else ""
    invites = "bringing their old jobs back invites a second provisioning"
    said = [f"{who}: {what}{invites}"] if who else []
    unknown = not_checked(asked)
    if asked.unknown and stays:
        again = "It is asked again before any job is back"
        unknown += f". {again}: those that are done are left out then"
    return [*said, unknown] if asked.unknown else said


def _rest_said(looked: int, info: ArchiveInfo) -> list[str]:
    """That what was not looked at is looked at before it comes back."""
    if looked >= info.jobs:
        return []
    rest = "those whose order is done or under way without them are left out too, as they come"
    return [f"{looked:,} of {info.jobs:,} were looked at: of the rest, {rest}"]


def _each(others: JobsAbout) -> list[JobAbout]:
    return [job for jobs in others.found.values() for job in jobs]


def _about(job: ArchivedJob, path: str) -> FailedAbout:
    added = dict(job.fields).get(b"timestamp", b"")
    created = int(added) if added.isdigit() and added.isascii() else None
    business = value_at(data_of(job), path)
    return FailedAbout(id=job.id, failed_at=0, created_at=created, business=business)

"""Jobs of orders that lie in an archive."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.domain.jobs import ArchivedJob
from bot.ports import Archive
from tests.support.fakes import ORDERS


def job_of(job_id: str, data: bytes) -> ArchivedJob:
    """A waiting job with this data."""
    return ArchivedJob(id=job_id, state="wait", score="0", fields=((b"data", data),))


async def archive_job_of(
    archive: Archive, name: str, orders: Sequence[str], *, kind: str = "drain", state: str = ""
) -> None:
    """Make an archive with a job for each of these orders."""
    await archive.begin(name, queue=ORDERS, state=state, kind=kind, by="U0ALICE")
    jobs = [job_of(one, json.dumps({"sfOrderId": one}).encode()) for one in orders]
    await archive.put(name, jobs)

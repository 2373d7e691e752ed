"""The jobs about the same as others: the two forms of an id of Salesforce are the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

from bot.domain.queues import QueueId
from bot.domain.salesforce import either_form, whole_id
from bot.domain.subjects import JobAbout, JobsAbout
from bot.domain.times import Ms
from bot.ports import QueueReader


async def other_jobs(
    reader: QueueReader,
    queue: QueueId,
    path: str,
    values: Collection[str],
    *,
    since: Ms | None = None,
    thorough: bool = False,
) -> JobsAbout:
    """As `QueueReader.jobs_about`: by the values as asked, whichever form a job's data holds.

    Raises:
        RedisUnavailableError: the queue cannot be read.
    """
    asked = {form for value in values for form in either_form(value)}
    about = await reader.jobs_about(queue, path, asked, since=since, thorough=thorough)
    found: dict[str, list[JobAbout]] = defaultdict(list)
    for form, jobs in about.found.items():
        found[whole_id(form)] += jobs
    each = ((value, tuple(found.get(whole_id(value), ()))) for value in values)
    return replace(about, found={value: jobs for value, jobs in each if jobs})

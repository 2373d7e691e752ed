"""What lua/restore.lua is sent: archived jobs as one flat list of arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.adapters.bullmq_batches import Item
from bot.adapters.bullmq_capture import raw_bytes
from bot.adapters.bullmq_scripts import Argument
from bot.domain.archives import in_order
from bot.domain.jobs import ArchivedJob


def items(jobs: Sequence[ArchivedJob]) -> list[Item]:
    """The jobs, those of lists in the order in which they must be put back."""
    return [Item(job.id, tuple(_flat(job))) for job in in_order(jobs)]


def _flat(job: ArchivedJob) -> Iterator[Argument | bytes]:
    yield from (raw_bytes(job.id), job.state, job.score)
    yield 2 * len(job.fields)
    yield from (part for pair in job.fields for part in pair)
    yield len(job.logs)
    yield from job.logs
    yield len(job.parts)
    for suffix, kind, content in job.parts:
        yield from (suffix, kind)
        yield len(content)
        yield from content
    name, left = job.deduplication or ("", 0)
    yield raw_bytes(name)
    yield left

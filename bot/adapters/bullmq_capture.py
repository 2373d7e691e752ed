"""Reads whole jobs out of a queue, byte for byte, about a megabyte at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import NoScriptError

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.redis_errors import speaking_to
from bot.domain.jobs import ArchivedJob, Captured, FailedRef
from bot.domain.queues import QueueId

CHUNK: Final = 50
"""Jobs in one call: it holds the server for a millisecond or two."""

CALL_BYTES: Final = 1024 * 1024
"""What one call reads, in bytes: with the job that goes over it, which is the last."""

GROUP: Final = 500
GROUP_BYTES: Final = 1024 * 1024
"""Jobs and bytes that are given at a time; a call that goes over it is the last.

They go into the archive by one call, which takes a millisecond or two a megabyte.
"""


async def capture(
    client: Redis, queue: QueueId, state: str, refs: Sequence[FailedRef]
) -> AsyncIterator[Captured]:
    """Give the jobs that are in `state` with that score, as they are now.

    Raises:
        RedisUnavailableError: the source does not answer.
    """
    unique = list({ref.id: ref for ref in refs}.values())
    jobs: list[ArchivedJob] = []
    size = changed = vanished = place = 0
    while place < len(unique):
        chunk = unique[place : place + min(CHUNK, GROUP - len(jobs))]
        with speaking_to(queue.source):
            looked, missed, empty, rows = await _call(client, queue, state, chunk)
        found = [_job(state, row) for row in rows]
        jobs += found
        size += sum(_weight(job) for job in found)
        place, changed, vanished = place + looked, changed + missed, vanished + empty
        if len(jobs) >= GROUP or size >= GROUP_BYTES:
            yield Captured(jobs=tuple(jobs), changed=changed, vanished=vanished)
            jobs, size, changed, vanished = [], 0, 0, 0
    if jobs or changed or vanished:
        yield Captured(jobs=tuple(jobs), changed=changed, vanished=vanished)


async def _call(client: Any, queue: QueueId, state: str, refs: Sequence[FailedRef]) -> Any:
    script = scripts.load("capture")
    pairs = [part for ref in refs for part in (ref.id, ref.failed_at)]
    call = (1, queue.key("meta"), state, CALL_BYTES, *pairs)
    options = {NEVER_DECODE: True}
    try:
        return await client.execute_command("EVALSHA", script.sha, *call, **options)
    except NoScriptError:
        return await client.execute_command("EVAL", script.text, *call, **options)


def _job(state: str, row: Sequence[Any]) -> ArchivedJob:
    id_, score, fields, logs, parts, deduplication, left = row
    pairs = tuple(zip(fields[::2], fields[1::2], strict=True))
    parent = dict(pairs).get(b"parentKey")
    return ArchivedJob(
        id=text(id_),
        state=state,
        score=text(score),
        fields=pairs,
        logs=tuple(logs),
        parts=tuple((text(suffix), text(kind), tuple(items)) for suffix, kind, items in parts),
        deduplication=(text(deduplication), int(left)) if deduplication else None,
        parent=text(parent) if parent else None,
    )


def text(raw: bytes) -> str:
    """Bytes as text that `raw_bytes` turns back, whatever they are."""
    return raw.decode("utf-8", "surrogateescape")


def raw_bytes(value: str) -> bytes:
    """What `text` was made of."""
    return value.encode("utf-8", "surrogateescape")


def _weight(job: ArchivedJob) -> int:
    items = (item for _, _, some in job.parts for item in some)
    pairs = sum(len(name) + len(value) for name, value in job.fields)
    return pairs + sum(map(len, job.logs)) + sum(map(len, items))

"""Archived jobs as bytes: a flat row of strings, each after its length, compressed by zlib."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from bot.adapters.bullmq_capture import raw_bytes, text
from bot.domain.jobs import ArchivedJob
from bot.errors import RefusedError

_FORMAT: Final = b"1"
_LENGTH: Final = struct.Struct(">I")
_LEVEL: Final = 4
"""Twice as fast as zlib's own 6, for a few per cent more bytes."""


def pack(jobs: Sequence[ArchivedJob]) -> bytes:
    """The jobs as bytes."""
    pieces = (piece for job in jobs for piece in _flat(job))
    row = b"".join(part for piece in pieces for part in (_LENGTH.pack(len(piece)), piece))
    return _FORMAT + zlib.compress(row, _LEVEL)


def unpack(blob: bytes) -> list[ArchivedJob]:
    """The jobs that `pack` was given.

    Raises:
        RefusedError: it is of another format.
    """
    if blob[:1] != _FORMAT:
        raise RefusedError("This was archived by another version of Bullhorn. Use that one.")
    pieces = _pieces(zlib.decompress(blob[1:]))
    return [_job(first, pieces) for first in pieces]


def _flat(job: ArchivedJob) -> Iterator[bytes]:
    yield from (raw_bytes(job.id), job.state.encode(), job.score.encode())
    yield from _counted([part for pair in job.fields for part in pair])
    yield from _counted(job.logs)
    yield str(len(job.parts)).encode()
    for suffix, kind, items in job.parts:
        yield from (suffix.encode(), kind.encode(), *_counted(items))
    name, left = job.deduplication or ("", 0)
    yield from (raw_bytes(name), str(left).encode(), raw_bytes(job.parent or ""))


def _counted(items: Sequence[bytes]) -> Iterator[bytes]:
    yield str(len(items)).encode()
    yield from items


def _pieces(row: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(row):
        (length,) = _LENGTH.unpack_from(row, place)
        place += _LENGTH.size + length
        yield row[place - length : place]


def _job(first: bytes, pieces: Iterator[bytes]) -> ArchivedJob:
    state, score = text(next(pieces)), text(next(pieces))
    flat = _take(pieces)
    logs = _take(pieces)
    parts = [
        (text(next(pieces)), text(next(pieces)), _take(pieces)) for _ in range(int(next(pieces)))
    ]
    name, left, parent = text(next(pieces)), int(next(pieces)), text(next(pieces))
    return ArchivedJob(
        id=text(first),
        state=state,
        score=score,
        fields=tuple(zip(flat[::2], flat[1::2], strict=True)),
        logs=logs,
        parts=tuple(parts),
        deduplication=(name, left) if name else None,
        parent=parent or None,
    )


def _take(pieces: Iterator[bytes]) -> tuple[bytes, ...]:
    return tuple(next(pieces) for _ in range(int(next(pieces))))

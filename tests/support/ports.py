"""Ports for the servers of tests, each given once and to one process.

A port that the system chooses for a moment may be lost before it is listened on: to another
process that asks in the same way, or to any client that connects, whose own port is of the same
range. So these are of a lower range, and each process holds a block of it by a lock.
"""

import fcntl
import functools
import itertools
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

_FIRST: Final = 12_000
_BLOCK: Final = 480
_BLOCKS: Final = 25
"""Up to port 24,000: above are those of demos, and from 32,768 on those Linux takes by itself."""


def free_port() -> int:
    """A port that nobody listens on, and that no other process of tests is given."""
    return next(_ports())


@functools.cache
def _ports() -> Iterator[int]:
    block, lock = _held_block()
    return _listenable(itertools.cycle(range(block, block + _BLOCK)), lock)


def _held_block() -> tuple[int, IO[bytes]]:
    folder = Path(tempfile.gettempdir())
    for place in range(_BLOCKS):
        lock = (folder / f"bullhorn-test-ports-{place}").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
        else:
            return _FIRST + place * _BLOCK, lock
    raise RuntimeError("every block of ports is held: are so many tests running?")


def _listenable(ports: Iterator[int], lock: IO[bytes]) -> Iterator[int]:
    with lock:
        for port in ports:
            with socket.socket() as probe:
                try:
                    probe.bind(("", port))
                except OSError:
                    continue
            yield port

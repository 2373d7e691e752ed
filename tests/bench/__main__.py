"""`python -m tests.bench`: all figures, or those of some parts."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from tests.bench import answers, archives, grouping, machine, retrying, starts, ticks
from tests.bench.figures import Part, table
from tests.bench.filling import fill_queues
from tests.support.node_bullmq import install
from tests.support.valkey import valkey_server

_PARTS: Final = ("tick", "group", "retry", "archive", "answer", "start", "memory")
_SEVERAL: Final = {"repair": ("group", "retry", "archive")}


async def _measure(wanted: list[str]) -> tuple[list[str], list[Part]]:
    parts: list[Part] = []
    with valkey_server() as valkey, tempfile.TemporaryDirectory(prefix="bullhorn-bench-") as name:
        with valkey.client() as redis:
            fill_queues(redis)
            facts = machine.facts(redis)
        folder = Path(name)
        ways: dict[str, Callable[[], Awaitable[Part]]] = {
            "tick": lambda: ticks.ticks(valkey),
            "group": grouping.grouping,
            "retry": retrying.retrying,
            "archive": archives.archives,
            "answer": lambda: answers.answers(valkey, folder),
            "start": lambda: starts.starts(valkey, folder),
            "memory": lambda: starts.memory(valkey),
        }
        for part in wanted:
            sys.stderr.write(f"{part} …\n")
            parts.append(await ways[part]())
    return facts, parts


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    known = ", ".join([*_PARTS, *_SEVERAL])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {known}")
    asked = parser.parse_args().parts or list(_PARTS)
    wanted = [part for one in asked for part in _SEVERAL.get(one, (one,))]
    if unknown := set(wanted) - set(_PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {known}")
    install()
    began = time.monotonic()
    facts, parts = asyncio.run(_measure(wanted))
    print("\n".join([*facts, "", table(parts)]))  # noqa: T201 - it is what was asked for
    print(f"\n{time.monotonic() - began:.0f} s in all")  # noqa: T201


if __name__ == "__main__":
    main()

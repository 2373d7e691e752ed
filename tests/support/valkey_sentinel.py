"""A real primary, its replica, and a Sentinel that watches over them; all with passwords."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.support.valkey_process import HOST, Server, running, wait_until

SERVICE: Final = "orders-redis"
PASSWORD: Final = "server-s3cret"
SENTINEL_PASSWORD: Final = "sentinel-s3cret"


@dataclass(frozen=True)
class Watched:
    """The two servers; which of them is the primary changes."""

    servers: tuple[Server, Server]
    sentinel: Server

    @property
    def url(self) -> str:
        """The service's address; the first Sentinel in it is always down."""
        hosts = f"{HOST}:1,{HOST}:{self.sentinel.port}"
        login = f":{PASSWORD}"
        return f"redis+sentinel://{login}@{hosts}/{SERVICE}?sentinel_password={SENTINEL_PASSWORD}"

    @property
    def primary(self) -> Server:
        """The primary, as the Sentinel says."""
        [port] = [int(self._ask("GET-MASTER-ADDR-BY-NAME", SERVICE)[1])]
        return next(server for server in self.servers if server.port == port)

    def fail_over(self) -> None:
        """Change the roles, both servers being well; returns when the old primary is a replica.

        Until then it takes writes that are lost, which no client can know.
        """
        before = self.primary
        self._ask("FAILOVER", SERVICE)
        wait_until(lambda: self.primary is not before, what="the failover")
        wait_until(lambda: _is_replica(before), what="the old primary's new role")

    def kill_primary(self) -> None:
        """End the primary; returns when the other one is it."""
        before = self.primary
        before.kill()
        wait_until(lambda: self.primary is not before, what="the failover")

    def _ask(self, *words: Any) -> Any:
        with self.sentinel.client() as client:
            return client.execute_command("SENTINEL", *words)


def _is_replica(server: Server) -> bool:
    with server.client() as client:
        return str(client.role()[0]) == "slave"


def _knows_the_replica(sentinel: Server) -> bool:
    with sentinel.client() as client:
        known = client.sentinel_slaves(SERVICE)  # none, until it has asked the primary
        well = [one for one in known if "s_down" not in one["flags"]]
        return any(one["master-link-status"] == "ok" for one in well)


@contextmanager
def watched() -> Iterator[Watched]:
    """Run the three until the block ends."""
    login = {"requirepass": PASSWORD, "primaryauth": PASSWORD}
    with ExitStack() as stack:
        first = stack.enter_context(running(login, password=PASSWORD))
        of_first = {**login, "replicaof": f"{HOST} {first.port}"}
        second = stack.enter_context(running(of_first, password=PASSWORD))
        options = {
            "requirepass": SENTINEL_PASSWORD,
            "sentinel monitor": f"{SERVICE} {HOST} {first.port} 1",
            "sentinel auth-pass": f"{SERVICE} {PASSWORD}",
            "sentinel down-after-milliseconds": f"{SERVICE} 500",
            "sentinel failover-timeout": f"{SERVICE} 3000",
        }
        sentinel = stack.enter_context(running(options, password=SENTINEL_PASSWORD, sentinel=True))
        wait_until(lambda: _knows_the_replica(sentinel), what="the replica")
        yield Watched(servers=(first, second), sentinel=sentinel)

"""A real cluster of three primaries, each with a third of the slots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from redis.crc import key_slot

from tests.support.valkey_process import Server, running, wait_until

SLOTS: Final = 16384


class ValkeyCluster:
    """The nodes, and what an administrator does with them."""

    def __init__(self, nodes: Sequence[Server]) -> None:
        self.nodes = nodes
        self._places: dict[int, int] = {}

    @property
    def url(self) -> str:
        """Its address, with two of its nodes."""
        hosts = ",".join(f"{node.host}:{node.port}" for node in self.nodes[:2])
        return f"redis+cluster://{hosts}"

    def place(self, key: str) -> int:
        """Which node holds a key."""
        slot = _slot(key)
        share = -(-SLOTS // len(self.nodes))
        return self._places.get(slot, slot // share)

    def prefix_on(self, place: int) -> str:
        """A prefix whose slot is at a node."""
        names = (f"{{bull{number}}}" for number in range(1000))
        return next(name for name in names if self.place(name) == place)

    def empty(self) -> None:
        """Remove every key, on every node."""
        for node in self.nodes:
            with node.client() as client:
                client.flushall()

    def begin_move(self, key: str, to: int) -> None:
        """Begin to move a key's slot: from now on its node says ASK for keys it does not have."""
        slot, old = _slot(key), self.place(key)
        self._say(to, "SETSLOT", slot, "IMPORTING", self._id(old))
        self._say(old, "SETSLOT", slot, "MIGRATING", self._id(to))

    def end_move(self, key: str, to: int) -> None:
        """Take the keys over, and tell every node."""
        slot, old, target = _slot(key), self.place(key), self.nodes[to]
        with self.nodes[old].client() as client:
            names: Any = client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10_000)
            if names:
                address = (target.host, target.port)
                client.execute_command("MIGRATE", *address, "", 0, 5000, "KEYS", *names)
        for place in (to, old, *range(len(self.nodes))):
            self._say(place, "SETSLOT", slot, "NODE", self._id(to))
        self._places[slot] = to

    def move(self, key: str, to: int) -> None:
        """Move a key's slot to another node."""
        self.begin_move(key, to)
        self.end_move(key, to)

    def form(self) -> None:
        """Make a cluster of the nodes."""
        share = -(-SLOTS // len(self.nodes))
        for place in range(len(self.nodes)):
            last = min(SLOTS, (place + 1) * share) - 1
            self._say(place, "ADDSLOTSRANGE", place * share, last)
            self._say(place, "SET-CONFIG-EPOCH", place + 1)
        for node in self.nodes[1:]:
            with node.client() as client:
                bus = client.config_get("cluster-port")["cluster-port"]
            self._say(0, "MEET", node.host, node.port, bus)
        wait_until(self._is_whole, what="the cluster")

    def _is_whole(self) -> bool:
        states = [self._say(place, "INFO") for place in range(len(self.nodes))]
        rows = [self._say(place, "SLOTS") for place in range(len(self.nodes))]
        return all("cluster_state:ok" in str(state) for state in states) and all(
            len(row) == len(self.nodes) for row in rows
        )

    def _id(self, place: int) -> str:
        return str(self._say(place, "MYID"))

    def _say(self, place: int, *words: Any) -> Any:
        with self.nodes[place].client() as client:
            return client.execute_command("CLUSTER", *words)


def _slot(key: str) -> int:
    return key_slot(key.encode())


@contextmanager
def valkey_cluster(size: int = 3) -> Iterator[ValkeyCluster]:
    """Run a cluster until the block ends."""
    options = {"cluster-enabled": "yes", "cluster-node-timeout": "2000"}
    with ExitStack() as stack:
        nodes = [stack.enter_context(running(options)) for _ in range(size)]
        cluster = ValkeyCluster(nodes)
        cluster.form()
        yield cluster

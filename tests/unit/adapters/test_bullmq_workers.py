"""Workers by their connections, as CLIENT LIST tells them (seen on Valkey 9.1)."""

import pytest

from bot.adapters.bullmq_workers import Workers, by_name, crew_of
from bot.domain.queues import QueueId
from bot.domain.sample import Crew

ORDERS = QueueId("main", "bull", "orders")
NODE = "bull:b3JkZXJz"


def seen(*connections, idle=0, name="bull:orders"):
    """One server's list; each connection by its last command."""
    return by_name({"name": name, "cmd": command, "idle": str(idle)} for command in connections)


def test_each_named_connection_of_node_is_a_worker():
    names = [NODE, f"{NODE}:w:second", f"{NODE}:qe", "else:b3JkZXJz", "", "bull:b3JkZXJzMg=="]
    listed = by_name([*({"name": name, "cmd": "info"} for name in names), {}])
    assert crew_of(ORDERS, [listed]) == Crew(2)


@pytest.mark.parametrize(
    ("commands", "crew"),
    [
        (("evalsha", "bzpopmin"), Crew(1)),
        (("evalsha", "bzpopmin", "exec"), Crew(1)),
        (("evalsha", "bzpopmin", "exec", "exec", "exec"), Crew(1)),
        (("evalsha", "bzpopmin", "evalsha", "bzpopmin", "exec"), Crew(2)),
    ],
)
def test_a_python_worker_is_counted_once_however_many_connections_it_has(commands, crew):
    assert crew_of(ORDERS, [seen(*commands)]) == crew


@pytest.mark.parametrize("begun", ["client|setname", "client|setinfo", "client", "select"])
def test_a_worker_that_never_had_to_wait_is_counted_once_it_has_settled(begun):
    assert crew_of(ORDERS, [seen("evalsha", begun, idle=2)]) == Crew(1)
    assert crew_of(ORDERS, [seen("evalsha", begun, idle=1)]) == Crew(1, at_least=True)


@pytest.mark.parametrize(
    "commands",
    [
        ("evalsha",),
        ("evalsha", "exec", "exec"),
        ("bzpopmin",),
        ("bzpopmin", "bzpopmin", "evalsha"),
        ("", ""),
    ],
)
def test_connections_that_fit_no_number_of_workers_tell_none(commands):
    assert crew_of(ORDERS, [seen(*commands)]) == Crew(1, at_least=True)


def test_a_python_worker_in_a_cluster_tells_no_number_and_one_of_node_does():
    python = [seen("bzpopmin", "bzpopmin", "evalsha"), seen("evalsha")]
    assert crew_of(ORDERS, python) == Crew(1, at_least=True)
    assert crew_of(ORDERS, [seen("info", name=NODE), seen("info", "get", name=NODE)]) == Crew(2)
    assert crew_of(ORDERS, [{}, {}]) == Crew(0)


def test_python_workers_beside_those_of_node_are_added():
    both = {**seen("bzpopmin", "evalsha"), **seen("bzpopmin", name=NODE)}
    assert crew_of(ORDERS, [both]) == Crew(2)


class Client:
    """A server whose list of connections is asked so many times."""

    asked = 0

    async def client_list(self):
        self.asked += 1
        return [{"name": f"{NODE}:w:one", "cmd": "bzpopmin"}, {"name": ""}, {}]


@pytest.fixture
def clock():
    return iter([0.0, 0.5, 5.0, 10.5, 11.0, 12.0])


async def test_one_client_list_serves_ten_seconds(clock):
    workers, client = Workers(clock=lambda: next(clock)), Client()
    for asked in (1, 1, 1, 2):
        assert await workers.count(client, [ORDERS]) == {ORDERS: Crew(1)}
        assert client.asked == asked


async def test_asked_anew_one_client_list_serves_a_second_and_then_all_others_too(clock):
    workers, client = Workers(clock=lambda: next(clock)), Client()
    for anew, asked in ((True, 1), (True, 1), (True, 2), (False, 2), (True, 3), (False, 3)):
        await workers.count(client, [ORDERS], anew=anew)
        assert client.asked == asked

"""Which addresses of Redis are taken, what is made of them, and what is said of the others."""

import pytest
from redis.exceptions import ConnectionError as ConnectionLostError
from redis.exceptions import MovedError, ReadOnlyError

from bot.adapters.redis_address import Kind, read_address
from bot.adapters.redis_cluster import ClusterRedis
from bot.adapters.redis_following import FollowingPool, FollowRetry, RelocatedError
from bot.adapters.sources import MOST_CONNECTIONS, connect
from bot.errors import ConfigError


def read(url):
    return read_address("main", url)


def test_one_server():
    address = read("redis://user:p%40ss%3A@h:6380/3?socket_timeout=1.5&socket_keepalive=no")
    assert (address.kind, address.hosts, address.tls) == (Kind.SERVER, (("h", 6380),), False)
    assert address.options == {
        "username": "user", "password": "p@ss:", "db": 3,
        "socket_timeout": 1.5, "socket_keepalive": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("redis://", [("localhost", 6379)]),
        ("REDIS://h", [("h", 6379)]),
        ("rediss://[::1]:7/0", [("::1", 7)]),
        ("redis+sentinel://a,b:1,[fe80::1]:2/s", [("a", 26379), ("b", 1), ("fe80::1", 2)]),
        ("redis+cluster://:pw@a:1,b", [("a", 1), ("b", 6379)]),
    ],
)
def test_hosts(url, hosts):
    assert list(read(url).hosts) == hosts


def test_a_service_behind_sentinels():
    address = read(
        "redis+sentinel://u:pw@a/my%20service/2?ssl=true&ssl_check_hostname=false"
        "&sentinel_username=s&sentinel_password=q&sentinel_ssl=0"
    )
    assert (address.service, address.tls) == ("my service", True)
    assert address.options == {
        "username": "u", "password": "pw", "db": 2, "ssl_check_hostname": False,
    }  # fmt: skip
    assert address.sentinel == {"username": "s", "password": "q", "tls": False}
    assert "pw" not in repr(address)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis:/h", "must begin with"),
        ("redis+sentinel://hunter2@a:1,b:2", "needs the name of the service"),
        ("redis+sentinel://a/0", "needs the name of the service"),
        ("redis+sentinel://a/s/hunter2", "should be a number"),
        ("redis+sentinel:///s", "should be HOST:PORT"),
        ("redis+sentinel://a,/s", "should be HOST:PORT"),
        ("redis+cluster://", "should be HOST:PORT"),
        ("redis+cluster://a/1", "has one database"),
        ("redis+cluster://a?db=1", "has only one"),
        ("redis://a,b", "should be HOST:PORT"),
        ("redis://u:hunter2#@h", "must be %-encoded"),
        ("redis://u:hunter2/3@h", "must be %-encoded"),
        ("redis://u:hun?ter2@h", "an option that is not known"),
        ("redis://h:70000", "should be HOST:PORT"),
        ("redis://h/0/1", "should be a number"),
        ("redis://h/hunter2", "should be a number"),
        ("redis://h?retry_on_timeout=yes", "an option that is not known"),
        ("redis://h?decode_responses=no", "an option that is not known"),
        ("redis://h?ssl=true", "begin with rediss://"),
        ("redis://h?ssl_ca_certs=x", "TLS is not on: begin with rediss://"),
        ("redis+cluster://h?ssl_ca_certs=x", "TLS is not on: add ssl=true"),
        ("redis+cluster://h?sentinel_password=hunter2", "sentinel_password has no use here"),
        ("rediss://h?ssl_cert_reqs=hunter2", "ssl_cert_reqs has a value it cannot have"),
        ("rediss://h?ssl_check_hostname=hunter2", "ssl_check_hostname has a value"),
    ],
)
def test_what_is_wrong_is_said_without_the_address(url, told):
    with pytest.raises(ConfigError) as caught:
        read(url)
    text = str(caught.value)
    assert told in text
    assert text.startswith('Source "main": ')
    assert "hunter2" not in text
    assert "hun" not in text.replace("hundred", "")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile"])
def test_a_certificate_that_is_not_there_is_told_at_the_start(option):
    with pytest.raises(ConfigError, match="TLS options cannot be used"):
        connect("main", f"rediss://h?{option}=/nowhere/hunter2.pem")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis+sentinel://a/s?ssl=1", FollowingPool),
        ("redis+cluster://a?ssl=1", FollowingPool),
    ],
)
async def test_clients_that_follow_are_bounded_and_read_text(url, kind):
    client = connect("main", url)
    pool = client.connection_pool
    assert isinstance(client, ClusterRedis) == ("cluster" in url)
    assert isinstance(pool, kind)
    assert pool.max_connections == MOST_CONNECTIONS
    connection = pool.make_connection()
    assert isinstance(connection.retry, FollowRetry)
    assert connection.encoder.encoding_errors == "replace"
    assert "pool" in repr(pool).lower()
    await client.aclose()


class Server:
    """Raises what it is given, one after the other, then answers."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.asked = 0
        self.closed = 0

    async def do(self):
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    async def fail(self, _error):
        self.closed += 1


def refusal(kind=ReadOnlyError):
    return RelocatedError(kind("12 h:1"))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("bot.adapters.redis_following.PAUSES", (0, 0))


async def test_what_was_refused_is_sent_again():
    server = Server(refusal(), refusal())
    assert await FollowRetry().call_with_retry(server.do, server.fail) == "done"
    assert (server.asked, server.closed) == (3, 2)


async def test_a_server_that_goes_on_refusing_is_believed():
    server = Server(*[refusal(MovedError)] * 9)
    with pytest.raises(MovedError):
        await FollowRetry().call_with_retry(server.do, server.fail)
    assert server.asked == 3


async def test_what_may_have_been_done_is_not_sent_again():
    server = Server(ConnectionLostError("lost"))
    with pytest.raises(ConnectionLostError):
        await FollowRetry().call_with_retry(server.do, server.fail)
    assert (server.asked, server.closed) == (1, 1)

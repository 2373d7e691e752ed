"""The one place that makes clients of Redis: bounded, with time limits, and nothing sent twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bot.adapters import keys
from bot.adapters.redis_address import Address, Host, Kind, read_address
from bot.adapters.redis_cluster import ClusterRedis, SlotGuide, SlotMap
from bot.adapters.redis_following import FollowingPool, FollowRetry, Guide
from bot.adapters.redis_sentinel import SentinelGuide
from bot.errors import ConfigError

MOST_CONNECTIONS: Final = 16
"""Connections one process holds to one server (to one slot of a cluster); more calls wait."""

_NODE_CONNECTIONS: Final = 4
"""Connections to one node of a cluster for what concerns all of it, as a round of samples."""

_NODE_SECONDS: Final = 2.0
"""How long that may take at one node: a round asks each node a few things, one after the other."""

_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 5.0
_IDLE_SECONDS: Final = 30
_PATIENT_SECONDS: Final = 30.0
_SENTINEL_SECONDS: Final = 1.0


def connect(name: str, url: str, *, patient: bool = False) -> Redis:
    """A client for one address; it connects when it is first used.

    A `patient` one waits half a minute for an answer: for the worker, which blocks on its queue.

    Text that is not UTF-8 is read with replacement characters instead of failing. Behind Sentinels
    the client follows the primary; in a cluster it is a `ClusterRedis`, and follows each slot.

    Raises:
        ConfigError: the address cannot be used; its text holds no password.
    """
    address = read_address(name, url)
    if patient:
        options = {**address.options, "socket_timeout": _PATIENT_SECONDS}
        address = replace(address, options=options)
    if address.tls:
        _check_certificates(name, address)
    if address.kind is Kind.CLUSTER:
        return _cluster(address)
    if address.kind is Kind.SENTINEL:
        guide = SentinelGuide(_sentinels(address), address.service)
        return Redis.from_pool(_follow(address, guide))
    return Redis.from_pool(_pool(address, address.hosts[0]))


def _options(address: Address) -> dict[str, Any]:
    return {
        "max_connections": MOST_CONNECTIONS,
        "timeout": _ANSWER_SECONDS,
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": _ANSWER_SECONDS,
        "health_check_interval": _IDLE_SECONDS,
        **address.options,
        "decode_responses": True,
        "encoding_errors": "replace",
        "protocol": 2,
    }


def _pool(address: Address, host: Host, **options: Any) -> BlockingConnectionPool:
    """Connections to one server."""
    return BlockingConnectionPool(
        connection_class=SSLConnection if address.tls else Connection,
        host=host[0],
        port=host[1],
        retry=Retry(NoBackoff(), 0),
        **{**_options(address), **options},
    )


def _follow(address: Address, guide: Guide) -> FollowingPool:
    """Connections to whoever is in charge."""
    return FollowingPool(guide, tls=address.tls, retry=FollowRetry(), **_options(address))


def _sentinels(address: Address) -> list[Redis]:
    tls = address.sentinel.get("tls", address.tls)
    options = {
        option: value
        for option, value in address.options.items()
        if option.startswith("ssl_") and tls
    }
    options |= {name: value for name, value in address.sentinel.items() if name != "tls"}
    asked = Address(kind=Kind.SENTINEL, hosts=address.hosts, tls=tls, options=options)
    limits = {
        "socket_connect_timeout": _SENTINEL_SECONDS,
        "socket_timeout": _SENTINEL_SECONDS,
        "timeout": _SENTINEL_SECONDS,
    }
    return [Redis.from_pool(_pool(asked, host, **limits)) for host in asked.hosts]


def _cluster(address: Address) -> ClusterRedis:
    limits = {"socket_connect_timeout": _NODE_SECONDS, "socket_timeout": _NODE_SECONDS}
    options = {"max_connections": _NODE_CONNECTIONS, **limits, **address.options}
    slots = SlotMap(address.hosts, lambda host: Redis.from_pool(_pool(address, host, **options)))
    return ClusterRedis(
        slots=slots,
        open_slot=lambda slot: _follow(address, SlotGuide(slots, slot)),
        own=keys.PREFIX,
    )


def _check_certificates(name: str, address: Address) -> None:
    """Read the certificates now: at the first connection a missing file would look like an outage.

    Raises:
        ConfigError: they cannot be read or do not fit.
    """
    options = {name: value for name, value in address.options.items() if name.startswith("ssl_")}
    try:
        SSLConnection(**options).ssl_context.get()
    except (OSError, ValueError, RedisError) as error:  # ssl's own are OSErrors
        problem = ConfigError(
            f'Source "{name}": the TLS options cannot be used ({type(error).__name__}): '
            "look at the files they name."
        )
    else:
        return
    raise problem

"""The addresses of Redis: one server, a service behind Sentinels, or a cluster.

    redis://[[USER]:PASSWORD@]HOST[:PORT][/DB][?OPTIONS]
    rediss://[[USER]:PASSWORD@]HOST[:PORT][/DB][?OPTIONS]
    redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]/SERVICE[/DB][?OPTIONS]
    redis+cluster://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]...][?OPTIONS]

The second is the first with TLS; the others have it with `ssl=true`. User and password are those of
the Redis servers. No error text quotes anything of an address but names that stand in `_OPTIONS`:
any part of it may be a password in the wrong place.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote

from bot.errors import ConfigError

Host: TypeAlias = tuple[str, int]
"""Name or IP, and port."""


class Kind(Enum):
    """What stands behind an address."""

    SERVER = "server"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address that was read.

    `options` are those of each connection, in redis-py's words; `sentinel` those to the Sentinels.
    """

    kind: Kind
    hosts: tuple[Host, ...]
    tls: bool = False
    service: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sentinel: Mapping[str, Any] = field(default_factory=dict, repr=False)


_KINDS: Final = {
    "redis": (Kind.SERVER, False),
    "rediss": (Kind.SERVER, True),
    "redis+sentinel": (Kind.SENTINEL, False),
    "redis+cluster": (Kind.CLUSTER, False),
}
_PORTS: Final = {Kind.SERVER: 6379, Kind.SENTINEL: 26379, Kind.CLUSTER: 6379}
_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s\[\]:,@]+))(?::([0-9]{1,5}))?")
_HIGHEST_PORT: Final = 65535
_SPLIT: Final = re.compile(r"([^/?#]*)([^?#]*)(?:\?([^#]*))?")
_ENCODE: Final = "In a password, other than letters and digits must be %-encoded."
_SENTINEL_LIKE: Final = "It is like redis+sentinel://HOST:26379,HOST:26379/SERVICE."


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "yes", "1", "false", "no", "0"):
        raise ValueError
    return text.lower() in ("true", "yes", "1")


def _requirement(text: str) -> str:
    if text not in ("none", "optional", "required"):
        raise ValueError
    return text


_OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "client_name": str,
    "db": int,
    "health_check_interval": int,
    "max_connections": int,
    "sentinel_password": str,
    "sentinel_ssl": _flag,
    "sentinel_username": str,
    "socket_connect_timeout": float,
    "socket_keepalive": _flag,
    "socket_timeout": float,
    "ssl": _flag,
    "ssl_ca_certs": str,
    "ssl_ca_path": str,
    "ssl_cert_reqs": _requirement,
    "ssl_certfile": str,
    "ssl_check_hostname": _flag,
    "ssl_ciphers": str,
    "ssl_keyfile": str,
    "ssl_min_version": lambda text: ssl.TLSVersion(int(text)),
    "ssl_password": str,
}
"""What may stand in the query. redis-py takes more, but some of it would break what this package
relies on: text as text, and no command sent twice.
"""


def read_address(name: str, url: str) -> Address:
    """Read the address of the source `name` (or of the variable of that name).

    Raises:
        ConfigError: it cannot be used; one line that holds no part of it.
    """
    try:
        return _read(url)
    except _WrongError as wrong:
        problem = ConfigError(f'Source "{name}": {wrong}')
    # Raised out here, so that nothing that knows the address is in its context.
    raise problem


class _WrongError(Exception):
    """What is wrong with an address, in words for a person."""


def _read(url: str) -> Address:
    scheme, sign, rest = url.partition("://")
    if not sign or scheme.lower() not in _KINDS:
        raise _WrongError(
            "the address must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://."
        )
    kind, tls = _KINDS[scheme.lower()]
    parts = _SPLIT.fullmatch(rest)
    if parts is None or "@" in parts[2]:
        raise _WrongError(f"the address cannot be read. {_ENCODE}")
    login, _, hosts = parts[1].rpartition("@")
    query = _query(parts[3] or "")
    for option in ("ssl", "sentinel_ssl", "sentinel_username", "sentinel_password"):
        allowed = kind is not Kind.SERVER if option == "ssl" else kind is Kind.SENTINEL
        if option in query and not allowed:
            raise _WrongError(
                f"the option {option} has no use here."
                + (" For TLS begin with rediss://." if option == "ssl" else "")
            )
    tls = query.pop("ssl", tls)
    if not tls and any(option.startswith("ssl_") for option in query):
        more = "begin with rediss://" if kind is Kind.SERVER else "add ssl=true"
        raise _WrongError(f"an option is about TLS, but TLS is not on: {more}.")
    service, database = _path(kind, [unquote(part) for part in parts[2].split("/")[1:] if part])
    sentinel = _sentinel(query, tls=tls)
    if database is not None:
        query.setdefault("db", database)
    if kind is Kind.CLUSTER and query.pop("db", 0):
        raise _WrongError("a redis+cluster:// address has no database: a cluster has only one.")
    return Address(
        kind=kind,
        hosts=_hosts(hosts, kind),
        tls=tls,
        service=service,
        options={**_login(login), **query},
        sentinel=sentinel if kind is Kind.SENTINEL else {},
    )


def _query(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option, value in parse_qsl(text, keep_blank_values=True):
        if option not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise _WrongError(
                f"the address has an option that is not known. Those that are: {known}. {_ENCODE}"
            )
        try:
            found[option] = _OPTIONS[option](value)
        except ValueError:
            # Raised below: the ValueError quotes the value.
            found[option] = _WrongError
    for option, value in found.items():
        if value is _WrongError:
            raise _WrongError(f"the address cannot be read: {option} has a value it cannot have.")
    return found


def _login(text: str) -> dict[str, str]:
    if "[" in text or "]" in text:
        raise _WrongError(f"the address cannot be read. {_ENCODE}")
    user, _, password = text.partition(":")
    found = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in found.items() if value}


def _sentinel(query: dict[str, Any], *, tls: bool) -> dict[str, Any]:
    """Take what is about the Sentinels themselves out of the query; TLS as to the servers."""
    found = {
        "username": query.pop("sentinel_username", None),
        "password": query.pop("sentinel_password", None),
        "tls": query.pop("sentinel_ssl", tls),
    }
    return {name: value for name, value in found.items() if value is not None}


def _hosts(text: str, kind: Kind) -> tuple[Host, ...]:
    if not text and kind is Kind.SERVER:
        return (("localhost", _PORTS[kind]),)
    hosts = [text] if kind is Kind.SERVER else text.split(",")
    return tuple(_host(one, kind) for one in hosts)


def _host(text: str, kind: Kind) -> Host:
    found = _HOST.fullmatch(text)
    port = int(found[3] or _PORTS[kind]) if found else 0
    if found is None or not 0 < port <= _HIGHEST_PORT:
        raise _WrongError(f"the address cannot be read: it should be HOST:PORT. {_ENCODE}")
    return unquote(found[1] or found[2]), port


def _path(kind: Kind, parts: list[str]) -> tuple[str, int | None]:
    """The service's name, and the database if one is given."""
    if kind is Kind.CLUSTER:
        if parts:
            raise _WrongError(
                "a redis+cluster:// address ends with its last host: a cluster has one database."
            )
        return "", None
    service = ""
    if kind is Kind.SENTINEL:
        if not parts or parts[0].isdecimal():
            raise _WrongError(
                f"a redis+sentinel:// address needs the name of the service. {_SENTINEL_LIKE}"
            )
        service = parts.pop(0)
    if len(parts) > 1 or not all(part.isdecimal() for part in parts):
        raise _WrongError("the address cannot be read: what follows the last / should be a number.")
    return service, int(parts[0]) if parts else None

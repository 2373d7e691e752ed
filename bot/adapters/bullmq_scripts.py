"""Bullhorn's own Lua scripts: loaded from the package, put together, run by their hash.

A server forgets its scripts when it restarts; each call here notices that and loads them again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeAlias, cast

from bullmq.redis_connection import SCRIPT_DEFINITIONS, loadScript
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from bot.adapters.redis_cluster import ClusterRedis

Argument: TypeAlias = str | int
"""A script's argument."""

_INCLUDE = re.compile(r"^--- @include \"(\w+)\"$", re.MULTILINE)
_DEFINITION = re.compile(
    r"\s+"
    r"|--\[\[.*?\]\]"
    r"|--[^\n]*"
    r"|local rcall = redis\.call;?(?=\s)"
    r"|local (?:function \w+|\w+ = function) ?\((?:(?!KEYS|ARGV).)*?\nend(?=\s)",
    re.DOTALL,
)
"""What stands before the body of one of the package's scripts: made once, it serves all calls."""

_PACKAGE = re.compile(r"^--- @package \"((\w+)-\d+\.lua)\" as (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script: its text and its SHA-1, by which servers know it."""

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> Script:
        """The script of this text."""
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a script: its keys, then its arguments."""

    keys: tuple[str, ...]
    args: tuple[Argument, ...] = ()


@cache
def load(name: str) -> Script:
    """The script `lua/<name>.lua` with its includes in place."""
    return Script.of(_text(name))


def _text(name: str) -> str:
    text = resources.files("bot.adapters").joinpath("lua", f"{name}.lua").read_text("utf-8")
    text = _INCLUDE.sub(lambda match: _text(match[1]), text)
    return _PACKAGE.sub(_packaged, text)


def _packaged(match: re.Match[str]) -> str:
    """A script of the official package as a local function of ours.

    The functions that it begins with are made once, and not again whenever it is called: a call
    that runs it for a hundred jobs takes a tenth less.

    Raises:
        RuntimeError: the package's script takes another number of keys than it is given here.
    """
    file, name, ours = match.groups()
    if SCRIPT_DEFINITIONS.get(name) != file:
        raise RuntimeError(f"The bullmq package has changed {name}: its keys must be reviewed.")
    text = loadScript(file)
    body = 0
    while (found := _DEFINITION.match(text, body)) is not None:
        body = found.end()
    return (
        f"local {ours}\ndo\n{text[:body]}\n{ours} = function(KEYS, ARGV)\n{text[body:]}\nend\nend"
    )


async def run(client: Redis, script: Script, call: Call) -> Any:
    """Run one script and give its answer."""
    rest = (*call.keys, *(str(arg) for arg in call.args))
    try:
        return await client.evalsha(script.sha, len(call.keys), *rest)
    except NoScriptError:
        return await client.eval(script.text, len(call.keys), *rest)


async def run_all(client: Redis, script: Script, calls: Sequence[Call]) -> list[Any]:
    """Run many calls of one script in one pipeline: each answer, or the exception it ended in.

    In a cluster it is one pipeline a node, by the first key of each call; calls of a node that is
    gone end in its ConnectionError or TimeoutError. A call may be made twice, so it must only read.

    Raises:
        redis.RedisError: the connection failed (all of them), so that there is no answer.
    """
    if isinstance(client, ClusterRedis):
        return await client.spread(
            calls,
            key=lambda call: call.keys[0],
            ask=lambda node, some: _run_here(node, script, some),
        )
    return await _run_here(client, script, calls)


async def _run_here(client: Redis, script: Script, calls: Sequence[Call]) -> list[Any]:
    answers = await _pipelined(client, script, calls)
    again = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if again:
        await cast("Awaitable[Any]", client.script_load(script.text))
        repeated = await _pipelined(client, script, [calls[place] for place in again])
        for place, answer in zip(again, repeated, strict=True):
            answers[place] = answer
    return answers


async def _pipelined(client: Redis, script: Script, calls: Sequence[Call]) -> list[Any]:
    async with client.pipeline(transaction=False) as pipe:
        for call in calls:
            pipe.evalsha(script.sha, len(call.keys), *call.keys, *(str(arg) for arg in call.args))
        return await pipe.execute(raise_on_error=False)

"""Pauses and resumes a queue: BullMQ 3 to 5 by our own script, 6 by the official package's.

The version table is asked with what the queue's `meta` says, and the switch is made only while it
still says so: our script looks itself, the package's runs in MULTI/EXEC under WATCH. No call is
long, however many jobs wait; docs/decisions/0006-pause-script.md says how.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from bullmq.redis_connection import SCRIPT_DEFINITIONS, loadScript
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as ConnectionLostError
from redis.exceptions import NoScriptError, WatchError

from bot.adapters import bullmq_scripts as scripts
from bot.adapters.bullmq_scripts import Call, Script
from bot.domain.compatibility import TABLE, Action, Permission, allow, major_version
from bot.domain.pausing import PauseOutcome
from bot.domain.queues import QueueId
from bot.errors import RedisUnavailableError

BATCH: Final = 1000
"""Jobs that one call of our script moves from list to list at most: well under a millisecond."""

TRIES: Final = 10
"""How often a queue that changes in between is looked at again."""

MOST_CALLS: Final = 20_000
"""Where a producer fills the wrong list faster than it can be emptied, there must be an end."""

_SCRIPT_FILE: Final = "pause-7.lua"
_CHANGED: Final = "Watched variable changed"


class _Answer(IntEnum):
    """What pause.lua says it did."""

    OTHER_VERSION = 0
    MORE = 1
    SWITCHED = 2
    ALREADY = 3
    OVERTAKEN = 4
    ALREADY_MORE = 5


class _Changed(Exception):  # noqa: N818 - not an error: the queue is looked at again
    """The queue is not as it was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One press: which queue, and whether to pause or to resume it."""

    client: Redis
    queue: QueueId
    action: Action
    configured: int | None
    package: Script

    async def run(self) -> PauseOutcome:
        """Switch the queue, unless it is so already.

        Raises:
            RefusedError: the version table does not allow it.
            RedisUnavailableError: the queue changes too fast.
        """
        for _ in range(TRIES):
            meta: Any = await self.client.hmget(self.queue.key("meta"), "version", "paused")
            version, paused = meta
            major = major_version(version, self.configured)
            allow(self.action, major=major, paused=paused is not None)
            try:
                if TABLE[self.action].get(major) is Permission.PACKAGE_SCRIPT:
                    return await _ByPackage(self, version).run()
                return await _ByUs(self, version, major).run()
            except _Changed:
                continue
        raise RedisUnavailableError(_too_fast(self.queue))

    @property
    def pausing(self) -> bool:
        """Whether this is a pause."""
        return self.action is Action.PAUSE

    @property
    def event(self) -> str:
        """BullMQ's word for it, in its scripts and in its events."""
        return "paused" if self.pausing else "resumed"

    def keys(self, first: str, second: str) -> tuple[str, ...]:
        """The keys of both scripts, which differ in the order of the two lists."""
        names = (first, second, "meta", "prioritized", "events", "delayed", "marker")
        return tuple(self.queue.key(name) for name in names)


@dataclass(frozen=True, slots=True)
class _ByUs:
    """BullMQ 3 to 5: pause.lua, called until every job is in the one list."""

    switch: Switch
    version: str | None
    major: int | None

    async def run(self) -> PauseOutcome:
        gathered, already = 0, False
        for _ in range(MOST_CALLS):
            answer, moved = await self._call(only_gather=already)
            gathered += moved
            if answer is _Answer.OTHER_VERSION:
                raise _Changed
            if answer is _Answer.SWITCHED:
                return PauseOutcome(changed=True, gathered=gathered)
            if answer in (_Answer.ALREADY, _Answer.OVERTAKEN):
                return PauseOutcome(changed=False, gathered=gathered)
            already = already or answer is _Answer.ALREADY_MORE
        raise RedisUnavailableError(_too_fast(self.switch.queue))

    async def _call(self, *, only_gather: bool) -> tuple[_Answer, int]:
        args = (self.switch.event, self.version or "", self.major or 0, BATCH, int(only_gather))
        call = Call(self.switch.keys("wait", "paused"), args)
        what, moved = await scripts.run(self.switch.client, scripts.load("pause"), call)
        return _Answer(int(what)), int(moved)


@dataclass(frozen=True, slots=True)
class _ByPackage:
    """BullMQ 6: its own script.

    A queue that BullMQ 5 paused may still have a `paused` list: a resume takes in 7,000 of its jobs
    a call, so it is called again until none is left.
    """

    switch: Switch
    version: str | None

    async def run(self) -> PauseOutcome:
        changed, left, legacy = False, 0, 0
        for _ in range(MOST_CALLS):
            async with self.switch.client.pipeline(transaction=True) as pipe:
                try:
                    await pipe.watch(self.switch.queue.key("meta"))
                    paused, left = await self._look(pipe)
                    legacy = legacy or left
                    if self._done(paused=paused, left=left, changed=changed):
                        break
                    await self._execute(pipe, first=paused is not self.switch.pausing)
                    changed = changed or paused is not self.switch.pausing
                except WatchError as error:
                    if _CHANGED not in str(error):  # so redis-py tells of a lost connection
                        raise ConnectionLostError(str(error)) from error
                except NoScriptError:
                    await self.switch.client.script_load(self.switch.package.text)
        else:
            raise RedisUnavailableError(_too_fast(self.switch.queue))
        return PauseOutcome(
            changed=changed, gathered=0 if self.switch.pausing else max(0, legacy - left)
        )

    async def _look(self, pipe: Any) -> tuple[bool, int]:
        """Whether it is paused, and what lies in the list of BullMQ 5; on the watching connection.

        Raises:
            _Changed: another version has written `meta`.
        """
        version, paused = await pipe.hmget(self.switch.queue.key("meta"), "version", "paused")
        if version != self.version:
            raise _Changed
        return paused is not None, int(await pipe.llen(self.switch.queue.key("paused")))

    def _done(self, *, paused: bool, left: int, changed: bool) -> bool:
        if self.switch.pausing or paused:
            # Resumed by us and paused again by another: theirs is the last word.
            return paused is self.switch.pausing or changed
        return left == 0

    async def _execute(self, pipe: Any, *, first: bool) -> None:
        lists = ("wait", "paused") if self.switch.pausing else ("paused", "wait")
        keys = self.switch.keys(*lists)
        pipe.multi()
        pipe.evalsha(
            self.switch.package.sha, len(keys), *keys, self.switch.event, "1" if first else "0"
        )
        await pipe.execute()


def _too_fast(queue: QueueId) -> str:
    return f'The queue "{queue.name}" changes too fast to be switched safely now. Try again.'


def package_pause() -> Script:
    """The package's script that pauses and resumes.

    Raises:
        RuntimeError: the package's script takes other keys than those it is given here.
    """
    if SCRIPT_DEFINITIONS.get("pause") != _SCRIPT_FILE:
        raise RuntimeError("The bullmq package has changed pause: its keys must be reviewed.")
    return Script.of(loadScript(_SCRIPT_FILE))

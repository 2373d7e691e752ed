"""Stories that mostly wait, told side by side, each with a Redis of its own.

A module of them has one test, `test_story(story, told)`, parametrized with its stories; each awaits
its own, so that each passes or fails under its own name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from bot.demo.localslack.driver import Driver
from bot.demo.localslack.fixtures import DEFAULT_WORKSPACE, WorkspaceConfig
from bot.demo.localslack.server import LocalSlack
from tests.support.stage import PATIENCE, Stage
from tests.support.valkey import Valkey

Story: TypeAlias = Callable[..., Awaitable[None]]
AT_ONCE: Final = 5
"""Stories told at once; each starts a process or two."""


def stories_of(request: pytest.FixtureRequest) -> list[Story]:
    """The stories of the module that asks, as far as they are to be tested."""
    found = []
    for item in request.session.items:
        module, case = item.getparent(pytest.Module), getattr(item, "callspec", None)
        if module is not None and module.obj is request.module and case is not None:
            found += [case.params["story"]] if "story" in case.params else []
    return found


@asynccontextmanager
async def telling(
    stories: list[Story], tell: Callable[[Story], Awaitable[None]]
) -> AsyncIterator[dict[Story, asyncio.Task[None]]]:
    """Begin to tell them, some at once, by `tell`; gives the task of each until the block ends."""
    room = asyncio.Semaphore(AT_ONCE)

    async def in_turn(story: Story) -> None:
        async with room:
            await tell(story)

    tasks = {one: asyncio.create_task(in_turn(one), name=one.__name__) for one in stories}
    try:
        yield tasks
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


@asynccontextmanager
async def new_stage(
    valkey: Valkey,
    *,
    folder: Path,
    config: dict[str, Any],
    workspace: WorkspaceConfig = DEFAULT_WORKSPACE,
) -> AsyncIterator[Stage]:
    """A stage with a Slack of its own and a config that may be changed, until the block ends."""
    slack = LocalSlack(workspace)
    await slack.start()
    stage = Stage(
        redis_url=valkey.url,
        slack=slack,
        driver=Driver(slack.url, user="U0BOB", timeout=PATIENCE),
        folder=folder,
        config=deepcopy(config),
    )
    try:
        yield stage
    finally:
        await stage.close()

"""One loop and one door for all tests of a file in which nothing changes."""

import asyncio

import pytest

from tests.unit.hostile.door import Door


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def door(runner):
    """For all tests in which nothing changes."""
    door = runner.run(Door().open())
    yield door
    runner.run(door.redis.aclose())

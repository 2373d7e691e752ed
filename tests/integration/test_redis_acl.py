"""The least ACL: the very lines of docs/howto/redis.md, and all that Bullhorn does under them."""

import asyncio
import re
import shlex
from pathlib import Path

import pytest

from bot.adapters import bullmq_operations
from bot.adapters.operations_probe import OperationsProbe
from bot.adapters.sources import connect
from bot.domain.queues import QueueId
from bot.domain.sample import SampleRequest
from bot.errors import HandedOverError, RedisUnavailableError
from tests.support.redis_story import FAILED, NAME, failed, look, office_at, tell, tick, write_story
from tests.support.valkey_process import running

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "redis.md"
QUEUE = QueueId("main", "bull", NAME)
OWN, QUEUES = "bullhorn", "bullhorn-queues"
SELDOM = {
    "own": {
        "eval",  # a server that forgot its scripts
        "ping",  # a connection was idle
        "wait",  # there is a replica
    },
    "change": {
        "eval",  # a server that forgot its scripts
        "exec",  # a pause of BullMQ 6
        "hstrlen",  # the config says what jobs are about
        "incr",  # a prioritized job is retried
        "lpop",  # a BullMQ 4 marker, when a job is promoted
        "ltrim",  # jobs in both lists
        "multi",  # a pause of BullMQ 6
        "ping",  # a connection was idle
        "sort_ro",  # hundreds of failed jobs
        "srandmember",  # very many stuck jobs
        "unwatch",  # a pause of BullMQ 6
        "watch",  # the same
        "xinfo|stream",  # the stream is younger than the last look
    },
}
"""Commands that the story has no occasion for, and what would be one."""


NO_OPERATION = {
    "ping",  # a connection was idle
    "xrevrange",  # `history`
    "info",  # without it an archive waits for no replica
    "wait",  # there is a replica
}
"""Commands of the own line that the check of operations has no use for."""


def lines():
    """The lines of the page by their names."""
    text = PAGE.read_text("utf-8")
    return dict(re.findall(r"<!-- acl: (\w+) -->\n```\n(ACL SETUSER .*)\n```", text))


@pytest.fixture(scope="module")
def running_guarded():
    with running({}) as server:
        yield server


@pytest.fixture
def guarded(running_guarded):
    """A server with the queue of the story; its `default` user may do everything."""
    with running_guarded.client() as client:
        client.flushall()
        write_story(client, QUEUE)
        client.execute_command("CONFIG", "RESETSTAT")
        client.acl_log_reset()
        yield client
        client.acl_deluser(OWN, QUEUES)


def grant(client, name, *more):
    """Make the user of a line, and give its address."""
    words = shlex.split(lines()[name])
    client.execute_command(*words, *more)
    where = client.get_connection_kwargs()
    password = next(word[1:] for word in words if word.startswith(">"))
    return f"redis://{words[2]}:{password}@{where['host']}:{where['port']}/0"


def granted(name):
    """The commands of a line."""
    return {word[1:] for word in lines()[name].split() if word.startswith("+")}


def called(client):
    """The commands that anybody called since the statistics were reset."""
    return {name.removeprefix("cmdstat_") for name in client.info("commandstats")}


async def sample(office, *queues):
    return await office.toolbox.reader.sample([SampleRequest(queue=queue) for queue in queues])


def refused(client):
    """What was not permitted; redis-py names itself to servers that know how, and may not."""
    return {entry["object"] for entry in client.acl_log()} - {"client|setinfo"}


async def test_one_user_for_all_of_it(guarded):
    url = grant(guarded, "all")
    async with office_at(url, {"main": (url, "bull")}) as office:
        await tell(office, QUEUE)
    assert refused(guarded) == set()
    assert guarded.llen(QUEUE.key("wait")) == FAILED + 3


async def test_a_user_for_the_own_state_and_one_for_the_queues(guarded):
    own, queues = grant(guarded, "own"), grant(guarded, "change")
    async with office_at(own, {"main": (queues, "bull")}) as office:
        await tell(office, QUEUE)
    assert refused(guarded) == set()


async def test_a_user_that_may_only_look(guarded):
    own, queues = grant(guarded, "own"), grant(guarded, "read")
    async with office_at(own, {"main": (queues, "bull")}) as office:
        await look(office, QUEUE)
        assert refused(guarded) == set()
        before = await failed(office, QUEUE)
        with pytest.raises(RedisUnavailableError, match="does not permit this to Bullhorn's user"):
            await office.ask(f"retry {NAME} 0")
        assert await failed(office, QUEUE) == before
        await tick(office)


async def test_without_client_list_only_the_workers_are_unknown(guarded):
    url = grant(guarded, "all", "-client|list")
    async with office_at(url, {"main": (url, "bull")}) as office:
        await tell(office, QUEUE)
        round_ = await sample(office, QUEUE)
        assert round_.samples[QUEUE].workers is None
    assert refused(guarded) == {"client|list"}


async def test_other_keys_are_out_of_reach(guarded):
    strange = QueueId("other", "elsewhere", "q")
    guarded.hset(strange.key("meta"), "version", "bullmq:5.1.0")
    url = grant(guarded, "all")
    async with office_at(url, {"main": (url, "bull"), "other": (url, "elsewhere")}) as office:
        round_ = await sample(office, QUEUE, strange)
        assert round_.unreachable == {
            "other": 'Redis "other" does not permit this to Bullhorn\'s user.'
        }
        assert list(round_.samples) == [QUEUE]


async def test_every_command_of_the_lines_has_its_use(guarded, monkeypatch):
    """Each one was called in the story, but for those that only other states of a queue call.

    Bullhorn's own state and the queues are on two servers: each tells what is called there.
    """
    with running({}) as elsewhere, elsewhere.client() as theirs:
        write_story(theirs, QUEUE)
        theirs.execute_command("CONFIG", "RESETSTAT")
        own, queues = grant(guarded, "own"), grant(theirs, "change")
        async with office_at(own, {"main": (queues, "bull")}) as office:
            await tell(office, QUEUE)
            for kept in await office.archive.recent():
                await office.archive.drop(kept.id)
        await run_unusual(guarded, own, monkeypatch)
        assert refused(guarded) == refused(theirs) == set()
        for name, client in (("own", guarded), ("change", theirs)):
            unused = granted(name) - called(client)
            assert unused <= SELDOM[name], (name, sorted(unused - SELDOM[name]))
            assert not SELDOM[name] - granted(name)


async def run_unusual(client, url, monkeypatch):
    """Operations that fail and are tried again, are handed over, or whose replica has died."""
    monkeypatch.setattr(bullmq_operations, "_AGAIN", 50)
    monkeypatch.setattr(bullmq_operations, "CHECK", 100)
    client.flushall()
    queue = bullmq_operations.OperationsQueue(client=connect("REDIS_URL", url))
    for plan in ("lost", "plain"):
        await queue.submit(plan, "1")
    client.lmove("{bullhorn}:operations:wait", "{bullhorn}:operations:active")
    called, troubles = [], [HandedOverError(), ValueError("away")]
    done = asyncio.Event()

    async def run(plan, _leave):
        called.append(plan)
        if len(called) == 4:
            done.set()
        if troubles:
            raise troubles.pop()

    worker = bullmq_operations.OperationsWorker(
        client=lambda: connect("REDIS_URL", url, patient=True), handler=run
    )
    worker.start()
    async with asyncio.timeout(20):
        await done.wait()
    await worker.stop(5)
    await queue.aclose()
    assert set(called) == {"lost", "plain"}


async def test_operations_run_with_the_own_line_alone(guarded, monkeypatch):
    await run_unusual(guarded, grant(guarded, "own"), monkeypatch)
    assert refused(guarded) == set()


async def test_the_check_of_operations_needs_no_more_than_the_own_line(guarded):
    guarded.flushall()
    client = connect("REDIS_URL", grant(guarded, "own"))
    assert await OperationsProbe(client=client).run() is None
    assert refused(guarded) == set()
    await client.aclose()


async def test_each_right_that_operations_lack_is_named_before_it_is_needed(guarded):
    """Without `llen` BullMQ's script ends half-way, and the worker says what comes of that."""
    unnamed = {}
    for command in sorted(granted("own") - NO_OPERATION):
        client = connect("REDIS_URL", grant(guarded, "own", f"-{command}"))
        tried = await OperationsProbe(client=client).run()
        if tried is None or f"does not permit this to Bullhorn's user ({command})" not in tried.why:
            unnamed[command] = tried
        else:
            assert "docs/howto/redis.md" in tried.fix
            assert "SECRET" not in repr(tried)
        await client.aclose()
        guarded.flushall()
        guarded.script_flush()
    assert unnamed == {}


def test_the_lines_fit_together():
    assert granted("all") == granted("own") | granted("change")
    assert granted("read") < granted("change")

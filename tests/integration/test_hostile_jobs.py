"""Jobs that no application should write: read, shown within Slack's limits, and never harmed."""

import json
from collections import deque
from contextlib import suppress

import pytest
from redis import Redis

from bot.adapters.redis_watch_store import RedisWatchStore
from bot.domain.access import AccessPolicy
from bot.domain.jobs import FailedRef, FailureFilter
from bot.domain.queues import QueueId
from bot.domain.sample import SampleRequest
from bot.errors import BullhornError, RedisUnavailableError
from bot.render.errors import told
from bot.services.watch import TickResult
from tests.support import slack_limits
from tests.support.bullmq_places import misplaced, places
from tests.support.fakes import FakeClock, FakeMessenger
from tests.support.toolbox import BOB, VERA, build_office
from tests.support.valkey_bullmq import ORDERS, now_ms, write_failed, write_meta

SECRET = "hunter2-planted"
MUTATING = {"retry", "pause", "resume", "ack", "silence", "unsilence", "alerts"}
OUR_MENTIONS = {"<@U0BOB>", "<@U0VERA>"}
ATTACK = "<!channel> <@U0EVE> @here *b* `c` ```d``` :fire: \u202eevil\u202c\u200b\x00\x1b[31m\n> q"
MEGABYTE = "x" * 1_000_000
ANY = FailureFilter()


def deep(depth, inner='"end"'):
    """JSON of so many levels."""
    return '{"a":[' * (depth // 2) + inner + "]}" * (depth // 2)


def secretive(**more):
    """Data with secrets where people put them."""
    return json.dumps(
        {
            "password": SECRET,
            "nested": {"apiToken": [SECRET, {"x": SECRET}]},
            "text": json.dumps({"card_number": SECRET}),
            "headers": f"Authorization: Bearer {SECRET}",
            **more,
        }
    )


LEAKY = f"AUTH_ERROR: password={SECRET} https://u:{SECRET}@host/ Bearer {SECRET}"
FIELDS = {
    "plain": {},
    "empty hash": {"name": "", "data": "", "opts": "", "failedReason": "", "stacktrace": ""},
    "mrkdwn": dict.fromkeys(("name", "data", "failedReason", "parentKey", "returnvalue"), ATTACK),
    "mentions in json": {
        "data": json.dumps({ATTACK: [ATTACK, {ATTACK: ATTACK}]}),
        "stacktrace": json.dumps([ATTACK] * 5),
        "progress": json.dumps(ATTACK),
    },
    "bytes": dict.fromkeys(
        ("name", "data", "opts", "failedReason", "stacktrace", "progress", "timestamp", "atm"),
        b"\xff\xfe\x00\xc3\x28\x80",
    ),
    "megabytes": {
        "name": MEGABYTE, "data": json.dumps(MEGABYTE), "failedReason": MEGABYTE,
        "stacktrace": json.dumps([MEGABYTE]), "returnvalue": MEGABYTE, "progress": MEGABYTE,
    },
    "megabyte of bytes": {"data": b"\xff" * 1_000_000, "failedReason": b"\xf0\x9f" * 500_000},
    "many fields": {"data": json.dumps({f"k{n}": n for n in range(20_000)})},
    "long key": {"data": json.dumps({"k" * 200_000: 1, "password": SECRET})},
    "too deep": {"data": deep(200_000), "stacktrace": deep(200_000), "progress": deep(9_000)},
    "deep": {"data": deep(600), "progress": deep(600), "returnvalue": deep(600)},
    "deep secret": {"data": deep(60, secretive()), "failedReason": LEAKY},
    "numbers for text": dict.fromkeys(("name", "data", "failedReason", "parentKey"), 7),
    "text for numbers": dict.fromkeys(
        ("timestamp", "processedOn", "finishedOn", "atm", "ats", "attemptsMade", "delay"), "soon"
    ),
    "infinite": dict.fromkeys(("timestamp", "processedOn", "finishedOn", "atm"), "inf"),
    "no numbers": dict.fromkeys(("timestamp", "processedOn", "finishedOn", "atm"), "nan"),
    "beyond all time": dict.fromkeys(("timestamp", "processedOn", "finishedOn"), "9" * 300),
    "before all time": dict.fromkeys(("timestamp", "processedOn", "finishedOn", "atm"), "-1e18"),
    "lists": dict.fromkeys(("name", "data", "opts", "failedReason", "progress"), "[[],{}]"),
    "nulls": dict.fromkeys(("data", "opts", "stacktrace", "progress", "returnvalue"), "null"),
    "numbers": dict.fromkeys(("data", "opts", "stacktrace", "progress", "returnvalue"), "1e400"),
    "odd traces": {"stacktrace": json.dumps([None, 1, {"a": [SECRET]}, [[]], "", ATTACK])},
    "odd options": {"opts": json.dumps({ATTACK: ATTACK, "backoff": [1], "lifo": "x", "kl": {}})},
    "half characters": {
        "data": '{"a":"\\ud83d \\udc00", "\\udfff": 1}', "stacktrace": '["\\ud83d"]',
    },
    "twice": {"data": f'{{"token":1,"token":"{SECRET}","Token":"{SECRET}"}}'},
    "secrets": {
        "data": secretive(), "failedReason": LEAKY, "stacktrace": json.dumps([LEAKY] * 3),
        "returnvalue": secretive(), "progress": secretive(), "name": "provision",
    },
}  # fmt: skip
ODD_IDS = (
    "a b", " a ", "a:b:c", "--all", "--fresh", "-x", "--failed-at=0", "'", '"', "'a\"b'", "`", "*",
    "a\nb", "\n", "\t", "\x00", "<!channel>", "<@U0EVE>", "🔥", "\u202e\u202c", "\u200b", "é" * 300,
    "x" * 5_000, "x:meta", ":", "0:1", "$", "[", "%s", "{people}", "{at}", "../..", "\\", "“a”",
    "—all", "\u2028", "9" * 300, "-1", "null", b"\xff", b"\xff\xfe\x00", b"a\xc3", "\ufffd",
)  # fmt: skip


def named(name):
    return QueueId("main", "bull", name)


def as_bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


def key(queue, suffix):
    return queue.key("").encode() + as_bytes(suffix)


@pytest.fixture
def raw(valkey):
    with Redis(host=valkey.host, port=valkey.port) as client:
        yield client


def write_job(raw, queue, id_, fields, *, score=None):
    """A failed job with these fields in place of what BullMQ writes."""
    at = now_ms()
    job = {
        "name": "provision", "data": "{}", "opts": '{"attempts":3}', "timestamp": at - 5_000,
        "processedOn": at - 100, "finishedOn": at, "failedReason": "A_B: x", "atm": 3,
        **fields,
    }  # fmt: skip
    raw.hset(key(queue, id_), mapping={name: as_bytes(value) for name, value in job.items()})
    raw.zadd(key(queue, "failed"), {as_bytes(id_): at if score is None else score})


def contents(raw, queue):
    """All that a queue's keys hold, in an order of its own where Redis' means nothing."""
    read = {
        b"string": raw.get,
        b"list": lambda key: raw.lrange(key, 0, -1),
        b"hash": raw.hgetall,
        b"set": raw.smembers,
        b"zset": lambda key: raw.zrange(key, 0, -1, withscores=True),
        b"stream": raw.xrange,
    }
    return {key: read[raw.type(key)](key) for key in raw.scan_iter(f"{queue.key('')}*", count=1000)}


class Queues:
    """The real reader and operator as one, where the fakes stand otherwise."""

    def __init__(self, reader, operator):
        self.clock = FakeClock()
        self._parts = (reader, operator)

    def __getattr__(self, name):
        return next(getattr(part, name) for part in self._parts if hasattr(part, name))


class Hall:
    """Commands over the real queues; each reply is looked at."""

    def __init__(self, office):
        self.office = office
        self.seen = []

    async def ask(self, text, actor=VERA):
        """The reply; None where it was one of our errors."""
        try:
            reply = await self.office.ask(text, actor)
        except BullhornError as error:
            self._look(told(error), text)
            return None
        for message in (reply.message, reply.announcement):
            if message is not None:
                self._look(message, text)
        return reply

    def _look(self, message, text):
        found = slack_limits.problems(message)
        assert not found, (text[:200], found)
        assert slack_limits.mentions(message) <= OUR_MENTIONS, text[:200]
        everything = json.dumps([message.text, list(message.blocks)], ensure_ascii=False)
        assert SECRET not in everything, (text[:200], everything)
        self.seen.append(message)

    async def walk(self, *texts, most=150):
        """Ask, and press each button that changes nothing, and each on what that shows."""
        waiting, asked = deque(texts), set()
        while waiting and len(asked) < most:
            text = waiting.popleft()
            if text in asked:
                continue
            asked.add(text)
            reply = await self.ask(text)
            if reply is not None:
                waiting.extend(v for v in values(reply.message) if v.split()[0] not in MUTATING)
        return asked


def values(message):
    """All that the buttons and menus of a message type."""
    for block in message.blocks:
        accessory = block.get("accessory")
        for element in [*block.get("elements", []), *([accessory] if accessory else [])]:
            options = element.get("options", [])
            yield from (option["value"] for option in options)
            if "value" in element:
                yield element["value"]


@pytest.fixture
async def hall(reader, operator, sources):
    policy = AccessPolicy(viewers=frozenset({VERA.user}), operators=frozenset({BOB.user}))
    queues = Queues(reader, operator)
    office = build_office(
        redis=sources.client("main"), queues=queues, messenger=FakeMessenger(queues.clock),
        access=policy,
    )  # fmt: skip
    return Hall(office)


async def know(raw, *queues):
    """Let the finder know the queues, as the leader's tick would."""
    raw.sadd("{bullhorn}:queues", *(str(queue) for queue in queues))


@pytest.mark.parametrize("kind", FIELDS)
async def test_a_hostile_job_is_shown_and_leaks_nothing(hall, raw, redis, kind):
    write_meta(redis, ORDERS)
    write_job(raw, ORDERS, "1", FIELDS[kind])
    raw.rpush(ORDERS.key("1:logs"), LEAKY, ATTACK, b"\xff\x00", "x" * 100_000, "")
    await know(raw, ORDERS)
    before = contents(raw, ORDERS)

    asked = await hall.walk(
        "status", "status orders", "failed orders", "failed orders --jobs",
        "job orders 1", "job orders 1 --stack", "job orders 1 --logs",
    )  # fmt: skip

    assert len(asked) >= 7
    assert contents(raw, ORDERS) == before, "reading writes nothing"


@pytest.mark.parametrize("kind", FIELDS)
async def test_a_hostile_job_that_is_retried_is_in_one_place_and_otherwise_the_same(
    hall, raw, redis, kind
):
    write_meta(redis, ORDERS)
    write_job(raw, ORDERS, "1", FIELDS[kind])
    write_failed(redis, ORDERS, [("2", now_ms(), "A_B", "work")])
    await know(raw, ORDERS)
    other, job = raw.dump(ORDERS.key("2")), raw.hgetall(ORDERS.key("1"))

    outcome = await retry_all(hall)

    assert set(outcome.done) == {"1", "2"}
    assert misplaced(redis, ORDERS, ["1", "2"]) == {}
    assert set(places(redis, ORDERS)) == {"1", "2"}
    gone = {b"finishedOn", b"processedOn", b"failedReason"}
    assert raw.hgetall(ORDERS.key("1")) == {k: v for k, v in job.items() if k not in gone}
    assert raw.dump(ORDERS.key("2")) != other, "retried too"


async def test_a_secret_of_a_job_is_masked_in_its_own_reason_stack_and_logs(hall, raw, redis):
    write_meta(redis, ORDERS)
    said = f"HTTP_ERROR: the body was {SECRET}"
    trace = json.dumps([f"Error: {SECRET}\n    at {SECRET} (x.js:1)"])
    job = {"data": secretive(), "failedReason": said, "stacktrace": trace}
    write_job(raw, ORDERS, "1", job)
    raw.rpush(ORDERS.key("1:logs"), said)
    await know(raw, ORDERS)
    for text in ("job orders 1", "job orders 1 --stack", "job orders 1 --logs"):
        assert await hall.ask(text) is not None


async def retry_all(hall, queue=ORDERS):
    tools = hall.office.toolbox
    refs = [ref async for batch in tools.reader.select_failed(queue, ANY) for ref in batch]
    return await tools.retrying._operator.retry(queue, refs, fresh=False, configured=None)


async def test_ids_of_odd_characters_are_shown_and_each_button_finds_its_own_job(hall, raw, redis):
    write_meta(redis, ORDERS)
    for place, id_ in enumerate(ODD_IDS):
        write_job(raw, ORDERS, id_, {"failedReason": f"CODE_{place}: x"}, score=now_ms() - place)
        raw.rpush(key(ORDERS, as_bytes(id_) + b":logs"), f"log of {place}")
    await know(raw, ORDERS)

    asked = await hall.walk("failed orders", "failed orders --jobs", "status orders", most=400)

    assert len([text for text in asked if text.startswith("job ")]) >= len(ODD_IDS) // 2


async def test_a_retry_of_an_odd_id_moves_that_job_or_none(hall, raw, redis):
    write_meta(redis, ORDERS)
    for id_ in ODD_IDS:
        write_job(raw, ORDERS, id_, {})
    await know(raw, ORDERS)
    every = {as_bytes(id_) for id_ in ODD_IDS}

    outcome = await retry_all(hall)

    waiting = set(raw.lrange(ORDERS.key("wait"), 0, -1))
    failed = set(raw.zrange(ORDERS.key("failed"), 0, -1))
    assert waiting | failed == every, "no job is lost or made up"
    assert waiting & failed == set()
    readable = {id_ for id_ in every if is_utf8(id_)}
    assert readable <= waiting
    assert len(outcome.done) == len(waiting)


def is_utf8(id_):
    return b"\xff" not in id_ and id_ != b"a\xc3"


async def test_ids_like_options_never_retry_more_than_one_job(hall, raw, redis):
    write_meta(redis, ORDERS)
    for id_ in ("--all", "--fresh", "-x", "—all", "1", "2"):
        write_job(raw, ORDERS, id_, {})
    await know(raw, ORDERS)
    for id_ in ("--all", "--fresh", "—all", "-all", '"--all"', "“—all”"):
        await hall.ask(f"retry orders {id_}", BOB)
    assert raw.llen(ORDERS.key("wait")) == 0, "all of them are plans or errors"


async def test_names_of_queues_that_are_hostile_are_shown(hall, reader, raw, redis):
    queues = [
        named(name)
        for name in (
            "<!channel>", "a b", "--all", "'", '"', "`x`", "x" * 1_000, "🔥", "\u202e", "a:b",
            "a/b", "{people}", "\n", "all", "*",
        )
    ]  # fmt: skip
    for queue in queues:
        write_meta(redis, queue)
        write_job(raw, queue, "1", {})
    raw.hset(b"bull:\xff\xfe:meta", "version", "bullmq:5.1.0")
    found = (await reader.discover()).queues
    assert found == set(queues)
    await know(raw, *found)
    asked = await hall.walk("status", *(f'status "{queue.name}"' for queue in queues), most=200)
    assert len([text for text in asked if text.startswith("failed ")]) >= len(queues) // 2


SAMPLED = (
    "meta", "wait", "paused", "active", "prioritized", "delayed", "waiting-children", "completed",
    "failed", "events", "limiter",
)  # fmt: skip


@pytest.mark.parametrize("suffix", SAMPLED)
@pytest.mark.parametrize("kind", ["string", "list"])
async def test_a_key_of_the_wrong_type_breaks_its_queue_alone(
    hall, reader, raw, redis, suffix, kind
):
    broken, fine = named("broken"), named("fine")
    for queue in (broken, fine):
        write_meta(redis, queue)
        write_job(raw, queue, "1", {})
    raw.zadd(broken.key("delayed"), {"d": now_ms() * 4096})
    raw.lpush(broken.key("active"), "9")
    raw.delete(broken.key(suffix))
    a_list = {"wait", "paused", "active"}
    if kind == "string" and suffix != "limiter":
        raw.set(broken.key(suffix), "x")
    elif suffix in a_list:
        raw.sadd(broken.key(suffix), "x")
    else:
        raw.rpush(broken.key(suffix), "x")
    await know(raw, broken, fine)
    before = contents(raw, broken)

    round_ = await reader.sample([SampleRequest(queue=q) for q in (broken, fine)])

    assert set(round_.samples) == {fine}
    assert set(round_.broken) == {broken}
    assert "type" in round_.broken[broken]
    assert not round_.unreachable
    asked = await hall.walk(
        "status", "status broken", "failed broken", "failed broken --jobs", "job broken 1",
        "status fine", "failed fine", "job fine 1",
    )  # fmt: skip
    assert len(asked) >= 8
    assert await hall.ask("job fine 1") is not None
    await hall.ask("retry broken 1", BOB)
    await hall.ask("retry broken --all", BOB)
    assert contents(raw, broken) == before, "nothing is retried where not all can be seen"


async def test_the_watch_goes_on_beside_queues_that_are_broken(hall, raw, redis, sources):
    write_meta(redis, ORDERS)
    write_meta(redis, named("broken"))
    raw.set(named("broken").key("wait"), "x")
    assert await hall.office.tick() is TickResult.GOOD
    assert await hall.office.tick(after=15_000) is TickResult.GOOD
    store = RedisWatchStore(client=sources.client("main"))
    assert await store.queues() == {ORDERS, named("broken")}
    assert hall.office.telemetry.rounds[-1].samples.keys() == {ORDERS}


async def test_refs_that_are_not_there_move_nothing(hall, operator, raw, redis):
    write_meta(redis, ORDERS)
    write_job(raw, ORDERS, "1", {}, score=1_000)
    before = contents(raw, ORDERS)
    for id_ in ("meta", "failed", "wait", "id", "", "\ud83d", "1:logs", "x" * 10_000):
        refs = [FailedRef(id_, 1_000)]
        with suppress(RedisUnavailableError):
            outcome = await operator.retry(ORDERS, refs, fresh=False, configured=None)
            assert outcome.done == ()
    assert contents(raw, ORDERS) == before

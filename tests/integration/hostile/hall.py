"""Commands over real queues, and jobs written byte by byte."""

import json
from collections import deque

from bot.domain.jobs import FailureFilter
from bot.domain.queues import QueueId
from bot.errors import BullhornError
from bot.render.errors import told
from tests.support import slack_limits
from tests.support.fakes import FakeClock
from tests.support.toolbox import VERA
from tests.support.valkey_bullmq import ORDERS, now_ms

ANY = FailureFilter()
SECRET = "hunter2-planted"
MUTATING = {"retry", "pause", "resume", "ack", "silence", "unsilence", "alerts"}
OUR_MENTIONS = {"<@U0BOB>", "<@U0VERA>"}


def named(name):
    return QueueId("main", "bull", name)


def as_bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


def key(queue, suffix):
    return queue.key("").encode() + as_bytes(suffix)


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


async def know(raw, *queues):
    """Let the finder know the queues, as the leader's tick would."""
    raw.sadd("{bullhorn}:queues", *(str(queue) for queue in queues))


async def retry_all(hall, queue=ORDERS):
    tools = hall.office.toolbox
    refs = [ref async for batch in tools.reader.select_failed(queue, ANY) for ref in batch]
    return await tools.retrying._operator.retry(queue, refs, fresh=False, configured=None)

"""Jobs that no application should write: read, shown within Slack's limits, and never harmed."""

import json

import pytest

from tests.integration.hostile.hall import SECRET, contents, know, retry_all, write_job
from tests.support.bullmq_places import misplaced, places
from tests.support.valkey_bullmq import ORDERS, now_ms, write_failed, write_meta

ATTACK = "<!channel> <@U0EVE> @here *b* `c` ```d``` :fire: \u202eevil\u202c\u200b\x00\x1b[31m\n> q"
MEGABYTE = "x" * 1_000_000


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

"""Ids of odd characters: shown, and each button finds its own job or none."""

from contextlib import suppress

from bot.domain.jobs import FailedRef
from bot.errors import RedisUnavailableError
from tests.integration.hostile.hall import as_bytes, contents, key, know, retry_all, write_job
from tests.support.toolbox import BOB
from tests.support.valkey_bullmq import ORDERS, now_ms, write_meta

ODD_IDS = (
    "a b", " a ", "a:b:c", "--all", "--fresh", "-x", "--failed-at=0", "'", '"', "'a\"b'", "`", "*",
    "a\nb", "\n", "\t", "\x00", "<!channel>", "<@U0EVE>", "🔥", "\u202e\u202c", "\u200b", "é" * 300,
    "x" * 5_000, "x:meta", ":", "0:1", "$", "[", "%s", "{people}", "{at}", "../..", "\\", "“a”",
    "—all", "\u2028", "9" * 300, "-1", "null", b"\xff", b"\xff\xfe\x00", b"a\xc3", "\ufffd",
)  # fmt: skip


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

"""Addresses of sources: which are taken, and that no secret is told."""

import pytest
from bullmq.redis_connection import loadScript

from bot.adapters.bullmq_jobs import decode, read_job
from bot.adapters.sources import MOST_CONNECTIONS, Sources, connect
from bot.domain.queues import QueueId
from bot.errors import ConfigError, RedisUnavailableError

ORDERS = QueueId("main", "bull", "orders")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis+sentinel://u:hunter2@h/0", "redis+sentinel"),
        ("redis+cluster://u:hunter2@h/0", "redis+cluster"),
        ("http://u:hunter2@h", "redis://"),
        ("redis://[u:hunter2@h", "cannot be read"),
        ("redis://u:hunter2@h:port", "cannot be read"),
        ("redis://u:hunter2@h?socket_timeout=soon", "cannot be read"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_without_its_password(url, told):
    with pytest.raises(ConfigError, match="main") as caught:
        Sources({"main": (url, "bull")})
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_a_client_has_a_bounded_pool_and_repeats_nothing():
    client = connect("main", "rediss://user:pw@example.test:6380/3")
    pool = client.connection_pool
    assert pool.max_connections == MOST_CONNECTIONS
    assert pool.connection_kwargs["retry"].get_retries() == 0
    assert pool.connection_kwargs["db"] == 3
    await client.aclose()


async def test_an_unknown_source_is_unavailable():
    sources = Sources({"main": ("redis://h", "bull")})
    with pytest.raises(RedisUnavailableError, match="other"):
        sources.client("other")
    await sources.aclose()


def test_a_job_with_damaged_fields_is_still_read():
    flat = ["name", "x", "data", "{broken", "opts", "[]", "atm", "many", "stacktrace", "no list"]
    job = read_job(ORDERS, "1", ["failed", "17", 0, 0, flat])
    assert (job.data, job.options, job.attempts_made, job.attempts) == ("{broken", {}, 0, 1)
    assert job.stacktrace == ("no list",)


def test_text_that_is_no_json_stays_text():
    assert decode("[" * 100_000) == "[" * 100_000
    assert decode(None) is None


PACKAGE_KEYS = {
    "reprocessJob-9.lua": "job key, events stream, job state, wait key, meta, active key, "
    "marker key, prioritized key, priority counter key",
    "promote-9.lua": "'delayed', 'wait', 'paused', 'meta', 'prioritized', 'active', "
    "'pc' priority counter, 'event stream', 'marker'",
    "moveStalledJobsToWait-9.lua": "'stalled' (SET), 'wait',, 'active',, 'stalled-check',, "
    "'meta',, 'paused',, 'marker', 'event stream', 'repeat' key",
}


@pytest.mark.parametrize("script", PACKAGE_KEYS)
def test_the_package_still_takes_the_keys_in_the_order_they_are_given(script):
    text = loadScript(script)
    for place, name in enumerate(PACKAGE_KEYS[script].split(", "), start=1):
        assert f"KEYS[{place}] {name}" in text

"""Each fact and the line it makes: its status, and what to do when it is not well."""

import pytest

from bot.domain import checkup_redis, checkup_slack
from bot.domain.checkup import (
    ChannelFacts,
    Identity,
    QueuesFound,
    Report,
    ServerFacts,
    Status,
    Trouble,
    fail,
    ok,
    skip,
    warn,
)
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.sample import Counts, Sample
from bot.domain.scopes import NEEDED

WELL = ServerFacts(
    product="Valkey", version="9.1.0", latency=0.31, replica=False, eviction="noeviction",
    memory_used=5 * 2**20, memory_limit=0, client_list=True,
)  # fmt: skip
ORDERS = QueueId("main", "bull", "orders")
SIMS = QueueId("main", "bull", "sims")
ALL = frozenset(NEEDED)
AWAY = Trouble(why="it is away", fix="start it", absent=True)


def facts(**other):
    values = {field: getattr(WELL, field) for field in WELL.__dataclass_fields__}
    return ServerFacts(**{**values, **other})


def by_check(lines):
    return {line.check: line for line in lines}


def test_a_server_that_is_well():
    lines = checkup_redis.server("own Redis", WELL, queues_in_it=False)
    assert [line.check for line in lines] == [
        "own Redis", "own Redis: eviction policy", "own Redis: memory", "own Redis: CLIENT LIST",
    ]  # fmt: skip
    assert {line.status for line in lines} == {Status.OK}
    assert lines[0].detail == "Valkey 9.1.0, answers in 0.3 ms"
    assert lines[2].detail == "5.0 MB used, no maxmemory set"


@pytest.mark.parametrize(
    ("other", "check", "words"),
    [
        ({"replica": True}, "source main", "a replica"),
        ({"eviction": "allkeys-lru"}, "source main: eviction policy", "keys may vanish"),
        ({"eviction": None}, "source main: eviction policy", "INFO is not permitted"),
        ({"memory_used": None}, "source main: memory", "INFO is not permitted"),
        ({"memory_used": 95, "memory_limit": 100}, "source main: memory", "of 100 B (95%)"),
        ({"client_list": False}, "source main: CLIENT LIST", "workers stays unknown"),
    ],
)  # fmt: skip
def test_what_is_not_well_is_a_warning_with_what_to_do(other, check, words):
    lines = by_check(checkup_redis.server("source main", facts(**other), queues_in_it=True))
    warned = {line.check for line in lines.values() if line.status is Status.WARN}
    assert warned == {check}
    assert words in lines[check].detail
    assert lines[check].fix


def test_memory_far_from_its_limit_is_well_and_says_the_part():
    lines = by_check(
        checkup_redis.server(
            "own Redis", facts(memory_used=2**20, memory_limit=4 * 2**30), queues_in_it=False
        )
    )
    assert lines["own Redis: memory"] == ok("own Redis: memory", "1.0 MB used of 4.0 GB (0%)")


def test_client_list_is_not_needed_where_no_queues_are():
    lines = by_check(
        checkup_redis.server("own Redis", facts(client_list=False), queues_in_it=False)
    )
    assert lines["own Redis: CLIENT LIST"].status is Status.OK


def test_a_server_that_tells_nothing_of_itself_still_answers():
    line = checkup_redis.server("source main", facts(product=None), queues_in_it=True)[0]
    assert line.status is Status.OK
    assert line.detail.startswith("it does not tell what it is")


def test_a_server_that_is_away_is_one_failure_and_the_rest_is_skipped():
    first, *rest = checkup_redis.server("own Redis", AWAY, queues_in_it=True)
    assert first == fail("own Redis", "it is away", "start it")
    assert {line.status for line in rest} == {Status.SKIP}
    assert checkup_redis.writes(AWAY, None).status is Status.SKIP
    assert checkup_redis.shared("main", AWAY)[0].status is Status.SKIP


def test_writes_that_are_refused_fail():
    assert checkup_redis.writes(WELL, None).status is Status.OK
    line = checkup_redis.writes(WELL, Trouble(why="no writes", fix="allow them"))
    assert line == fail("own Redis: writes", "no writes", "allow them")


def test_operations_that_cannot_run_fail_and_are_not_tried_without_writes():
    denied = Trouble(why="not permitted (hmset)", fix="allow it")
    assert checkup_redis.operations(WELL, None, None).status is Status.OK
    line = checkup_redis.operations(WELL, None, denied)
    assert line == fail("own Redis: operations", "not permitted (hmset)", "allow it")
    assert checkup_redis.operations(WELL, denied, None).status is Status.SKIP
    assert checkup_redis.operations(AWAY, None, None).status is Status.SKIP


def sample(version=None, *, paused=False):
    return Sample(queue=ORDERS, taken_at=1, counts=Counts(), version=version, paused=paused)


@pytest.mark.parametrize(
    ("version", "configured", "said", "may"),
    [
        ("bullmq:6.1.0", None, "6 (Redis: bullmq:6.1.0, config: none)",
         "retry, fresh attempts, pause"),
        ("bullmq:5.81.5", 6, "5 (Redis: bullmq:5.81.5, config: 6)",
         "retry (unless paused), fresh attempts, pause"),
        ("bullmq:4.18.2", None, "4 (Redis: bullmq:4.18.2, config: none)",
         "retry (unless paused), pause; no fresh attempts"),
        (None, 3, "3 (Redis: none, config: 3)",
         "retry (unless paused; not prioritized jobs), pause; no fresh attempts"),
    ],
)  # fmt: skip
def test_a_queue_shows_its_versions_and_what_may_be_done(version, configured, said, may):
    catalog = Catalog(default=QueuePolicy(bullmq=configured))
    line = checkup_redis.queue(ORDERS, sample(version), catalog)
    assert line == ok("queue orders", f"BullMQ {said}: {may}")


def test_an_unknown_version_is_a_warning_that_says_what_to_set():
    line = checkup_redis.queue(
        ORDERS, sample("somebody's " * 9, paused=True), Catalog(default=QueuePolicy())
    )
    assert line.status is Status.WARN
    assert "no fresh attempts, no pause; paused now" in line.detail
    assert len(line.detail) < 200
    assert "`bullmq:` for orders" in line.fix


def test_queues_of_several_sources_are_told_apart():
    catalog = Catalog(default=QueuePolicy(), prefixes={"main": "bull", "other": "q"})
    assert checkup_redis.queue(ORDERS, sample(), catalog).check == "queue main/orders"


def test_the_line_about_all_queues_of_a_source():
    catalog = Catalog(default=QueuePolicy(), queues={"orders": QueuePolicy()}, discover=False)
    both = QueuesFound(queues=frozenset({ORDERS, SIMS}), complete=True)
    line = checkup_redis.queues("main", both, None, catalog)
    assert line.status is Status.OK
    assert line.detail == "2 found under bull:, 1 of them not watched (discover is off)"
    part = QueuesFound(queues=frozenset({ORDERS}), complete=False)
    assert checkup_redis.queues("main", part, None, catalog).status is Status.WARN
    none = QueuesFound(queues=frozenset(), complete=True)
    assert checkup_redis.queues("main", none, None, catalog).status is Status.WARN
    assert checkup_redis.queues("main", None, None, catalog).status is Status.SKIP
    assert checkup_redis.queues("main", AWAY, None, catalog).status is Status.FAIL
    unread = checkup_redis.queues("main", both, Trouble(why="no scripts", fix="allow"), catalog)
    assert unread.status is Status.FAIL
    assert unread.detail.endswith("none can be read: no scripts")


def test_queues_of_the_config_that_are_not_in_redis_are_told_when_all_was_seen():
    catalog = Catalog(
        default=QueuePolicy(),
        queues={"sims": QueuePolicy(), "orders": QueuePolicy(), "sim-*": QueuePolicy()},
    )
    whole = QueuesFound(queues=frozenset({ORDERS}), complete=True)
    [line] = checkup_redis.unseen({"main": whole}, catalog)
    assert (line.check, line.status) == ("queue sims", Status.WARN)
    for other in (None, AWAY, QueuesFound(queues=frozenset(), complete=False)):
        [line] = checkup_redis.unseen({"main": whole, "other": other}, catalog)
        assert (line.check, line.status) == ("queue sims", Status.SKIP)


def identity(scopes=ALL):
    return Identity(workspace="Acme", bot="bullhorn", scopes=scopes)


def test_who_the_bot_is_and_the_scopes_it_lacks():
    who, granted = checkup_slack.identity(identity())
    assert who == ok("Slack", 'workspace "Acme", as @bullhorn')
    assert granted.status is Status.OK
    granted = checkup_slack.identity(identity(ALL - {"groups:read", "chat:write"}))[1]
    assert granted.status is Status.FAIL
    assert granted.detail == "missing: chat:write, groups:read"
    assert "reinstall" in granted.fix
    assert checkup_slack.identity(identity(None))[1].status is Status.WARN
    assert [line.status for line in checkup_slack.identity(AWAY)] == [Status.FAIL, Status.SKIP]


def test_the_app_token_is_judged_by_itself_unless_slack_is_away():
    refused = Trouble(why="invalid_auth")
    assert checkup_slack.app_token(identity(), None, given=False).detail.startswith("not set")
    assert checkup_slack.app_token(identity(), None, given=True).status is Status.OK
    assert checkup_slack.app_token(refused, None, given=True).status is Status.OK
    assert checkup_slack.app_token(identity(), refused, given=True).status is Status.FAIL
    assert checkup_slack.app_token(identity(), AWAY, given=True).status is Status.FAIL
    assert checkup_slack.app_token(AWAY, AWAY, given=True).status is Status.SKIP


@pytest.mark.parametrize(
    ("facts_", "scopes", "status"),
    [
        ({"private": False, "member": True}, ALL, Status.OK),
        ({"private": True, "member": True}, ALL, Status.OK),
        ({"private": False, "member": False}, ALL, Status.WARN),
        ({"private": False, "member": False}, ALL - {"chat:write.public"}, Status.FAIL),
        ({"private": True, "member": False}, ALL, Status.FAIL),
        ({"private": False, "member": True, "archived": True}, ALL, Status.FAIL),
    ],
)
def test_a_channel(facts_, scopes, status):
    seen = ChannelFacts(name="incidents", **facts_)
    line = checkup_slack.channel("C0INCIDENTS", seen, identity(scopes))
    assert line.status is status
    assert line.detail.startswith("#incidents, p")
    assert bool(line.fix) is (status is not Status.OK)


def test_channels_and_groups_are_skipped_without_a_login():
    refused = Trouble(why="invalid_auth")
    assert checkup_slack.channel("C0", refused, refused) == skip(
        "channel C0", "the bot token was not accepted"
    )
    assert checkup_slack.group("S0", AWAY, AWAY) == skip(
        "user group S0", "Slack could not be asked"
    )


def test_a_user_group():
    assert checkup_slack.group("S0", 1, identity()) == ok("user group S0", "1 member")
    assert checkup_slack.group("S0", 2, identity()).detail == "2 members"
    assert checkup_slack.group("S0", 0, identity()).status is Status.WARN
    assert checkup_slack.group("S0", Trouble(why="no"), identity()).status is Status.FAIL


def test_warnings_and_skipped_checks_pass():
    report = Report(findings=(ok("a", "b"), warn("c", "d", "e"), skip("f", "g")))
    assert report.passed
    assert not Report(findings=(*report.findings, fail("h", "i", "j"))).passed

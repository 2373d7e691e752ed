"""What is known of failed jobs before a plan is made, read from a real server."""

import json

import pytest

from bot.adapters import bullmq_plan_facts
from bot.domain.jobs import FailureFilter
from bot.domain.plan_facts import FailedAbout
from tests.support.valkey_bullmq import ORDERS, contents, write_failed, write_meta

ANY = FailureFilter()
AT = 1_700_000_000_000
FAILS = {"data": {"fail": "WHMCS_ERROR: x"}}


@pytest.fixture
def failed(redis):
    """Four of one error, one of another; the last one's hash is gone."""
    write_meta(redis, ORDERS)
    rows = [(f"w{n}", AT + n, "WHMCS_ERROR: x", "work") for n in range(4)]
    write_failed(redis, ORDERS, [*rows, ("m1", AT + 9, "MAPPING_ERROR: x", "other")])
    redis.zadd(ORDERS.key("failed"), {"gone": AT + 5})


def put(redis, id_, **fields):
    redis.hset(ORDERS.key(id_), mapping=fields)


async def test_sums_over_what_matches(redis, reader, failed):
    put(redis, "w0", atm=1)
    put(redis, "w1", priority=3)
    put(redis, "w2", timestamp=AT - 90_000)
    before = contents(redis)
    facts = await reader.plan_facts(ORDERS, FailureFilter(code="WHMCS_ERROR"))
    assert (facts.count, facts.exhausted, facts.attempts, facts.prioritized) == (4, 3, 3, 1)
    assert (facts.children, facts.orphaned, facts.vanished) == (0, 0, 1)
    assert facts.oldest_created == AT - 90_000
    assert (facts.first_failed, facts.last_failed) == (AT, AT + 3)
    assert facts.about == ()
    assert contents(redis) == before
    assert (await reader.plan_facts(ORDERS, ANY)).count == 5


async def test_named_ones_as_far_as_they_are_failed_and_there(redis, reader, failed):
    named = ["w1", "m1", "gone", "nowhere", "failed", "meta", ""]
    facts = await reader.plan_facts(ORDERS, ANY, ids=named)
    assert (facts.count, facts.exhausted) == (2, 2)


async def test_the_values_at_two_paths(redis, reader, failed):
    put(redis, "w0", data=json.dumps({"o": {"id": 7}, "sim": "s0"}))
    put(redis, "w1", data=json.dumps({"sim": "s1"}))
    put(redis, "w2", data="{")
    put(redis, "w3", data=json.dumps({"o": {"id": "x"}, "rest": "x" * 70_000}))
    wanted = FailureFilter(code="WHMCS_ERROR")

    def about(id_, place, **values):
        made = AT + place - 5_000
        return FailedAbout(id=id_, failed_at=AT + place, created_at=made, **values)

    both = await reader.plan_facts(ORDERS, wanted, business="o.id", subject="sim")
    assert both.about == (about("w0", 0, business="7", subject="s0"), about("w1", 1, subject="s1"))
    assert (both.count, both.unread) == (4, 2)
    one = await reader.plan_facts(ORDERS, wanted, subject="sim")
    assert one.about == (about("w0", 0, subject="s0"), about("w1", 1, subject="s1"))
    named = await reader.plan_facts(ORDERS, ANY, ids=["w0"], business="o.id", subject="o.id")
    assert named.about == (about("w0", 0, business="7", subject="7"),)


@pytest.mark.parametrize(
    ("options", "made", "exhausted"),
    [
        ("{}", 1, 1),
        ('{"attempts": 5}', 4, 0),
        ('{"attempts": 5}', 5, 1),
        ('{"attempts": 0}', 1, 1),
        ('{"attempts": "x"}', 1, 1),
        ('{"attempts": {}}', 0, 0),
        ("[]", 1, 1),
        ("{", 9, 0),
        ("null", 9, 0),
        ("x" * 70_000, 9, 0),
        ('{"attempts": 3}', "soon", 0),
        ('{"attempts": 3}', "nan", 0),
    ],
)
async def test_attempts_that_are_used_up(redis, reader, options, made, exhausted):
    write_meta(redis, ORDERS)
    write_failed(redis, ORDERS, [("1", AT, "A_B: x", "work")])
    put(redis, "1", opts=options, atm=made)
    assert (await reader.plan_facts(ORDERS, ANY)).exhausted == exhausted


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "-inf", "9" * 400, "", b"\xff"])
async def test_numbers_that_are_none_are_no_facts(redis, reader, failed, text):
    for id_ in ("w0", "w1", "w2", "w3", "m1"):
        put(redis, id_, timestamp=text, priority=0, atm=3)
    put(redis, "w3", timestamp=AT)
    facts = await reader.plan_facts(ORDERS, ANY, business="o")
    assert (facts.count, facts.oldest_created, facts.exhausted) == (5, AT, 5)


async def test_scores_without_end(redis, reader, failed):
    redis.zadd(ORDERS.key("failed"), {"w0": "-inf", "w1": "inf"})
    facts = await reader.plan_facts(ORDERS, ANY, business="o")
    assert (facts.first_failed, facts.last_failed) == (AT + 2, AT + 9)


@pytest.mark.parametrize("parent", ["", "{", "[]", '{"id": 1}', '{"id":"9","queueKey":"x:y"}'])
@pytest.mark.parametrize("key", ["bull:orders:9", "nonsense", "a:b:c:d", "bull:orders:"])
async def test_parents_of_any_kind_are_survived(redis, reader, failed, parent, key):
    put(redis, "w0", parentKey=key, parent=parent)
    facts = await reader.plan_facts(ORDERS, ANY)
    assert (facts.count, facts.children) == (5, 1)


async def test_a_damaged_parent_is_not_said_to_have_left(redis, reader, failed):
    put(redis, "w0", parentKey="bull:orders:9")
    redis.set("bull:orders:waiting-children", "x")
    assert (await reader.plan_facts(ORDERS, ANY)).orphaned == 0


@pytest.mark.parametrize("step", [1, 2, 3])
async def test_however_the_steps_fall(redis, reader, failed, monkeypatch, step):
    monkeypatch.setattr(bullmq_plan_facts, "STEP", step)
    facts = await reader.plan_facts(ORDERS, ANY, business="o")
    assert (facts.count, facts.exhausted, facts.vanished, len(facts.about)) == (5, 5, 1, 5)
    named = await reader.plan_facts(ORDERS, ANY, ids=["w0", "gone", "w1", "m1"], business="o")
    assert named.count == 3


async def test_more_than_are_kept_in_mind_are_told(redis, reader, failed, monkeypatch):
    monkeypatch.setattr(bullmq_plan_facts, "STEP", 2)
    monkeypatch.setattr(bullmq_plan_facts, "MOST_ABOUT", 3)
    facts = await reader.plan_facts(ORDERS, ANY, business="o")
    assert (facts.count, len(facts.about), facts.complete) == (5, 2, False)


@pytest.mark.parametrize("version", [5, 6])
async def test_a_flow_whose_parent_waits_and_one_whose_parent_has_left(node, reader, version):
    queue = node.queue(version, ORDERS.name)
    left = {"data": FAILS["data"], "opts": {"failParentOnFailure": True}}
    await queue.flow({"children": [FAILS]})
    await queue.flow({"children": [left]})
    worker = await queue.worker()
    await queue.wait(failed=3)  # two children and the parent that failed with its child
    await worker.stop()
    facts = await reader.plan_facts(ORDERS, FailureFilter(code="WHMCS_ERROR"))
    assert (facts.count, facts.children, facts.orphaned) == (2, 2, 1)

"""The checkup over fakes: the order, what is skipped, the time limit, and that all run at once."""

import asyncio
import time

import pytest

from bot.domain.checkup import SalesforceFacts, Setup, Status, Trouble
from bot.domain.policy import Catalog, QueuePolicy
from bot.domain.queues import QueueId
from bot.domain.salesforce import DayLimits
from bot.domain.sample import SampleRound
from bot.services.checkup import Checkup
from tests.support.fake_probes import AWAY, FakeOperations, FakeServer, FakeSlack
from tests.support.fakes import ORDERS, SIMS

OTHER = QueueId("eu", "bull", "invoices")
CATALOG = Catalog(
    default=QueuePolicy(),
    queues={
        "order-provisioning": QueuePolicy(channel="C0ORDERS"),
        "nowhere": QueuePolicy(),
        "sim-*": QueuePolicy(channel="#sims"),
    },
    channel="C0INCIDENTS",
    prefixes={"main": "bull", "eu": "bull"},
)


@pytest.fixture
def own():
    return FakeServer()


@pytest.fixture
def sources():
    return {"main": FakeServer(ORDERS, SIMS), "eu": FakeServer(OTHER)}


@pytest.fixture
def slack():
    return FakeSlack()


@pytest.fixture
def operations():
    return FakeOperations()


@pytest.fixture
def checkup(own, operations, sources, slack, queues):
    for queue in (ORDERS, SIMS, OTHER):
        queues.add(queue)

    def build(catalog=CATALOG, limit=5.0, **setup):
        given = {"groups": frozenset({"S0OPS", "S0ADMINS"}), **setup}
        return Checkup(
            setup=Setup(slack_host="slack.com", port=3000, app_token=True, config="a.yml", **given),
            catalog=catalog, own=own, operations=operations, sources=sources, reader=queues,
            slack=slack, limit=limit,
        )  # fmt: skip

    return build


async def statuses(checkup):
    return {line.check: line.status for line in (await checkup.run()).findings}


async def test_all_lines_in_an_order_that_is_always_the_same(checkup):
    report = await checkup(heartbeat="1 min").run()
    assert [line.check for line in report.findings] == [
        "settings",
        "config",
        "own Redis",
        "own Redis: writes",
        "own Redis: operations",
        "own Redis: eviction policy",
        "own Redis: memory",
        "own Redis: CLIENT LIST",
        "source main",
        "source main: eviction policy",
        "source main: memory",
        "source main: CLIENT LIST",
        "source main: queues",
        "queue main/order-provisioning",
        "queue main/sim-management",
        "source eu",
        "source eu: eviction policy",
        "source eu: memory",
        "source eu: CLIENT LIST",
        "source eu: queues",
        "queue eu/invoices",
        "queue nowhere",
        "Slack",
        "Slack: scopes",
        "Slack: app token",
        "channel #sims",
        "channel C0INCIDENTS",
        "channel C0ORDERS",
        "user group S0ADMINS",
        "user group S0OPS",
        "heartbeat",
    ]
    assert report.count(Status.WARN) == 1, "the queue that is not in Redis"
    assert report.passed
    assert report == await checkup(heartbeat="1 min").run()
    details = {line.check: line.detail for line in report.findings}
    assert details["config"] == "a.yml: 2 queues named, and 1 by pattern"
    assert details["heartbeat"] == "set, every 1 min (not called now)"


async def test_sources_are_never_written(checkup, own, sources):
    await checkup().run()
    assert own.written == 1
    assert [source.written for source in sources.values()] == [0, 0]


async def test_a_source_that_is_away_takes_nothing_else_with_it(checkup, sources):
    sources["eu"].seen = AWAY
    found = await statuses(checkup())
    assert [check for check, status in found.items() if status is Status.FAIL] == ["source eu"]
    assert found["source eu: queues"] is Status.SKIP
    assert found["queue nowhere"] is Status.SKIP, "it may be in the source that is away"
    assert found["queue main/sim-management"] is Status.OK


async def test_what_operations_lack_is_told(checkup, operations):
    operations.trouble = Trouble(why="operations cannot run: not permitted (hmset)", fix="allow it")
    found = await statuses(checkup())
    assert [check for check, status in found.items() if status is Status.FAIL] == [
        "own Redis: operations"
    ]
    assert operations.tried == 1


async def test_a_source_that_is_bullhorns_own_redis_is_looked_at_once(checkup, own, sources):
    found = await statuses(checkup(shared=frozenset({"main"})))
    assert found["source main"] is Status.OK
    assert "source main: memory" not in found
    assert (own.looks, sources["main"].looks, sources["eu"].looks) == (1, 0, 1)
    own.seen = AWAY
    found = await statuses(checkup(shared=frozenset({"main"})))
    assert [check for check, status in found.items() if status is Status.FAIL] == ["own Redis"]
    assert found["own Redis: writes"] is found["source main"] is Status.SKIP
    assert found["own Redis: operations"] is Status.SKIP


async def test_queues_that_cannot_be_read_are_one_failure(checkup, queues):
    queues.down["eu"] = 'Redis "eu" does not permit this to Bullhorn\'s user.'
    report = await checkup().run()
    [failed] = [line for line in report.findings if line.status is Status.FAIL]
    assert failed.check == "source eu: queues"
    assert "does not permit this" in failed.detail
    assert (await statuses(checkup()))["queue eu/invoices"] is Status.SKIP


async def test_one_queue_that_cannot_be_read_fails_alone(checkup, queues, monkeypatch):
    whole = queues.sample

    async def sample(requests):
        round_ = await whole(requests)
        broken = {q: "WRONGTYPE." for q in round_.samples if q == SIMS}
        samples = {q: one for q, one in round_.samples.items() if q != SIMS}
        return SampleRound(samples=samples, broken=broken)

    monkeypatch.setattr(queues, "sample", sample)
    found = await statuses(checkup())
    assert [check for check, status in found.items() if status is Status.FAIL] == [
        "queue main/sim-management"
    ]


async def test_only_watched_queues_have_a_line(checkup):
    catalog = Catalog(
        default=QueuePolicy(), queues={"invoices": QueuePolicy()}, discover=False,
        prefixes=CATALOG.prefixes,
    )  # fmt: skip
    found = await statuses(checkup(catalog))
    assert [check for check in found if check.startswith("queue")] == ["queue eu/invoices"]
    assert found["source main: queues"] is Status.OK
    assert found["channel"] is Status.WARN, "alerts have nowhere to go"


async def test_without_a_login_no_channel_is_asked_for(checkup, slack):
    slack.who = Trouble(why="invalid_auth", fix="set it")
    found = await statuses(checkup())
    assert slack.asked == []
    assert [check for check, status in found.items() if status is Status.FAIL] == ["Slack"]
    assert found["channel C0ORDERS"] is found["user group S0OPS"] is Status.SKIP
    assert found["Slack: app token"] is Status.OK, "it is another token"


async def test_slack_away_is_one_failure(checkup, slack):
    slack.who = slack.socket = AWAY
    found = await statuses(checkup())
    assert [check for check, status in found.items() if status is Status.FAIL] == ["Slack"]


async def test_all_run_at_once_and_each_within_the_limit(checkup, own, sources, slack):
    own.slow = sources["main"].slow = sources["eu"].slow = slack.slow = 60
    began = time.monotonic()
    report = await checkup(limit=0.3).run()
    assert time.monotonic() - began < 2
    failed = {line.check: line for line in report.findings if line.status is Status.FAIL}
    assert list(failed) == ["own Redis", "source main", "source eu", "Slack"]
    assert failed["source eu"].detail == 'Redis "eu" did not answer within 0.3 s'
    assert all(line.fix for line in failed.values())


async def test_salesforce_is_tried_within_the_limit_too(checkup, own):
    class Probe:
        async def look(self):
            return SalesforceFacts(
                host="acme.my.salesforce.com", version="62.0",
                limits=DayLimits(remaining=9_000, allowed=15_000),
            )  # fmt: skip

    made = checkup(salesforce="JWT bearer")
    made._salesforce = Probe()
    found = {line.check: line for line in (await made.run()).findings}
    assert found["Salesforce"].detail == "acme.my.salesforce.com, API 62.0, login by JWT bearer"
    assert list(found)[-4:] == [
        "Salesforce", "Salesforce: fields", "Salesforce: requests", "heartbeat",
    ]  # fmt: skip

    class Slow:
        async def look(self):
            await asyncio.sleep(60)

    made = checkup(limit=0.3, salesforce="JWT bearer")
    made._salesforce = Slow()
    found = await statuses(made)
    assert found["Salesforce"] is Status.FAIL
    assert found["Salesforce: fields"] is Status.SKIP


async def test_a_queue_best_retried_through_salesforce_without_credentials(checkup):
    queues = {"order-provisioning": QueuePolicy(retry_via="salesforce")}
    catalog = Catalog(default=QueuePolicy(), queues=queues, prefixes=CATALOG.prefixes)
    report = await checkup(catalog).run()
    [line] = [one for one in report.findings if one.check == "Salesforce"]
    assert line.status is Status.WARN
    assert "order-provisioning" in line.detail

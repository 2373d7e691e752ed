"""/healthz, /readyz and /metrics, asked over HTTP."""

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import Gauge

from bot.adapters.prometheus import PrometheusTelemetry
from bot.domain.incidents import Acknowledgement, Incident
from bot.domain.policy import Severity
from bot.domain.queues import QueueId
from bot.domain.sample import Counts, Sample, SampleRound
from bot.web import health
from tests.support.fakes import ORDERS, SIMS, START

EUROPE = QueueId("europe", "bull", "order-provisioning")


@pytest.fixture
def checks():
    return {"slack": True, "redis": True, "first_tick": True}


@pytest.fixture
def telemetry():
    return PrometheusTelemetry()


@pytest.fixture
async def web(checks, telemetry):
    app = health.build(ready=lambda: checks, exposition=telemetry.exposition)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
def metrics(web):
    async def read():
        response = await web.get("/metrics")
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        rows = (line.rsplit(" ", 1) for line in (await response.text()).splitlines())
        return {name: float(value) for name, value in rows if not name.startswith("#")}

    return read


def saw(*queues, away=(), **counts):
    samples = {q: Sample(queue=q, taken_at=START, counts=Counts(**counts)) for q in queues}
    return SampleRound(samples=samples, unreachable=dict.fromkeys(away, "Redis does not answer."))


async def test_alive_is_alive_whatever_else_is_wrong(web, checks):
    checks.update(dict.fromkeys(checks, False))
    response = await web.get("/healthz")
    assert (response.status, await response.text()) == (200, "ok\n")


async def test_ready_when_all_is_there(web):
    response = await web.get("/readyz")
    assert response.status == 200
    assert await response.json() == {
        "ready": True, "slack": True, "redis": True, "first_tick": True,
    }  # fmt: skip


@pytest.mark.parametrize("missing", ["slack", "redis", "first_tick"])
async def test_not_ready_says_what_is_missing(web, checks, missing):
    checks[missing] = False
    response = await web.get("/readyz")
    assert response.status == 503
    body = await response.json()
    assert [name for name, good in body.items() if not good] == ["ready", missing]
    checks[missing] = True
    assert (await web.get("/readyz")).status == 200


async def test_there_is_nothing_else(web):
    assert (await web.get("/")).status == 404
    assert (await web.post("/healthz")).status == 405


async def test_jobs_by_queue_and_state(metrics, telemetry):
    telemetry.observe_round(saw(ORDERS, EUROPE, waiting=3, paused_list=1, prioritized=2, failed=9))
    figures = await metrics()

    def jobs(source, state):
        labels = f'queue="order-provisioning",source="{source}",state="{state}"'
        return figures[f"bullhorn_queue_jobs{{{labels}}}"]

    for source in ("main", "europe"):
        assert jobs(source, "waiting") == 3
        assert jobs(source, "backlog") == 6
        assert jobs(source, "failed") == 9
        assert figures[f'bullhorn_source_up{{source="{source}"}}'] == 1


async def test_a_round_costs_no_series_until_they_are_asked_for(metrics, telemetry, monkeypatch):
    made, labels = [], Gauge.labels

    def counted(self, *values, **more):
        made.append(values)
        return labels(self, *values, **more)

    monkeypatch.setattr(Gauge, "labels", counted)
    queues = [QueueId("main", "bull", f"q{number}") for number in range(50)]
    telemetry.observe_round(saw(*queues, waiting=3))
    assert made == [("main",)]
    figures = await metrics()
    assert sum(name.startswith("bullhorn_queue_jobs{") for name in figures) == 500


async def test_a_queue_that_is_gone_leaves_the_page(metrics, telemetry):
    telemetry.observe_round(saw(ORDERS, SIMS, waiting=3))
    telemetry.observe_round(saw(SIMS, waiting=3))
    figures = await metrics()
    queues = {name.split('queue="')[1].split('"')[0] for name in figures if "queue=" in name}
    assert queues == {"sim-management"}


async def test_a_source_that_cannot_be_read_is_down_and_its_last_counts_are_not_passed_off(
    metrics, telemetry
):
    telemetry.observe_round(saw(ORDERS, EUROPE, waiting=3))
    telemetry.observe_round(saw(ORDERS, away=["europe"], waiting=3))
    figures = await metrics()
    assert figures['bullhorn_source_up{source="europe"}'] == 0
    assert figures['bullhorn_source_up{source="main"}'] == 1
    assert not [name for name in figures if "queue_jobs" in name and "europe" in name]


def incident(number, **changes):
    settings = {"severity": Severity.WARNING, **changes}
    return Incident(
        number=number, queue=ORDERS, family="backlog", rule="backlog", began_at=START,
        fired_at=START, value=12, threshold=10, peak=12, **settings,
    )  # fmt: skip


async def test_open_alerts_by_rule_severity_and_state(metrics, telemetry):
    taken = Acknowledgement(by="UBOB", at=START)
    telemetry.alerts(
        [incident(1), incident(2), incident(3, acknowledged=taken),
         incident(4, acknowledged=taken, silenced_by="ab"),
         incident(5, severity=Severity.CRITICAL)]
    )  # fmt: skip
    figures = await metrics()

    def count(severity, state):
        labels = f'rule="backlog",severity="{severity}",state="{state}"'
        return figures[f"bullhorn_alerts{{{labels}}}"]

    assert count("warning", "firing") == 2
    assert count("warning", "acknowledged") == count("warning", "silenced") == 1
    assert count("critical", "firing") == 1
    telemetry.alerts([])
    assert not [name for name in await metrics() if name.startswith("bullhorn_alerts")]


async def test_ticks_the_lead_commands_and_calls_to_slack(metrics, telemetry):
    telemetry.tick(seconds=0.02, lag=1.5, result="good")
    telemetry.tick(seconds=0.2, lag=0.25, result="failed")
    telemetry.leading(True)
    telemetry.command(name="retry", seconds=0.1, outcome="ok")
    telemetry.slack_call("chat.update", "ok")
    telemetry.slack_call("chat.update", "ratelimited")
    figures = await metrics()
    assert figures['bullhorn_ticks_total{result="good"}'] == 1
    assert figures['bullhorn_ticks_total{result="failed"}'] == 1
    assert figures["bullhorn_tick_seconds_count"] == 2
    assert figures["bullhorn_tick_seconds_sum"] == pytest.approx(0.22)
    assert figures["bullhorn_tick_lag_seconds"] == 0.25
    assert figures["bullhorn_leader"] == 1
    assert figures['bullhorn_command_seconds_count{command="retry",outcome="ok"}'] == 1
    calls = 'bullhorn_slack_calls_total{method="chat.update",result="%s"}'
    assert figures[calls % "ok"] == figures[calls % "ratelimited"] == 1
    telemetry.leading(False)
    assert (await metrics())["bullhorn_leader"] == 0


async def test_who_leads_no_more_shows_no_old_counts(metrics, telemetry):
    telemetry.leading(True)
    telemetry.observe_round(saw(ORDERS, waiting=60))
    telemetry.alerts([incident(1)])
    telemetry.leading(False)
    old = ("bullhorn_queue_jobs", "bullhorn_alerts")
    assert not [name for name in await metrics() if name.startswith(old)]


async def test_two_bots_in_one_process_do_not_share_figures(metrics, telemetry):
    PrometheusTelemetry().leading(True)
    assert (await metrics())["bullhorn_leader"] == 0

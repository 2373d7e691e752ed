"""The health table: levels, worst first."""

from bot.domain.health import Level, Metric, StatusView, assess, processing
from bot.domain.incidents import Silence, Status
from bot.domain.policy import HealthTable, QueuePolicy, Severity
from bot.domain.queues import QueueId
from bot.domain.sample import ActiveJob, Counts, Sample
from tests.unit.render import samples as given

NOW = given.NOW


def health(name="q", **changes):
    made = {"counts": Counts(), "taken_at": NOW, "queue": QueueId("main", "bull", name)}
    return assess(Sample(**{**made, **changes}), QueuePolicy(), HealthTable())


def active(age, job_id="1"):
    return ActiveJob(id=job_id, name="n", started_at=NOW - age, attempt=1, locked=True)


def test_limits_are_exceeded_by_more_than_them():
    assert health(counts=Counts(waiting=10)).level is Level.HEALTHY
    assert health(counts=Counts(waiting=11)).level is Level.WARNING
    assert health(counts=Counts(waiting=50)).level is Level.WARNING
    assert health(counts=Counts(waiting=51)).level is Level.CRITICAL


def test_waiting_is_the_backlog_and_failed_is_the_last_day():
    spread = Counts(waiting=5, paused_list=3, prioritized=2, overdue=1, delayed=9, failed=900)
    found = health(counts=spread, failed_in_day=5).findings
    assert [(one.metric, one.value, one.limit) for one in found] == [(Metric.WAITING, 11, 10)]
    assert health(failed_in_day=21).worst.action == "Investigate failures"


def test_processing_is_the_worse_of_p95_and_the_oldest_active_job():
    assert processing(given.sample(processing_p95=None, active_jobs=())) is None
    assert processing(given.sample(processing_p95=3000, active_jobs=(active(9000),))) == 9000
    assert processing(given.sample(processing_p95=3000, active_jobs=(active(-5000),))) == 3000
    assert health(active_jobs=(active(61_000),)).level is Level.CRITICAL
    assert health(processing_p95=31_000).worst.metric is Metric.PROCESSING


def test_the_worst_finding_comes_first():
    found = health(counts=Counts(waiting=12), failed_in_day=21, processing_p95=59_000)
    assert [one.metric for one in found.findings] == [
        Metric.FAILED,
        Metric.WAITING,
        Metric.PROCESSING,
    ]


def test_a_long_running_job_is_told_from_slow_ones():
    slow, stuck = (
        health(processing_p95=31_000),
        health(processing_p95=9, active_jobs=(active(65_000),)),
    )
    assert not slow.worst.running
    assert stuck.worst.running


def test_the_silences_that_cover_a_queue():
    def silence(queue, until=NOW + 1):
        return Silence(id="s", queue=queue, rule=None, until=until, by="U0BOB", at=NOW)

    some = tuple(map(silence, (None, "order-provisioning", "main/order-provisioning", "other")))
    view = StatusView(now=NOW, silences=(*some, silence(None, until=NOW)))
    assert view.silences_of(given.ORDERS) == some[:3]


def test_queues_come_worst_first_and_alerts_count():
    calm, busy = health("calm"), health("busy", counts=Counts(waiting=3))
    warned = health("warned", counts=Counts(waiting=12))
    worse = health("worse", counts=Counts(waiting=40))
    down = given.down(queue=busy.queue)
    over = given.down(queue=calm.queue, status=Status.RESOLVED)
    view = StatusView(now=NOW, healths=(calm, warned, busy, worse), incidents=(down, over))
    assert [one.queue.name for one, _ in view.worst_first()] == ["busy", "worse", "warned", "calm"]
    assert view.level_of(busy) is Level.CRITICAL
    assert view.level_of(calm) is Level.HEALTHY


def test_open_alerts_of_a_queue_are_worst_first():
    mild = given.spike(number=1)
    grave = given.incident(number=2, severity=Severity.CRITICAL)
    view = StatusView(now=NOW, incidents=(mild, grave))
    assert [one.number for one in view.firing(given.ORDERS)] == [2, 1]

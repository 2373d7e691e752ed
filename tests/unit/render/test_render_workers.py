"""Who works on a queue, as alerts and `status` say it; and what to do where nobody does."""

from bot.domain.health import StatusView, assess
from bot.domain.incidents import Facts, Status
from bot.domain.sample import ActiveJob
from bot.domain.times import HOUR
from bot.render import alerts, status
from tests.unit.render import samples as given
from tests.unit.render.conftest import readable

CATALOG, NOW = given.CATALOG, given.NOW
WRITER = alerts.AlertRenderer(CATALOG)


def health(sample):
    return assess(sample, CATALOG.policy(sample.queue), CATALOG.health)


def test_a_timeout_of_jobs_that_lost_their_worker_offers_to_unstick_them():
    def told(*locked, **changes):
        jobs = tuple(
            ActiveJob(id=f"j{n}", name="w", started_at=NOW - HOUR, attempt=1, locked=one)
            for n, one in enumerate(locked)
        )
        incident = given.timeout(facts=Facts(workers=0, jobs=jobs), **changes)
        return readable(WRITER.alert(incident, first=True))

    unstick = "[!Unstick… = unstick order-provisioning]"
    assert "→ Unstick it: its worker is gone\n" in told(False)
    assert "→ Unstick them: their worker is gone\n" in told(False, False)
    assert "→ Unstick j1. For the rest: Check external dependencies" in told(True, False)
    assert unstick in told(True, False)
    assert unstick in told(False)
    assert "nstick" not in told(True, True)
    over = {"status": Status.RESOLVED, "resolved_at": NOW}
    assert "nstick" not in told(False, **over)


def test_workers_whose_number_is_not_known_are_told_without_one():
    def told(**facts):
        return str(WRITER.alert(given.incident(facts=Facts(active=2, **facts)), first=True).blocks)

    assert "Workers connected · 2 active" in told(workers=3, more_workers=True)
    assert "Workers are busy" in told(workers=3, more_workers=True)
    assert "3 workers connected · 2 active" in told(workers=3)
    assert "Workers unknown · 2 active" in told(workers=None)


def test_status_says_no_number_of_workers_that_is_not_known():
    def told(show, **sample):
        seen = StatusView(now=NOW, healths=(health(given.sample(**sample)),))
        return readable(show(seen))

    def detail(seen):
        return status.detail(seen.healths[0], seen, CATALOG)

    def overview(seen):
        return status.overview(seen, CATALOG)

    held = ActiveJob(id="17", name="provision", started_at=NOW, attempt=1, locked=True)
    some = {"workers": 2, "more_workers": True}
    assert "Workers connected: how many, Redis does not say" in told(detail, **some)
    assert "3 active · workers connected ·" in told(overview, **some)
    assert "Workers: unknown, Redis does not say" in told(detail, workers=None, active_jobs=())
    unseen = told(detail, workers=None, active_jobs=(held,))
    assert "Workers: unknown, none is seen, but jobs are locked" in unseen

"""Alerts of a queue into which a person has put jobs back, over the operations' own records."""

from dataclasses import replace

import pytest

from bot.adapters.redis_operation_store import RedisOperationStore
from bot.adapters.redis_plan_store import RedisPlanStore
from bot.domain.incidents import Happening
from bot.domain.operations import Operation, Phase, Receipt, Tally
from bot.domain.plans import Plan, PlanKind, PlanStatus
from bot.domain.put_back import is_quiet
from bot.domain.sample import Counts
from bot.errors import RedisUnavailableError
from bot.services.operations.ends import ended_set
from bot.services.put_backs import MOST, PutBacks
from tests.support.fakes import ORDERS, SIMS, START
from tests.unit.services.watch.test_watch import MINUTE


class Scene:
    """A leader that knows what operations have put back."""

    def __init__(self, redis, queues, build):
        self.queues = queues
        self.plans = RedisPlanStore(client=redis)
        self.operations = RedisOperationStore(client=redis)
        put_backs = PutBacks(
            plans=self.plans, operations=self.operations, done=queues, interval=15_000
        )
        self.tower = build(put_backs=put_backs)

    async def begin(self, *, done=0, name="p1", **changes):
        """An operation runs, and has put so many back."""
        plan = Plan(
            id=name, queue=ORDERS, count=300, asked_by="U0BOB", asked_at=START,
            expires_at=START + MINUTE, channel="C1", attempt="a",
        )  # fmt: skip
        plan = replace(plan, **changes)
        await self.plans.save(plan)
        running = replace(plan, status=PlanStatus.RUNNING, confirmed_by="U0BOB")
        assert await self.plans.advance(running, expected=PlanStatus.PROPOSED)
        begun = Operation(id=name, attempt="a", phase=Phase.RUNNING, began_at=START)
        await self.operations.save(begun)
        await self.queues.remember(plan.queue, name, [str(number) for number in range(done)])
        return begun

    async def has(self, begun, **changes):
        """It is as far as this."""
        await self.operations.save(replace(begun, **changes))

    async def sees(self, waiting):
        """The incident after a look at so many waiting jobs."""
        self.queues.queues[ORDERS].counts = Counts(waiting=waiting)
        await self.tower.tick(after=1_000)
        return await self.tower.incident()


@pytest.fixture
def scene(redis, queues, orders, build):
    return Scene(redis, queues, build)


async def test_a_retry_that_runs_explains_what_it_has_moved_until_now_not_what_was_stored(scene):
    await scene.begin(done=300)
    incident = await scene.sees(waiting=300)
    [one] = incident.facts.put_back
    assert (one.by, one.verb, one.at, one.left) == ("U0BOB", "retry", START, 300)
    assert is_quiet(incident)


async def test_what_others_add_to_it_calls(scene):
    await scene.begin(done=300)
    await scene.sees(waiting=300)
    incident = await scene.sees(waiting=360)
    assert [entry.what for entry in incident.timeline] == [Happening.FIRED, Happening.ESCALATED]
    assert not is_quiet(incident)


async def test_a_retry_that_was_stopped_explains_what_it_did(scene):
    begun = await scene.begin(done=100)
    over = {"phase": Phase.ENDED, "moved_at": START, "tally": Tally(done=100), "stopped": "stopped"}
    await scene.has(begun, **over)
    incident = await scene.sees(waiting=300)
    assert [one.left for one in incident.facts.put_back] == [100]
    assert not is_quiet(incident)


async def test_jobs_that_have_ended_explain_no_backlog(scene):
    begun = await scene.begin(done=300)
    watched = {"phase": Phase.WATCHING, "moved_at": START, "tally": Tally(done=300)}
    await scene.has(begun, **watched)
    await scene.queues.remember(ORDERS, ended_set("p1"), [str(number) for number in range(250)])
    incident = await scene.sees(waiting=300)
    assert [one.left for one in incident.facts.put_back] == [50]
    receipt = Receipt(completed=200, failed={"TIMEOUT": 90}, waiting=10, watched=300, of=300)
    await scene.has(begun, **{**watched, "phase": Phase.ENDED, "receipt": receipt})
    incident = await scene.sees(waiting=300)
    assert [one.left for one in incident.facts.put_back] == [10]


async def test_a_spike_tells_how_many_failed_again(scene, orders, clock):
    begun = await scene.begin()
    receipt = Receipt(completed=200, failed={"TIMEOUT": 90}, waiting=10, watched=300, of=300)
    over = {"phase": Phase.ENDED, "moved_at": START, "tally": Tally(done=300)}
    await scene.has(begun, **over, receipt=receipt)
    for number in range(90):
        orders.fail(str(number), "TIMEOUT: no answer", clock.now)
    incident = await scene.sees(waiting=0)
    assert incident.family == "failure_spike"
    assert [(one.failed, one.may_fail) for one in incident.facts.put_back] == [(90, 90)]


@pytest.mark.parametrize(
    "changes",
    [
        {"queue": SIMS},
        {"kind": PlanKind.CLEAN},
        {"kind": PlanKind.UNDO, "state": "failed"},
    ],
    ids=["another queue", "what takes jobs out", "failed jobs that are back"],
)
async def test_what_put_nothing_into_this_backlog_explains_nothing(scene, queues, changes):
    queues.add(SIMS)
    await scene.begin(done=300, **changes)
    incident = await scene.sees(waiting=300)
    assert incident.facts.put_back == ()
    assert not is_quiet(incident)


@pytest.mark.parametrize(
    "changes",
    [{"kind": PlanKind.PROMOTE}, {"kind": PlanKind.UNDO, "state": ""}],
    ids=["promoted", "drained, and back"],
)
async def test_what_waits_again_is_named_as_what_was_done(scene, changes):
    await scene.begin(done=300, **changes)
    [one] = (await scene.sees(waiting=300)).facts.put_back
    assert one.verb == changes["kind"].verb


async def test_while_it_cannot_be_found_out_an_alert_keeps_what_it_has(scene, monkeypatch):
    await scene.begin(done=300)
    before = await scene.sees(waiting=300)

    async def away(queue, operation):
        raise RedisUnavailableError("away")

    monkeypatch.setattr(scene.queues, "count", away)
    after = await scene.sees(waiting=310)
    assert after.facts.put_back == before.facts.put_back
    assert is_quiet(after)


async def test_an_alert_is_told_of_the_newest_operations_only(scene):
    for number in range(MOST + 1):
        await scene.begin(done=1, name=f"p{number}")
    assert len((await scene.sees(waiting=300)).facts.put_back) == MOST

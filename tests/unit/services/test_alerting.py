"""What people do to alerts, served by any replica: board, acknowledge, silence."""

import pytest

from bot.domain.audit import Outcome
from bot.domain.policy import Severity
from bot.domain.sample import Counts
from bot.errors import StaleError, UsageError
from bot.services.alerting import STALE_AFTER, WORTH_SAYING
from tests.support.fakes import ORDERS, SIMS, START
from tests.support.toolbox import ALICE, BOB

HOUR = 3_600_000


@pytest.fixture
def alerting(office):
    return office.toolbox.alerting


@pytest.fixture
async def alarmed(office, queues):
    """#1 critical on orders, since 1 s after the start."""
    queues.queues[ORDERS].counts = Counts(waiting=60)
    await office.tick(after=1000)
    return office


async def silence(alerting, **given):
    settings = {"queue": None, "rule": None, "length": HOUR, "reason": "", **given}
    return await alerting.silence(BOB, **settings)


async def test_the_board_of_a_quiet_night_is_empty(alerting, clock):
    board = await alerting.board()
    assert (board.incidents, board.silences, board.pending) == ((), (), ())
    assert (board.now, board.stale) == (clock.now, False)


async def test_the_worst_alert_comes_first_then_the_oldest(office, alerting, queues):
    queues.queues[SIMS].counts = Counts(waiting=12)
    for _ in range(6):
        await office.tick(after=60_000)
    queues.queues[ORDERS].counts = Counts(waiting=60)
    await office.tick(after=1000)
    board = await alerting.board()
    assert [(i.queue, i.severity) for i in board.incidents][:2] == [
        (ORDERS, Severity.CRITICAL), (SIMS, Severity.WARNING),
    ]  # fmt: skip


async def test_a_rule_is_pending_from_half_a_minute_on(office, alerting, queues, clock):
    queues.queues[SIMS].counts = Counts(waiting=12)
    await office.tick()
    clock.forward(WORTH_SAYING - 1)
    assert (await alerting.board()).pending == ()
    clock.forward(1)
    assert ("sim-management", "backlog", START) in (await alerting.board()).pending


async def test_the_board_is_stale_when_nobody_has_looked_for_a_while(alerting, clock):
    # The poll interval is 15 s: three of them are longer than the least.
    clock.forward(max(3 * 15_000, STALE_AFTER))
    assert not (await alerting.board()).stale
    clock.forward(1)
    assert (await alerting.board()).stale


async def test_a_board_that_was_never_filled_is_stale(redis, alerting):
    await redis.flushall()
    assert (await alerting.board()).stale


async def test_an_acknowledgement_shows_at_once_and_is_the_leaders_at_the_next_fold(
    alarmed, alerting
):
    await alerting.acknowledge(BOB, 1)
    [incident] = (await alerting.board()).incidents
    assert incident.acknowledged.by == "U0BOB", "before the leader has taken it in"
    await alarmed.watch.fold()
    [incident] = (await alerting.board()).incidents
    assert incident.acknowledged.by == "U0BOB"
    [entry] = await alarmed.history()
    assert (entry.action, entry.what, entry.queue) == (
        "ack", "acknowledge #1", "order-provisioning",
    )  # fmt: skip


@pytest.mark.parametrize("folded", [False, True])
async def test_only_the_first_one_has_it(alarmed, alerting, folded):
    await alerting.acknowledge(BOB, 1)
    if folded:
        await alarmed.watch.fold()
    with pytest.raises(StaleError, match="already acknowledged") as caught:
        await alerting.acknowledge(ALICE, 1)
    assert (caught.value.people, caught.value.at) == (("U0BOB",), START + 1000)
    assert len(await alarmed.history()) == 1


async def test_what_is_over_or_never_was_cannot_be_acknowledged(alarmed, alerting, queues):
    queues.queues[ORDERS].counts = Counts()
    await alarmed.tick(after=1000)
    for number in (1, 99):
        with pytest.raises(StaleError, match=f"#{number} is not firing any more"):
            await alerting.acknowledge(BOB, number)
    assert await alarmed.history() == []


async def test_a_silence_has_an_end_a_person_and_a_reason(alarmed, alerting):
    made = await silence(alerting, queue="order-provisioning", rule="backlog", reason="deploy")
    assert (made.by, made.at, made.until, made.reason) == (
        "U0BOB", START + 1000, START + 1000 + HOUR, "deploy",
    )  # fmt: skip
    board = await alerting.board()
    assert board.silences == (made,)
    assert board.incidents[0].silenced_by == made.id, "before the leader has taken it in"
    [entry] = await alarmed.history()
    assert (entry.action, entry.what, entry.reason, entry.outcome) == (
        "silence", "silence order-provisioning backlog", "deploy", Outcome.DONE,
    )  # fmt: skip


async def test_silences_are_listed_by_their_end_and_not_after_it(alerting, clock):
    long, short = await silence(alerting), await silence(alerting, queue="x", length=60_000)
    assert (await alerting.board()).silences == (short, long)
    clock.forward(60_000)
    assert (await alerting.board()).silences == (long,)


async def test_silencing_the_same_again_gives_the_silence_that_is_there_a_new_end(alerting, clock):
    first = await silence(alerting, queue="x", rule="backlog", reason="one")
    clock.forward(60_000)
    again = await silence(alerting, queue="x", rule="backlog", reason="two")
    assert (again.id, again.until, again.reason) == (first.id, first.until + 60_000, "two")
    other = await silence(alerting, queue="x")
    assert other.id != first.id
    assert (await alerting.board()).silences == (again, other)


@pytest.mark.parametrize("length", [0, -1])
async def test_a_silence_without_a_length_is_refused(office, alerting, length):
    with pytest.raises(UsageError, match="needs a length"):
        await silence(alerting, length=length)
    assert await office.history() == []


async def test_a_silence_is_ended_once(office, alerting):
    made = await silence(alerting)
    assert await alerting.unsilence(ALICE, made.id) == made
    with pytest.raises(StaleError, match=f"There is no silence {made.id}"):
        await alerting.unsilence(ALICE, made.id)
    assert (await alerting.board()).silences == ()
    ended, begun = await office.history()
    assert (ended.user, ended.what) == ("U0ALICE", f"end silence {made.id} (all)")
    assert begun.what == "silence all"

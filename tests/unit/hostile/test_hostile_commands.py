"""Whatever is typed is answered in a sentence, and changes only what its words name."""

import asyncio
import copy
from dataclasses import dataclass

import fakeredis
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.domain import commandline
from bot.domain.audit import Outcome
from bot.domain.incidents import MarkKind
from bot.domain.message import Reply
from bot.errors import AccessDeniedError, BullhornError, UsageError
from bot.render.errors import told
from tests.support import slack_limits
from tests.support.fakes import ORDERS, SIMS, START, FakeClock, FakeMessenger, FakeQueues
from tests.support.toolbox import ALICE, BOB, EVE, VERA, build_office
from tests.unit.hostile.lines import LINES, NEARLY_RIGHT

OUR_MENTIONS = {"<@U0ALICE>", "<@U0BOB>", "<@U0VERA>", "<!subteam^S0ONCALL>"}
MUTATING = {"retry", "pause", "resume", "ack", "silence", "unsilence"}
NAMES = {ORDERS: "order-provisioning", SIMS: "sim-management"}
UNHURRIED = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)


@dataclass
class Desk:
    """An office that was just opened, and what can be changed from it."""

    office: object
    redis: object
    queues: FakeQueues
    messenger: FakeMessenger

    async def state(self):
        """All that a mutation would change; the audit log is looked at on its own."""
        keys = sorted(await self.redis.keys("*"))
        kept = {key: await self.redis.dump(key) for key in keys if key != "{bullhorn}:audit"}
        return kept, copy.deepcopy(self.queues.queues)


async def open_desk():
    clock = FakeClock()
    queues, messenger = FakeQueues(clock), FakeMessenger(clock)
    # As the real client: text that cannot be encoded does not stop a call.
    redis = fakeredis.FakeAsyncRedis(decode_responses=True, encoding_errors="replace")
    orders = queues.add(ORDERS)
    for number in range(3):
        orders.fail(f"w{number}", "WHMCS_ERROR: connect ETIMEDOUT", START - 60_000 + number)
    orders.fail("m0", "MAPPING_ERROR: no mapping", START - 30_000)
    queues.add(SIMS)
    office = build_office(redis=redis, queues=queues, messenger=messenger)
    await office.tick()
    return Desk(office, redis, queues, messenger)


def check_message(message):
    slack_limits.check(message)
    assert slack_limits.mentions(message) <= OUR_MENTIONS


def check_reply(reply):
    """A reply is for somebody, and Slack takes it."""
    assert isinstance(reply, Reply)
    messages = [m for m in (reply.message, reply.announcement) if m is not None]
    assert messages
    for message in messages:
        check_message(message)


def check_error(error):
    """An error is one line, of a length that a person reads."""
    message = told(error, "ab12")
    check_message(message)
    assert message.text.strip()
    assert "\n" not in message.text
    assert len(message.text) <= 2_000


async def ask(desk, text, actor):
    """What came of it: a reply or an error, and nothing else."""
    try:
        reply = await desk.office.ask(text, actor)
    except BullhornError as error:
        check_error(error)
        return error
    check_reply(reply)
    return reply


async def changes_nothing(desk, text, actor):
    """A desk at which this holds stays as good as new."""
    before = await desk.state()
    came = await ask(desk, text, actor)
    assert await desk.state() == before
    history = await desk.office.history()
    assert {entry.outcome for entry in history} <= {Outcome.REFUSED}
    assert all(entry.user == actor.user for entry in history)
    await desk.redis.delete("{bullhorn}:audit")
    return came


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def desk(runner):
    """One for all tests in which nothing changes."""
    desk = runner.run(open_desk())
    yield desk
    runner.run(desk.redis.aclose())


@UNHURRIED
@given(LINES)
@example("retry order-provisioning w0")
@example("retry order-provisioning --all")
@example("pause order-provisioning")
@example("silence order-provisioning 2h")
@example("RETRY “order-provisioning” w0")
def test_nothing_that_a_viewer_types_changes_anything(runner, desk, text):
    runner.run(changes_nothing(desk, text, VERA))


@settings(UNHURRIED, max_examples=40)
@given(LINES)
@example("status")
@example("help")
def test_whoever_is_nobody_gets_nothing_but_a_refusal(runner, desk, text):
    posted = len(desk.messenger.posted)
    came = runner.run(changes_nothing(desk, text, EVE))
    assert isinstance(came, AccessDeniedError | UsageError)
    assert len(desk.messenger.posted) == posted


def words_of(text):
    """The words as they are typed; none where they cannot be told apart."""
    try:
        return commandline.split(text)
    except UsageError:
        return []


def names_queue(words, queue):
    return NAMES[queue] in words or queue.qualified in words


def check_queues(words, before, after):
    """What changed in the queues is what the words name, one job at most, and no more."""
    command = words[0].lower() if words else ""
    for queue, was in before.items():
        now = after[queue]
        if now == was:
            continue
        assert names_queue(words[1:2], queue), "it is another queue"
        if now.paused is not was.paused:
            assert command == ("pause" if now.paused else "resume")
            assert now.failed == was.failed
        else:
            assert command == "retry"
            [(job, fresh)] = now.retried
            assert job in words[2:]
            assert fresh is any(word.lower().lstrip("-") == "fresh" for word in words[2:])
            assert was.failed.keys() - now.failed.keys() == {job}


async def check_marks(desk, words, actor):
    """Silences, marks and plans there are for commands that make them only."""
    command = words[0].lower() if words else ""
    state = await desk.office.toolbox.store.load()
    for silence in state.silences.values():
        assert command == "silence"
        assert silence.by == actor.user
        if silence.queue is None:
            assert words[1].lower() == "all"
            assert actor is ALICE, "silencing all needs an admin"
        else:
            assert silence.queue in words[1]
    for mark in state.inbox:
        assert (mark.by, mark.kind) == (actor.user, MarkKind.NOTE), "no alert to acknowledge"
    plans = await desk.redis.keys("{bullhorn}:plan:*")
    assert not plans or command == "retry"


async def changes_what_it_says(text, actor):
    desk = await open_desk()
    (keys, queues), words = await desk.state(), words_of(text)
    came = await ask(desk, text, actor)
    (keys_after, queues_after), history = await desk.state(), await desk.office.history()
    check_queues(words, queues, queues_after)
    await check_marks(desk, words, actor)
    if isinstance(came, UsageError) or not words or words[0].lower() not in MUTATING:
        assert (keys_after, queues_after) == (keys, queues)
        assert {entry.outcome for entry in history} <= {Outcome.REFUSED}
    if queues_after != queues:
        assert Outcome.DONE in {entry.outcome for entry in history}, "no change without a record"
    await desk.redis.aclose()


@UNHURRIED
@given(st.one_of(NEARLY_RIGHT, LINES))
@example("retry order-provisioning w0")
@example("retry order-provisioning w0 --fresh")
@example("retry order-provisioning w0 w1")
@example("retry order-provisioning --all")
@example("retry order-provisioning w0 --all")
@example("retry order-provisioning w0 --failed-at=0")
@example("retry oder-provisioning w0")
@example("retyr order-provisioning w0")
@example("pause sim-management <!channel> {people} {at}")
@example("silence all 2h")
@example("silence order-provisioning 2h <!channel>\n<@U0EVE>")
@example('retry order-provisioning "w0')
@example('retry "order-provisioning" “w0”')
def test_an_operator_changes_only_what_a_well_formed_command_names(runner, text):
    runner.run(changes_what_it_says(text, BOB))


@settings(UNHURRIED, max_examples=25)
@given(st.one_of(NEARLY_RIGHT, LINES))
@example("silence all 2h")
@example("silence ALL 30m \u202e@here")
@example("unsilence a1b2c3")
def test_an_admin_changes_only_what_a_well_formed_command_names(runner, text):
    runner.run(changes_what_it_says(text, ALICE))


@settings(UNHURRIED, max_examples=30)
@given(LINES)
def test_while_the_queues_cannot_be_seen_any_line_is_a_sentence(runner, desk, text):
    before = copy.deepcopy(desk.queues.queues)
    desk.queues.down["main"] = 'Redis "main" cannot be reached.'
    try:
        runner.run(ask(desk, text, VERA))
    finally:
        desk.queues.down.clear()
    assert desk.queues.queues == before


@pytest.mark.parametrize("command", ["retry", "pause", "resume", "silence", "unsilence", "ack"])
@pytest.mark.parametrize("actor", [VERA, EVE], ids=["viewer", "nobody"])
def test_every_mutating_command_is_refused_in_any_spelling(runner, desk, command, actor):
    for name in (command, command.upper(), f'"{command}"', f" \u00a0{command}"):
        for rest in ("order-provisioning w0", "all 2h", "1", "order-provisioning 2h", ""):
            came = runner.run(changes_nothing(desk, f"{name} {rest}", actor))
            assert isinstance(came, AccessDeniedError)

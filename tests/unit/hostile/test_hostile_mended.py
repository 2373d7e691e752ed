"""Faults that hostile input once found: each stays mended."""

import copy

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_budget import SlackBudget
from bot.adapters.slack_calls import SlackCalls
from bot.domain.access import Actor
from bot.domain.message import Message, Reply
from bot.errors import BullhornError
from bot.render.errors import told
from bot.slack.answers import Answers, Origin
from tests.support.fakes import ORDERS
from tests.support.toolbox import BOB, VERA
from tests.unit.hostile.door import Door, press, quiet, slash
from tests.unit.hostile.test_hostile_commands import ask, open_desk


@pytest.mark.parametrize(
    ("text", "actor"),
    [
        ("pause order-provisioning half \ud83d", BOB),  # pauses, and then fails: no audit record
        ("silence order-provisioning 2h \ud83d", BOB),
        ("retry order-provisioning \ud83d", VERA),  # the refusal cannot be recorded
        ("job order-provisioning \ud83d", VERA),
    ],
)
async def test_half_a_character_is_a_sentence_and_no_change_without_a_record(text, actor):
    desk = await open_desk()
    before = copy.deepcopy(desk.queues.queues)
    try:
        await ask(desk, text, actor)
    finally:
        history = await desk.office.history()
        changed = desk.queues.queues != before
        await desk.redis.aclose()
    assert history or not changed


@pytest.mark.parametrize("action_id", ["xplan_confirm", "xplan_cancel", "no_plan_cancel"])
async def test_an_action_id_that_only_ends_like_ours_does_nothing(action_id):
    """pattern() has no \\A and Bolt uses search(): even `xplan_cancel` CONFIRMS the plan."""
    door = await Door().open()
    with quiet():
        status = await door.deliver(press(action_id, door.plan))
    retried = door.queues.queues[ORDERS].retried
    await door.redis.aclose()
    assert (status, retried) == (404, [])


@pytest.mark.parametrize(
    "change",
    [
        {"user": "U0BOB"},
        {"user": ["U0BOB"]},
        {"channel": "C0INCIDENTS"},
        {"container": "message"},
        {"container": [1]},
    ],
    ids=str,
)
async def test_a_field_that_is_no_object_is_acknowledged_and_answered(change):
    """AttributeError in _origin: Bolt: 'Failed to run listener function', 'didn't call ack()'."""
    door = await Door().open()
    body = {**press("command", "status", VERA.user), **change}
    with quiet():
        status = await door.deliver(body)
    await door.redis.aclose()
    assert status == 200


async def test_a_selected_option_that_is_no_object_is_answered():
    door = await Door().open()
    body = press("command_menu", "status", VERA.user, menu=True)
    body["actions"][0]["selected_option"] = "status"
    with quiet():
        status = await door.deliver(body)
    await door.redis.aclose()
    assert status == 200


async def test_the_id_of_a_group_is_not_a_person_in_it():
    """AccessPolicy.role_of puts the user's own id among the groups held."""
    door = await Door().open()
    with quiet():
        await door.deliver(slash("retry order-provisioning w0", "S0ONCALL"))
    retried = door.queues.queues[ORDERS].retried
    await door.redis.aclose()
    assert retried == []


async def test_a_response_url_that_the_resolver_cannot_encode():
    """UnicodeError (a ValueError) leaves Answers._post: 'answer failed', and no direct answer."""
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token="x", base_url="http://127.0.0.1:1/", session=session, retry_handlers=[]
        )
        budget = SlackBudget(post_gap=0.001, edit_gap=0.001)
        answers = Answers(
            client=client, calls=SlackCalls(count=lambda *_: None), session=session, budget=budget
        )
        origin = Origin(actor=Actor(user="U0BOB", channel="C1"), response_url="http://.../")
        try:
            await answers.send(origin, Reply(message=Message(text="hello")))
        finally:
            await budget.aclose()


async def test_braces_that_are_typed_are_said_back_as_typed():
    desk = await open_desk()
    with pytest.raises(BullhornError) as caught:
        await desk.office.ask("status {people}-{at}", VERA)
    await desk.redis.aclose()
    assert "{people}-{at}" in told(caught.value).text

"""User groups: asked once, remembered for five minutes, and a reason where Slack does not tell."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters import slack_directory
from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_directory import KEPT_FOR, SlackDirectory
from bot.demo.localslack.faults import Fault
from bot.demo.localslack.server import LocalSlack
from bot.domain.access import AccessPolicy, Actor, Membership, Role
from bot.domain.policy import Catalog, QueuePolicy
from bot.errors import AccessDeniedError
from bot.services.access import Access

ONCALL = frozenset({"S0ONCALL"})
METHOD = "usergroups.users.list"


@pytest.fixture
async def slack():
    server = LocalSlack()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def directory(slack):
    client = AsyncWebClient(token="xoxb-demo", base_url=slack.api_url, timeout=1, retry_handlers=[])
    return SlackDirectory(client=client, calls=SlackCalls(count=lambda _method, _result: None))


@pytest.fixture
def later(monkeypatch):
    """Lets time pass for the directory."""
    moved = [0.0]
    real = slack_directory.time.monotonic
    monkeypatch.setattr(slack_directory.time, "monotonic", lambda: real() + moved[0])

    def later(seconds):
        moved[0] += seconds

    return later


def fault(slack, kind, times=1):
    slack.ctx.faults.rules.append(Fault(method=METHOD, kind=kind, times=times))


def asked(slack):
    return len(slack.ctx.calls.select(method=METHOD))


async def test_user_groups_are_asked_once_and_remembered_for_five_minutes(directory, slack, later):
    for _ in range(3):
        assert (await directory.memberships("U0BOB", ONCALL)).groups == ONCALL
    assert (await directory.memberships("U0VERA", ONCALL)).groups == frozenset()
    assert asked(slack) == 1
    later(KEPT_FOR - 1)
    await directory.memberships("U0BOB", ONCALL)
    assert asked(slack) == 1
    later(2)
    await directory.memberships("U0BOB", ONCALL)
    assert asked(slack) == 2


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("plan_upgrade_required", "this workspace's Slack plan has no user groups"),
        ("paid_teams_only", "this workspace's Slack plan has no user groups"),
        ("missing_scope", "the bot token lacks the scope usergroups:read"),
        ("not_allowed_token_type", "Slack does not let this kind of token read them"),
        ("never_heard_of", "Slack says never_heard_of"),
    ],
)
async def test_where_slack_refuses_the_reason_is_remembered_too(directory, slack, later, code, why):
    fault(slack, f"error:{code}")
    for _ in range(2):
        assert await directory.memberships("U0BOB", ONCALL) == Membership(unread={"S0ONCALL": why})
    assert asked(slack) == 1
    later(KEPT_FOR + 1)
    assert (await directory.memberships("U0BOB", ONCALL)).groups == ONCALL, "the plan was changed"


async def test_one_group_that_is_not_there_takes_nothing_from_the_others(directory):
    seen = await directory.memberships("U0BOB", ONCALL | {"S0NOPE"})
    assert seen.groups == ONCALL
    assert seen.unread == {"S0NOPE": "there is no user group of that id"}


@pytest.mark.parametrize("kind", ["ratelimited", "http500"])
async def test_while_slack_cannot_tell_the_last_that_is_known_counts(directory, slack, later, kind):
    fault(slack, kind)
    assert await directory.memberships("U0BOB", ONCALL) == Membership(away=ONCALL)
    assert (await directory.memberships("U0BOB", ONCALL)).groups == ONCALL, "asked anew at once"
    later(KEPT_FOR + 1)
    fault(slack, kind)
    assert (await directory.memberships("U0BOB", ONCALL)).groups == ONCALL


async def test_without_user_groups_in_the_plan_who_is_named_gets_in_and_others_are_told(
    directory, slack
):
    fault(slack, "error:plan_upgrade_required", times=99)
    policy = AccessPolicy(operators=frozenset({"S0ONCALL", "U0ALICE"}))
    access = Access(directory=directory, catalog=Catalog(default=QueuePolicy(), access=policy))
    alice, bob = (Actor(user=user, channel="C1") for user in ("U0ALICE", "U0BOB"))
    await access.require(alice, Role.OPERATOR, doing="Retrying")
    with pytest.raises(AccessDeniedError, match="Slack plan has no user groups") as no:
        await access.require(bob, Role.OPERATOR, doing="Retrying")
    assert no.value.people == ("U0ALICE",)

"""The probe against the local Slack: what is there, what is not, and Slack itself away."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack_calls import SlackCalls
from bot.adapters.slack_probe import SlackProbe
from bot.demo.localslack.faults import Fault
from bot.demo.localslack.fixtures import Room, WorkspaceConfig
from bot.demo.localslack.server import LocalSlack
from bot.domain.checkup import ChannelFacts, Identity, Status, Trouble
from bot.domain.scopes import NEEDED

ROOMS = (
    Room(id="C0INCIDENTS", name="incidents"),
    Room(id="C0GENERAL", name="general", bot_is_member=False),
    Room(id="G0SECRET", name="secret", is_private=True, bot_is_member=False),
    Room(id="G0OPS", name="ops", is_private=True),
)


@pytest.fixture
async def start():
    running = []

    async def started(**config):
        server = LocalSlack(WorkspaceConfig(rooms=ROOMS, **config))
        await server.start()
        running.append(server)
        return server

    yield started
    for server in running:
        await server.stop()


def probe(slack, *, token="xoxb-demo", app_token="xapp-demo"):
    client = AsyncWebClient(token=token, base_url=slack.api_url, timeout=1, retry_handlers=[])
    calls = SlackCalls(count=lambda _method, _result: None)
    return SlackProbe(client=client, calls=calls, app_token=app_token)


async def test_all_is_well(start):
    slack = probe(await start())
    who = await slack.identity()
    assert who == Identity(workspace="Bullhorn demo", bot="bullhorn", scopes=frozenset(NEEDED))
    assert await slack.app_token() is None
    assert await slack.group("S0ONCALL") == 2


async def test_nothing_is_posted_and_no_socket_opened(start):
    server = await start()
    slack = probe(server)
    await slack.identity()
    await slack.app_token()
    await slack.channel("C0INCIDENTS")
    methods = {call["method"] for call in server.ctx.calls.select()}
    assert methods == {"auth.test", "apps.connections.open", "conversations.info"}
    assert server.sockets.connections == []


@pytest.mark.parametrize(
    ("channel", "facts"),
    [
        ("C0INCIDENTS", {"name": "incidents", "private": False, "member": True}),
        ("#incidents", {"name": "incidents", "private": False, "member": True}),
        ("C0GENERAL", {"name": "general", "private": False, "member": False}),
        ("#general", {"name": "general", "private": False, "member": False}),
        ("G0OPS", {"name": "ops", "private": True, "member": True}),
        ("#ops", {"name": "ops", "private": True, "member": True}),
    ],
)
async def test_a_channel_by_id_or_name(start, channel, facts):
    assert await probe(await start()).channel(channel) == ChannelFacts(**facts)


@pytest.mark.parametrize("channel", ["C0NOWHERE", "#nowhere", "G0SECRET", "#secret"])
async def test_a_channel_that_is_not_there_for_the_bot(start, channel):
    seen = await probe(await start()).channel(channel)
    assert isinstance(seen, Trouble)
    assert seen.status is Status.FAIL
    assert "invited" in seen.fix


async def test_names_are_listed_once(start):
    server = await start()
    slack = probe(server)
    for name in ("#incidents", "#general", "#nowhere"):
        await slack.channel(name)
    assert len(server.ctx.calls.select(method="conversations.list")) == 1


async def test_a_name_is_found_on_a_later_page_too():
    many = [Room(id=f"C{number:05}", name=f"room-{number}") for number in range(1100)]
    server = LocalSlack(WorkspaceConfig(rooms=tuple(many)))
    await server.start()
    seen = await probe(server).channel("#room-1099")
    assert seen == ChannelFacts(name="room-1099", private=False, member=True)
    assert len(server.ctx.calls.select(method="conversations.list")) == 2
    await server.stop()


async def test_wrong_tokens_are_told_without_being_quoted(start):
    slack = probe(await start(), token="xoxb-hunter2", app_token="xapp-hunter2")
    for seen, variable in (
        (await slack.identity(), "SLACK_BOT_TOKEN"),
        (await slack.app_token(), "SLACK_APP_TOKEN"),
    ):
        assert isinstance(seen, Trouble)
        assert not seen.absent
        assert "invalid_auth" in seen.why
        assert variable in seen.fix
        assert "hunter2" not in seen.why + seen.fix


async def test_a_missing_scope_shows_in_the_identity_and_skips_what_needs_it(start):
    few = frozenset({"commands", "chat:write"})
    slack = probe(await start(scopes=few))
    who = await slack.identity()
    assert isinstance(who, Identity)
    assert who.scopes == few
    for seen in (await slack.channel("C0INCIDENTS"), await slack.group("S0ONCALL")):
        assert isinstance(seen, Trouble)
        assert seen.status is Status.SKIP


async def test_an_unknown_group(start):
    seen = await probe(await start()).group("S0NOPE")
    assert isinstance(seen, Trouble)
    assert "no_such_subteam" in seen.why


async def test_without_an_app_token_there_is_nothing_to_try(start):
    server = await start()
    assert await probe(server, app_token=None).app_token() is None
    assert server.ctx.calls.select(method="apps.connections.open") == []


async def test_slack_away_is_told_as_that(start):
    server = await start()
    slack = probe(server)
    await server.stop()
    seen = await slack.identity()
    assert isinstance(seen, Trouble)
    assert seen.absent
    assert "SLACK_API_URL" in seen.fix


@pytest.mark.parametrize(
    ("kind", "status", "absent"),
    [("http500", Status.FAIL, True), ("ratelimited", Status.WARN, False)],
)
async def test_slack_in_trouble(start, kind, status, absent):
    server = await start()
    server.ctx.faults.rules.append(Fault(method="auth.test", kind=kind))
    seen = await probe(server).identity()
    assert isinstance(seen, Trouble)
    assert (seen.status, seen.absent) == (status, absent)


async def test_a_plan_without_user_groups(start):
    server = await start()
    server.ctx.faults.rules.append(
        Fault(method="usergroups.users.list", kind="error:plan_upgrade_required")
    )
    assert await probe(server).group("S0ONCALL") == Trouble(
        why="this workspace's Slack plan has no user groups",
        fix="Name people by user id in `access:`",
    )

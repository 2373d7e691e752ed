"""A file reaches the person who asked, in their direct messages, or they are told why not."""

import pytest

from bot.demo.localslack import Driver
from bot.demo.localslack.faults import Fault

DM = "D0BOB"


@pytest.fixture
async def slack(floor):
    """Something is on record."""
    await floor.office.ask("retry order-provisioning w0")
    return floor.slack


def fault(floor, method, kind, **more):
    floor.server.ctx.faults.rules.append(Fault(method=method, kind=kind, **more))


def mine(text):
    return lambda message: message.ephemeral and text in message.text.replace("*", "")


async def test_the_file_is_in_the_direct_messages_of_who_asked_and_nowhere_else(floor, slack):
    await slack.command("/queue history --csv")
    told = await slack.wait_for(mine("the file is in your direct messages"))
    assert "2 entries" in told.text
    [message] = await slack.messages(channel=DM)
    [file] = message.files
    assert file["name"].startswith("bullhorn-history-all-")
    assert file["name"].endswith(".csv")
    assert file["title"] == "Who did what: all queues"
    content = await slack.download(file)
    assert len(content) == file["size"]
    assert b"retry job w0" in content
    async with Driver(floor.server.url, user="U0VERA") as vera:
        everything = (await vera.get("/local/messages", user="U0VERA"))["messages"]
    assert [one for one in everything if one.get("files")] == []


async def test_the_button_gives_it_too(slack):
    await slack.command("/queue history")
    await slack.wait_for("newest first")
    await slack.click("As a file")
    await slack.wait_for(mine("the file is in your direct messages"))


@pytest.mark.parametrize(
    ("method", "kind", "told"),
    [
        ("conversations.open", "error:missing_scope", "files:write and im:write"),
        ("files.getUploadURLExternal", "error:missing_scope", "files:write and im:write"),
        ("files.getUploadURLExternal", "error:storage_limit_reached", "no room for files"),
        ("files.getUploadURLExternal", "http500", "Ask again in a while"),
        ("upload", "http500", "did not take the upload (HTTP 500). Ask again"),
        ("upload", "reset", "did not take the upload. Ask again"),
        ("files.completeUploadExternal", "error:channel_not_found", "Slack says channel_not_found"),
        ("files.completeUploadExternal", "http500", "may have arrived all the same"),
    ],
)
async def test_why_there_is_no_file_is_told_instead(floor, slack, method, kind, told):
    fault(floor, method, kind)
    await slack.command("/queue history --csv")
    answer = await slack.wait_for(mine("I could not send you the file"))
    assert told in answer.text
    assert await slack.messages(channel=DM) == []
    assert not [m for m in await slack.messages() if "is in your direct messages." in m.text]


async def test_a_429_only_makes_it_later(floor, slack):
    for method in ("conversations.open", "files.completeUploadExternal"):
        fault(floor, method, "ratelimited", retry_after=1)
    await slack.command("/queue history --csv")
    await slack.wait_for(mine("the file is in your direct messages"))
    assert len(await slack.messages(channel=DM)) == 1


async def test_an_answer_that_was_lost_does_not_give_it_twice(floor, slack):
    fault(floor, "files.completeUploadExternal", "reset_after_effect")
    await slack.command("/queue history --csv")
    await slack.wait_for(mine("may have arrived all the same"))
    assert len(await slack.messages(channel=DM)) == 1

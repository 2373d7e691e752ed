"""Files in the local Slack: announced, uploaded, shared, downloaded, and what Slack refuses."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.demo.localslack import LocalSlack, WorkspaceConfig
from bot.demo.localslack.fixtures import BOB, INCIDENTS


async def failure(call):
    with pytest.raises(SlackApiError) as refused:
        await call
    return refused.value.response["error"]


async def announce(web, content=b"a,b\n", name="x.csv"):
    return await web.files_getUploadURLExternal(filename=name, length=len(content))


async def put(http, address, data):
    async with http.post(address, data=data) as response:
        return response.status


async def test_a_file_is_shared_where_it_is_said(web, http, slack):
    channel = (await web.conversations_open(users=BOB))["channel"]["id"]
    asked = await announce(web)
    assert await put(http, asked["upload_url"], b"a,b\n") == 200
    files = [{"id": asked["file_id"], "title": "Some letters"}]
    done = await web.files_completeUploadExternal(
        files=files, channel_id=channel, initial_comment="here"
    )
    assert done["files"][0]["title"] == "Some letters"
    [message] = await slack.messages(user=BOB, channel=channel)
    assert message.text == "here"
    assert await slack.download(message.files[0]) == b"a,b\n"


async def test_the_sdks_own_upload_works_too(web, slack):
    channel = (await web.conversations_open(users=BOB))["channel"]["id"]
    await web.files_upload_v2(channel=channel, content="1;2", filename="n.csv", title="Numbers")
    [message] = await slack.messages(user=BOB, channel=channel)
    assert await slack.download(message.files[0]) == b"1;2"


async def test_a_form_does_for_an_upload(web, http):
    asked = await announce(web)
    form = aiohttp.FormData()
    form.add_field("file", b"a,b\n", filename="x.csv")
    assert await put(http, asked["upload_url"], form) == 200


async def test_what_is_not_as_announced_is_refused(web, http):
    asked = await announce(web)
    assert await put(http, asked["upload_url"], b"longer than announced") == 400
    assert await put(http, asked["upload_url"], b"a,b\n") == 200
    assert await put(http, asked["upload_url"], b"a,b\n") == 404, "it takes one upload"
    assert await put(http, "/upload/v1/no-such-key", b"x") == 404


async def test_what_was_not_uploaded_is_not_shared(web, http):
    asked = await announce(web)
    files = [{"id": asked["file_id"]}]
    assert await failure(web.files_completeUploadExternal(files=files)) == "file_not_found"
    await put(http, asked["upload_url"], b"a,b\n")
    nowhere = web.files_completeUploadExternal(files=files, channel_id="C0NOPE")
    assert await failure(nowhere) == "channel_not_found"
    assert (await web.files_completeUploadExternal(files=files))["ok"], "private: shared nowhere"
    assert await failure(web.files_completeUploadExternal(files=[])) == "invalid_arguments"
    assert await failure(announce(web, b"")) == "file_upload_size_restricted"


async def test_a_file_is_only_ever_a_download(web, http, slack):
    content = b"<script>alert(1)</script>"
    asked = await announce(web, content, name='x".html')
    await put(http, asked["upload_url"], content)
    files = [{"id": asked["file_id"]}]
    done = await web.files_completeUploadExternal(files=files, channel_id=INCIDENTS)
    async with http.get(done["files"][0]["url_private_download"]) as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == 'attachment; filename="x.html"'
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    file_id = asked["file_id"]
    async with http.get(f"/files/{file_id}/wrong") as response:
        assert response.status == 404


async def test_each_method_wants_its_scope():
    server = LocalSlack(WorkspaceConfig(scopes=frozenset({"chat:write"})))
    await server.start()
    headers = {"Authorization": "Bearer xoxb-demo"}
    try:
        async with aiohttp.ClientSession(base_url=server.url, headers=headers) as http:
            for method, scope in (
                ("files.getUploadURLExternal", "files:write"),
                ("files.completeUploadExternal", "files:write"),
                ("conversations.open", "im:write"),
            ):
                async with http.post(f"/api/{method}") as response:
                    answer = await response.json()
                assert answer["error"] == "missing_scope"
                assert scope in answer["needed"]
    finally:
        await server.stop()

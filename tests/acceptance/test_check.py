"""`bullhorn check` as a process: the page, JSON, the exit code, and no secrets."""

import asyncio
import json
import os
import re
import shlex
import sys

import pytest
import yaml

from bot.demo.localsalesforce import LocalSalesforce
from bot.demo.localslack.fixtures import Room, WorkspaceConfig
from bot.demo.localslack.server import LocalSlack
from bot.domain.scopes import NEEDED
from tests.support.ports import free_port
from tests.support.stage import PATIENCE, ROOT

PAGE = (ROOT / "docs" / "howto" / "redis.md").read_text("utf-8")
SECRETS = ("xoxb-demo", "xapp-demo", "hunter2")


@pytest.fixture
def check(stage):
    """Run it with the stage's settings, or others; gives the exit code, stdout and stderr."""

    async def ran(*words, **environment):
        path = stage.folder / "bullhorn.yml"
        path.write_text(yaml.safe_dump(stage.config))
        env = {
            **os.environ,
            "REDIS_URL": stage.redis_url,
            "SLACK_BOT_TOKEN": "xoxb-demo",
            "SLACK_APP_TOKEN": "xapp-demo",
            "SLACK_API_URL": stage.slack.api_url,
            "BULLHORN_CONFIG": str(path),
            **environment,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "check", *words, cwd=ROOT, env=env,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
        said = out.decode(), err.decode()
        assert not any(secret in text for secret in SECRETS for text in said), said
        return process.returncode, *said

    return ran


@pytest.fixture
def guarded(running_valkey):
    """The address of a user with the docs' line for all, but for what is taken away."""
    with running_valkey.client() as client:

        def address(*but):
            line = re.search(r"^ACL SETUSER .*~{bullhorn}:\* ~bull.*$", PAGE, re.MULTILINE)[0]
            words = shlex.split(line)
            words[words.index(">SECRET")] = ">hunter2"
            client.execute_command(*words, *but)
            return f"redis://{words[2]}:hunter2@{running_valkey.host}:{running_valkey.port}/0"

        yield address
        client.acl_deluser("bullhorn")


@pytest.fixture
async def salesforce():
    server = LocalSalesforce()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def workspace(stage):
    """Another Slack in place of the stage's."""
    started = []

    async def other(**config):
        slack = LocalSlack(WorkspaceConfig(**config))
        await slack.start()
        started.append(slack)
        return {"SLACK_API_URL": slack.api_url}

    yield other
    for slack in started:
        await slack.stop()


def lines(out, status):
    return [line for line in out.splitlines() if line.startswith(f"{status:<4}  ")]


async def test_all_is_well(stage, check):
    await stage.portal().add(1)
    del stage.config["queues"]
    stage.config |= {"defaults": False, "heartbeat": {"url": "https://hunter2.example/beat"}}
    code, out, err = await check()
    assert (code, err) == (0, "")
    *page, blank, summary = out.splitlines()
    assert blank == ""
    assert summary == f"{len(page)} checks: 0 failed, 1 warning."
    assert len(lines(out, "ok")) == len(page) - 1
    [warned] = lines(out, "warn")
    assert "`bullmq:` for order-provisioning" in warned, "Python writes no version"
    starts = [line.split()[0] for line in page]
    assert starts == [line[:4].strip() for line in page]
    assert (await check())[1].count("\n") == out.count("\n")


async def test_json_says_the_same(check):
    code, out, err = await check("--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert all(set(one) == {"check", "status", "detail", "fix"} for one in found)
    page = (await check())[1].splitlines()
    assert len(page) == len(found) + 2
    for line, one in zip(page, found, strict=False):
        assert line.startswith(f"{one['status']:<4}  {one['check']}")


async def test_redis_away_is_one_failure_and_exit_code_1(check):
    url = f"redis://user:hunter2@127.0.0.1:{free_port()}/0"
    code, out, err = await check(REDIS_URL=url)
    assert (code, err) == (1, "")
    [failed] = lines(out, "FAIL")
    assert "Bullhorn's own Redis cannot be reached" in failed
    assert len(lines(out, "skip")) >= 5


@pytest.mark.parametrize("right", ["hmset", "rpoplpush"])
async def test_a_user_who_lacks_one_right_of_operations_is_told_which(check, guarded, right):
    """With the very line of the docs: without that right every plan would wait for ever."""
    code, out, _ = await check(REDIS_URL=guarded())
    assert (code, lines(out, "FAIL")) == (0, [])
    code, out, err = await check(REDIS_URL=guarded(f"-{right}"))
    assert (code, err) == (1, "")
    [failed] = lines(out, "FAIL")
    assert "own Redis: operations" in failed
    assert f"does not permit this to Bullhorn's user ({right})" in failed
    assert "docs/howto/redis.md" in failed


async def test_slack_away_is_one_failure(check):
    code, out, err = await check(SLACK_API_URL=f"http://127.0.0.1:{free_port()}/api/")
    assert (code, err) == (1, "")
    [failed] = lines(out, "FAIL")
    assert "Slack does not answer" in failed


async def test_a_wrong_bot_token(check):
    code, out, _ = await check(SLACK_BOT_TOKEN="xoxb-hunter2")
    assert code == 1
    [failed] = lines(out, "FAIL")
    assert "invalid_auth" in failed
    assert "SLACK_BOT_TOKEN" in failed


async def test_a_wrong_app_token(check):
    code, out, _ = await check(SLACK_APP_TOKEN="xapp-hunter2")
    assert code == 1
    [failed] = lines(out, "FAIL")
    assert "SLACK_APP_TOKEN" in failed


async def test_a_missing_scope(check, workspace):
    granted = frozenset(NEEDED) - {"usergroups:read"}
    code, out, _ = await check(**await workspace(scopes=granted))
    assert code == 1
    [failed] = lines(out, "FAIL")
    assert "missing: usergroups:read" in failed
    [skipped] = lines(out, "skip")
    assert "user group S0ONCALL" in skipped


async def test_an_unknown_channel(stage, check):
    stage.config["channel"] = "#nowhere"
    code, out, _ = await check()
    assert code == 1
    [failed] = lines(out, "FAIL")
    assert "channel #nowhere" in failed


async def test_a_channel_that_the_bot_is_not_in(check, workspace):
    outside = Room(id="C0INCIDENTS", name="incidents", bot_is_member=False)
    code, out, _ = await check(**await workspace(rooms=(outside,)))
    assert code == 0, "with chat:write.public it can post there"
    assert any("/invite @bullhorn" in line for line in lines(out, "warn"))
    granted = frozenset(NEEDED) - {"chat:write.public"}
    code, out, _ = await check(**await workspace(rooms=(outside,), scopes=granted))
    assert code == 1
    assert any("/invite @bullhorn" in line for line in lines(out, "FAIL"))


async def test_the_packaged_config_alone_says_what_is_still_to_be_set(check):
    code, out, _ = await check(BULLHORN_CONFIG="")
    assert code == 0
    assert "the packaged one: 2 queues named" in out
    assert [line.split()[1] for line in lines(out, "warn")][-2:] == ["channel", "Salesforce"]
    assert "no credentials: BullMQ retries order-provisioning" in out


async def test_salesforce_with_a_login_that_is_taken_and_one_that_is_not(check, salesforce):
    code, out, _ = await check(**salesforce.environment)
    assert code == 0
    [login, fields, requests] = [line for line in lines(out, "ok") if "Salesforce" in line]
    assert "login by client credentials" in login
    assert "can be read and changed" in fields
    assert "of the day's 15,000 left" in requests
    wrong = {**salesforce.environment, "SALESFORCE_CONSUMER_SECRET": "hunter2"}
    code, out, _ = await check(**wrong)
    assert code == 1
    [failed] = lines(out, "FAIL")
    assert "Salesforce refuses the login by client credentials (invalid_client" in failed


async def test_an_incomplete_login_to_salesforce_is_one_line_and_exit_code_2(check):
    code, out, err = await check(SALESFORCE_CONSUMER_SECRET="hunter2")
    assert (code, out) == (2, "")
    assert err.startswith("bullhorn: SALESFORCE_CONSUMER_KEY is not set.")
    assert err.count("\n") == 1


async def test_http_mode(check):
    code, out, _ = await check(SLACK_APP_TOKEN="", SLACK_SIGNING_SECRET="hunter2")
    assert code == 0
    assert "HTTP mode, where Slack calls /slack/events" in out


@pytest.mark.parametrize("words", [(), ("--json",)])
async def test_wrong_settings_are_one_line_and_exit_code_2(check, words):
    code, out, err = await check(*words, REDIS_URL="http://user:hunter2@h")
    assert (code, out) == (2, "")
    assert err.startswith("bullhorn: REDIS_URL should begin with redis://")
    assert err.count("\n") == 1


async def test_a_wrong_config_is_one_line_and_exit_code_2(stage, check):
    stage.config["chanel"] = "C0"
    code, out, err = await check()
    assert (code, out) == (2, "")
    assert "channel" in err
    assert err.count("\n") == 1

"""A whole bot on a bad day, with secrets everywhere: none is in its log, in Slack, or kept."""

import json
import re
from urllib.parse import quote

import pytest

from bot.demo.localslack import WorkspaceConfig
from bot.demo.localslack.driver import Driver
from bot.demo.localslack.server import LocalSlack
from bot.domain.queues import QueueId
from tests.support.stage import PATIENCE, Stage, plain
from tests.support.valkey_bullmq import now_ms, write_failed, write_meta
from tests.support.valkey_process import running

MARK = "hushplanted"
"""In every secret, so that half a secret is found too. Letters only: failure codes mask digits."""
BOT_TOKEN, APP_TOKEN = f"xoxb-{MARK}", f"xapp-{MARK}"
PASSWORD = f"r3dis p@ss/%{MARK}:ß"
OTHER = f"0ther&?#{MARK}"
ORDERS = QueueId("main", "bull", "order-provisioning")
PEOPLE = ("U0BOB", "U0ALICE", "U0VERA")
KEPT_AS_IT_IS = ("{bullhorn}:plan:",)
"""By what a plan finds its jobs again must stay as it is; it is masked when shown."""
NAMELESS = f"Login refused: password={MARK} is wrong"
"""A reason that is its own failure code."""
REASON = f"WHMCS_ERROR: POST https://api:{MARK}@whmcs.example failed, password={MARK}"
TICKET = re.compile(r"ticket=(?!•)[^&\s'\"]{4,}")


def ours(port, user, password):
    return f"redis://{user}:{quote(password, safe='')}@127.0.0.1:{port}/0"


@pytest.fixture
def server():
    with running({"requirepass": f'"{PASSWORD}"'}, password=PASSWORD) as server:
        yield server


@pytest.fixture
async def stage(server, tmp_path):
    slack = LocalSlack(WorkspaceConfig(bot_token=BOT_TOKEN, app_token=APP_TOKEN))
    await slack.start()
    let_other_in(server)
    config = {
        "channel": "C0INCIDENTS",
        "poll_interval": "1s",
        "access": {"operators": ["U0BOB"], "admins": ["U0ALICE"]},
        "alerts": {"failure_spike": {"above": 3, "within": "5m"}},
        "sources": {
            "main": {"url": ours(server.port, "", PASSWORD)},
            "other": {"url": ours(server.port, "other", OTHER), "prefix": "alt"},
        },
        "heartbeat": {"url": f"{slack.url}/ping/{MARK}?key={MARK}", "every": "1s"},
        "queues": {"order-provisioning": {"bullmq": 5, "redact": ["pin"]}},
    }
    stage = Stage(
        redis_url=ours(server.port, "default", PASSWORD), slack=slack,
        driver=Driver(slack.url, user="U0BOB", timeout=PATIENCE), folder=tmp_path, config=config,
    )  # fmt: skip
    yield stage
    await stage.close()


def let_other_in(server):
    with server.client() as client:
        client.acl_setuser(
            "other", enabled=True, passwords=[f"+{OTHER}"], keys=["*"], commands=["+@all"]
        )


def fill(server):
    """A queue whose jobs hold secrets in each of their parts."""
    with server.client() as client:
        write_meta(client, ORDERS)
        write_failed(client, ORDERS, [(f"j{n}", now_ms(), REASON, "provision") for n in range(6)])
        secret = {"password": MARK, "deep": [{"api_token": MARK}], "pin": f"{MARK}-1234"}
        more = [(f"k{n}", now_ms(), NAMELESS, "provision") for n in range(2)]
        write_failed(client, ORDERS, more)
        for number in range(6):
            job = {
                "data": json.dumps(secret),
                "stacktrace": json.dumps([f"Error: {REASON}\n    at Bearer {MARK}"]),
                "returnvalue": json.dumps({"token": MARK}),
                "progress": json.dumps({"cookie": MARK}),
            }
            client.hset(ORDERS.key(f"j{number}"), mapping=job)
            client.rpush(ORDERS.key(f"j{number}:logs"), f"Authorization: Bearer {MARK}")


def kept(server):
    """All keys of Bullhorn's own, with all that they hold."""
    read = {
        "string": lambda c, key: c.get(key),
        "list": lambda c, key: c.lrange(key, 0, -1),
        "hash": lambda c, key: c.hgetall(key),
        "set": lambda c, key: c.smembers(key),
        "zset": lambda c, key: c.zrange(key, 0, -1),
        "stream": lambda c, key: c.xrange(key),
    }
    with server.client() as client:
        keys = sorted(client.scan_iter("{bullhorn}:*", count=1000))
        return {key: str(read[client.type(key)](client, key)) for key in keys}


def restart(server):
    """At the address it had, with nothing in it."""
    server._spawn()
    assert server._comes_up()
    let_other_in(server)
    fill(server)


async def say(stage, text, answer, user="U0BOB"):
    """Ask, and wait for an answer to this line that has these words."""
    seen = {message.ts for message in await stage.driver.messages(user=user)}
    await stage.driver.command(f"/queue {text}", user=user)
    return await stage.driver.wait_for(lambda m: answer in plain(m) and m.ts not in seen, user=user)


async def a_bad_day(stage, server, bot):
    """Every command, a retry, then each of the parts gone for a while.

    Returns what was kept before Redis was restarted with nothing in it.
    """
    await stage.alert("failures", "WHMCS_ERROR")
    for text, answer in (
        ("status", "order-provisioning"),
        ("failed order-provisioning", "WHMCS_ERROR"),
        ("failed order-provisioning --jobs", "newest first"),
        ("job order-provisioning j0", "WHMCS_ERROR"),
        ("job order-provisioning j0 --stack", "Error"),
        ("job order-provisioning j0 --logs", "Authorization"),
        ("retry order-provisioning j1 j2", "Retry 2"),
        ("job order-provisioning k0", "Login refused"),
        ("retry order-provisioning k0", "Login refused"),
        ("retry order-provisioning --all", "Retry 8"),
    ):
        await say(stage, text, answer)
    await stage.driver.click("Retry 8 now")
    await stage.driver.wait_for("Moved 8")
    await say(stage, "history", "8 of 8")
    await say(stage, "pause order-provisioning", "needs the", user="U0VERA")

    stored = kept(server)
    with server.client() as client:
        client.config_set("requirepass", f"changed-{MARK}")
        client.client_kill_filter(skipme=True, _type="normal")
        await say(stage, "status", "refuses the login")
        client.config_set("requirepass", PASSWORD)
    server.kill()
    await say(stage, "status", "cannot be reached")
    restart(server)
    await stage.until(lambda: ready(bot), bot.log.read_text)
    await slack_goes_away(stage)
    await say(stage, "failed order-provisioning", "WHMCS_ERROR")
    return stored


async def ready(bot):
    return (await bot.get("/readyz"))[0] == 200


async def slack_goes_away(stage):
    for kind in ("http500", "error:fatal_error", "reset", "error:invalid_auth"):
        await stage.driver.fault("chat.*", kind)
        await stage.driver.fault("response_url", kind)
        await stage.driver.command("/queue status")
    await stage.driver.clear_faults()
    opened = "apps.connections.open"
    before = len(stage.slack.ctx.calls.select(method=opened))
    await stage.driver.socket("disconnect")
    await stage.driver.wait_for_calls(opened, before + 1)
    await stage.driver.wait_for_connection()


def leaks(text):
    """Where the mark stands in a text, with what is around it."""
    return [text[max(0, f.start() - 150) : f.end() + 30] for f in re.finditer(MARK, text)]


async def test_no_secret_is_logged_said_or_kept(stage, server):
    fill(server)
    signing = f"signing-{MARK}"
    environment = {
        "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN,
        "SLACK_SIGNING_SECRET": signing, "LOG_LEVEL": "debug",
    }  # fmt: skip
    bot = await stage.start_bot(**environment)
    stored = {"before": await a_bad_day(stage, server, bot)}
    pages = [await bot.get(page) for page in ("/metrics", "/readyz", "/healthz", "/nowhere")]
    said = {
        person: [
            json.dumps(m.raw, ensure_ascii=False) for m in await stage.driver.messages(user=person)
        ]
        for person in PEOPLE
    }
    stored["after"] = kept(server)
    assert await bot.stop() == 0
    log = bot.log.read_text()

    assert len(log.splitlines()) > 100, "it was at debug level"
    assert leaks(log) == []
    assert TICKET.findall(log) == []
    assert leaks(str(pages)) == []
    assert sum(map(len, said.values())) > 20
    assert leaks(str(said)) == []
    for keys in stored.values():
        assert len(keys) > 5
        clean = {k: leaks(v) for k, v in keys.items() if not k.startswith(KEPT_AS_IT_IS)}
        assert {key: found for key, found in clean.items() if found} == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"REDIS_URL": f"rediss://u:{MARK}@127.0.0.1:1/0?ssl_ca_certs=/nowhere"},
        {"REDIS_URL": MARK},
        {"SLACK_BOT_TOKEN": f"xoxb-wrong-{MARK}", "SLACK_APP_TOKEN": APP_TOKEN},
        {"SLACK_APP_TOKEN": f"nonsense-{MARK}"},
        {"PORT": MARK},
    ],
    ids="-".join,
)
async def test_a_start_that_fails_tells_no_secret(stage, wrong):
    tokens = {"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN, "LOG_LEVEL": "debug"}
    bot = await stage.launch(**{**tokens, **wrong})
    assert await bot.process.wait() == 2
    log = bot.log.read_text()
    assert log.strip()
    assert leaks(log) == []

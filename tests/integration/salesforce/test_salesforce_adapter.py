"""The adapter of Salesforce before a local one that misbehaves: logins, sessions, limits, time."""

import asyncio
import traceback
from dataclasses import replace

import pytest
import requests

from bot.adapters.salesforce_login import Timed
from bot.domain.salesforce import Retried
from bot.domain.salesforce_login import LoginKind
from bot.errors import (
    SalesforceHalfDoneError,
    SalesforceRefusedError,
    SalesforceUnavailableError,
)
from tests.support.fake_salesforce import order_id
from tests.support.local_salesforce import POLICY, connected, credentials

ONE, TWO = order_id(1), order_id(2)
READ, CHANGE = "POST /services/data/v62.0/composite/sobjects/Order", "PATCH "


def lines(server, part):
    return [line for line in server.requests if part in line]


LOGINS = [
    (LoginKind.JWT, {}, "/services/oauth2/token"),
    (LoginKind.CLIENT_CREDENTIALS, {}, "/services/oauth2/token"),
    (LoginKind.PASSWORD, {}, "/services/Soap/u/62.0"),
    (
        LoginKind.PASSWORD,
        {"consumer_key": "3MVG9demoKey", "consumer_secret": "demo-secret"},
        "/services/oauth2/token",
    ),
]


@pytest.mark.parametrize(("kind", "more", "path"), LOGINS)
async def test_each_login_reads_an_order(server, keys, kind, more, path):
    if kind is LoginKind.JWT:
        more = {"private_key": keys[0]}
    async with connected(server, kind=kind, **more) as made:
        assert (await made.orders.order(ONE)).status == "Failed"
        assert (await made.orders.order(TWO)).status == "Failed"
    assert server.requests[0] == f"POST {path}"
    assert server.logins.given == 1, "one session for all calls"


async def test_soap_logs_in_with_the_last_version_that_has_it(server):
    policy = replace(POLICY, api_version="66.0")
    async with connected(server, kind=LoginKind.PASSWORD, policy=policy) as made:
        with pytest.raises(SalesforceRefusedError, match="no such object or version"):
            await made.orders.order(ONE)
    assert server.requests[0] == "POST /services/Soap/u/64.0"


SPOILT = [
    (LoginKind.JWT, {"consumer_key": "WRONG-hunter2"}, "invalid_grant: invalid assertion"),
    (LoginKind.JWT, {"username": "hunter2@acme.example"}, "user hasn't approved this consumer"),
    (LoginKind.JWT, {"private_key": "hunter2"}, "SALESFORCE_PRIVATE_KEY_FILE should be"),
    (LoginKind.CLIENT_CREDENTIALS, {"consumer_secret": "hunter2"}, "invalid_client"),
    (LoginKind.PASSWORD, {"password": "hunter2"}, "INVALID_LOGIN: Invalid username, password"),
    (LoginKind.PASSWORD, {"security_token": "hunter2"}, "INVALID_LOGIN"),
    (
        LoginKind.PASSWORD,
        {"password": "hunter2", "consumer_key": "3MVG9demoKey", "consumer_secret": "demo-secret"},
        "invalid_grant: authentication failure",
    ),
]


@pytest.mark.parametrize(("kind", "spoilt", "said"), SPOILT)
async def test_a_login_that_is_refused_says_why_and_no_secret(server, keys, kind, spoilt, said):
    if kind is LoginKind.JWT:
        spoilt = {"private_key": keys[0], **spoilt}
    async with connected(server, kind=kind, **spoilt) as made:
        with pytest.raises(SalesforceRefusedError) as caught:
            await made.orders.order(ONE)
    assert said in str(caught.value)
    told = "".join(traceback.format_exception(caught.value))
    for secret in ("hunter2", "demo-secret", "demo-password", "demoToken", "3MVG9"):
        assert secret not in told
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert lines(server, "composite") == []


def test_no_secret_is_in_the_repr(server):
    made = credentials(server, LoginKind.PASSWORD, consumer_key="k-hunter2", private_key="p")
    assert "hunter2" not in repr(made)
    assert "demo" not in repr(made).replace(server.url, "")


async def test_an_expired_session_is_renewed_once(server):
    async with connected(server) as made:
        await made.orders.order(ONE)
        server.logins.expire()
        assert await made.orders.order(ONE) is not None
    assert server.logins.given == 2


async def test_calls_whose_session_has_expired_together_renew_it_once(server):
    async with connected(server) as made:
        await made.orders.order(ONE)
        server.logins.expire()
        found = await asyncio.gather(*(made.orders.order(ONE) for _ in range(12)))
    assert all(found)
    assert server.logins.given == 2


async def test_a_session_that_is_never_accepted_is_not_asked_for_again_and_again(server):
    server.faults.add("expired", "/services/data/", times=9)
    async with connected(server) as made:
        with pytest.raises(SalesforceRefusedError, match="does not accept the session"):
            await made.orders.order(ONE)
    assert server.logins.given == 2
    assert len(lines(server, "/services/data/")) == 2


async def test_a_change_whose_session_had_expired_is_made_once(server):
    async with connected(server) as made:
        seen = await made.orders.orders([ONE, TWO])
        server.faults.add("expired", CHANGE)
        done = await made.orders.reactivate(list(seen.values()))
    assert {one.what for one in done.values()} == {Retried.SET}
    assert len(lines(server, CHANGE)) == 2


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("unavailable", SalesforceUnavailableError, "did not answer"),
        ("hang", SalesforceUnavailableError, "did not answer"),
        ("too_many", SalesforceUnavailableError, "asks to wait"),
        ("day_used_up", SalesforceUnavailableError, "API requests of this Salesforce are used up"),
        ("not_json", SalesforceUnavailableError, "do not understand"),
        ("odd_json", SalesforceUnavailableError, "do not understand"),
        ("forbidden", SalesforceRefusedError, "INSUFFICIENT_ACCESS: insufficient access rights"),
    ],
)
@pytest.mark.parametrize("path", [READ, "GET /services/data/v62.0/query/"])
async def test_what_goes_wrong_is_one_sentence_without_an_address(server, kind, error, said, path):
    policy = replace(POLICY, timeout=500)
    server.faults.add(kind, path)
    async with connected(server, policy=policy) as made:
        ask = made.orders.order(ONE) if path is READ else made.orders.stuck(before=0, limit=1)
        with pytest.raises(error) as caught:
            await ask
    assert said in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("kind", ["unavailable", "hang", "not_json", "odd_json"])
async def test_a_login_that_does_not_answer_as_it_should_is_no_refusal(server, kind):
    server.faults.add(kind, "/services/oauth2/token")
    async with connected(server, policy=replace(POLICY, timeout=500)) as made:
        with pytest.raises(SalesforceUnavailableError) as caught:
            await made.orders.order(ONE)
        assert caught.value.__context__ is None
        assert await made.orders.order(ONE) is not None, "the next call logs in"


async def test_after_a_lost_answer_the_rest_is_not_tried_and_all_is_told(server):
    ids = [order_id(number) for number in range(600)]
    for id_ in ids:
        server.book.put(id_, status="Failed")
    async with connected(server) as made:
        seen = list((await made.orders.orders(ids)).values())
        await made.orders.reactivate(seen[:1])
        seen = list((await made.orders.orders(ids[1:])).values())
        server.faults.queued = [("", CHANGE), ("reset_after_effect", CHANGE)]
        done = await made.orders.reactivate(seen)
    kinds = [done[id_].what for id_ in ids[1:]]
    assert kinds == [Retried.SET] * 200 + [Retried.UNCLEAR] * 200 + [Retried.REFUSED] * 199
    assert done[ids[-1]].reason.startswith("Not tried: Salesforce did not answer")


async def test_the_reserve_is_left_to_others_and_asked_about_again_after_a_minute(server):
    at = 0.0
    async with connected(server, session={"monotonic": lambda: at}) as made:
        await made.orders.order(ONE)
        server.rest.used = 14_899
        await made.orders.order(ONE)
        asked = len(server.requests)
        with pytest.raises(SalesforceUnavailableError) as caught:
            await made.orders.order(ONE)
        assert str(caught.value) == (
            "100 of the day's 15,000 Salesforce API requests are left, "
            "and 100 are kept for others (salesforce.reserve)."
        )
        assert len(server.requests) == asked, "it costs nothing to know"
        assert (await made.orders.limits()).remaining == 99
        server.rest.used = 5
        with pytest.raises(SalesforceUnavailableError):
            await made.orders.order(ONE)
        at = 61.0
        assert await made.orders.order(ONE) is not None


async def stuck(server, made):
    server.book.put(ONE, status="Activating")
    return list((await made.orders.orders([ONE])).values())


def status(server):
    return server.book.find(ONE).values["Activation_Status__c"]


async def test_a_stuck_order_is_not_begun_without_room_for_both_changes(server):
    async with connected(server) as made:
        seen = await stuck(server, made)
        server.rest.used = 14_898  # the second look leaves one above the reserve
        with pytest.raises(SalesforceUnavailableError, match=r"kept for others .* This takes 2\."):
            await made.orders.reactivate(seen)
    assert lines(server, CHANGE) == []
    assert status(server) == "Activating"


async def test_the_second_change_of_a_stuck_order_may_come_out_of_the_reserve(server):
    async with connected(server) as made:
        seen = await stuck(server, made)
        server.rest.used = 14_897
        real = made.orders._patch

        async def patch(*args, **more):
            answer = await real(*args, **more)
            made.session._note(replace(made.session._day, remaining=90))  # others ask too
            return answer

        made.orders._patch = patch
        done = await made.orders.reactivate(seen)
    assert done[ONE].what is Retried.SET
    assert status(server) == "Activating"


@pytest.mark.parametrize("faults", [["", "unavailable"], ["", "reset_after_effect"], ["hang"]])
async def test_a_stuck_order_that_may_be_left_half_way_is_no_outcome_but_to_be_done_again(
    server, faults
):
    async with connected(server, policy=replace(POLICY, timeout=500)) as made:
        seen = await stuck(server, made)
        server.faults.queued = [(kind, CHANGE) for kind in faults]
        with pytest.raises(SalesforceHalfDoneError, match=f"May be left in Failed.*: {ONE}") as it:
            await made.orders.reactivate(seen)
        assert it.value.unclear
        again = list((await made.orders.orders([ONE])).values())
        assert (await made.orders.reactivate(again))[ONE].what is Retried.SET
    assert status(server) == "Activating"


async def test_of_a_stuck_order_that_is_refused_half_way_it_is_told_where_it_is(server):
    async with connected(server) as made:
        seen = await stuck(server, made)
        server.book.frozen_ids.add(ONE[:15])
        done = await made.orders.reactivate(seen)
    assert done[ONE].what is Retried.REFUSED
    assert done[ONE].reason.startswith("left in Failed: ")
    assert status(server) == "Failed"


async def test_no_more_than_four_calls_are_under_way(server):
    async with connected(server) as made:
        await made.orders.order(ONE)
        server.faults.add("hang", READ, times=10)
        asking = [asyncio.ensure_future(made.orders.order(ONE)) for _ in range(10)]
        while server.faults.hanging < 4:
            await asyncio.wait(asking, timeout=0.01)
        server.faults.stopping.set()
        for answer in await asyncio.gather(*asking, return_exceptions=True):
            assert isinstance(answer, SalesforceUnavailableError)
    assert server.faults.most_hanging == 4


def test_netrc_and_proxies_do_not_come_in_between(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    session = Timed(seconds=1, local=None, most=1)
    request = session.prepare_request(
        requests.Request(
            "GET", "https://a.my.salesforce.com/", headers={"Authorization": "Bearer t"}
        )
    )
    assert request.headers["Authorization"] == "Bearer t"
    assert session.trust_env, "a company's proxy and authorities are used"
    assert not Timed(seconds=1, local="http://127.0.0.1:1", most=1).trust_env

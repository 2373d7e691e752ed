"""Masking: nothing of a secret is left, and what is no secret stays readable."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.redaction import (
    MASK,
    carries,
    mask,
    mask_reason,
    mask_text,
    secrets_in,
    shown_code,
)


@pytest.mark.parametrize(
    "key",
    [
        "password", "userPassword", "WHMCS_API_TOKEN", "access-token", "clientSecret",
        "Authorization", "cardNumber", "card", "api_key", "apiKey", "private key", "CVV", "discard",
    ],
)  # fmt: skip
def test_sensitive_keys_are_masked_whole(key):
    assert mask({key: "hunter2"}) == {key: MASK}
    assert mask({key: {"deep": ["hunter2"]}}) == {key: MASK}
    assert mask({key: 4111111111111111}) == {key: MASK}


@pytest.mark.parametrize("key", ["idempotencyKey", "sfOrderId", "author", "keyboard"])
def test_other_keys_are_left(key):
    assert mask({key: "value"}) == {key: "value"}


def test_nothing_to_hide_is_not_hidden():
    data = {"password": None, "token": "", "secret": False}
    assert mask(data) == data


def test_the_queues_own_keys_match_whole_in_any_spelling():
    data = {"simAccount": "0807", "sim_account": "0807", "SIM-ACCOUNT": 807, "simAccountType": "5G"}
    assert mask(data, ["simAccount"]) == {
        "simAccount": MASK,
        "sim_account": MASK,
        "SIM-ACCOUNT": MASK,
        "simAccountType": "5G",
    }


def test_any_depth_and_nested_json_strings():
    inner = json.dumps({"a": [{"token": "abc123"}], "b": 1})
    masked = mask({"list": [{"payload": inner}]})
    assert json.loads(masked["list"][0]["payload"]) == {"a": [{"token": MASK}], "b": 1}


def test_secrets_inside_plain_strings_of_the_data():
    assert mask({"url": "redis://user:hunter2@host/0"}) == {"url": f"redis://user:{MASK}@host/0"}
    assert mask(["Authorization: Bearer abc.def"]) == [f"Authorization: {MASK}"]


def test_ten_thousand_levels_end_in_an_ellipsis():
    deep = current = {}
    for _ in range(10_000):
        current["next"] = current = {}
    assert "\u2026" in json.dumps(mask(deep), ensure_ascii=False)
    assert secrets_in(deep) == ()
    bomb = "[" * 100_000
    assert mask({"x": bomb})["x"].startswith("[[[")


def test_values_of_the_data_are_masked_in_texts():
    data = {"card": {"number": "4111111111111111"}, "token": "tok-9f8e7d", "pin": "12"}
    text = "declined 4111111111111111 (tok-9f8e7d) after 12 tries"
    assert mask_text(text, data=data) == f"declined {MASK} ({MASK}) after 12 tries"


def test_values_in_nested_json_strings_are_found():
    data = {"payload": json.dumps({"clientSecret": "s3cr3t!"})}
    assert mask_text("bad s3cr3t!", data=data) == f"bad {MASK}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Bearer abc.def-ghi", f"Bearer {MASK}"),
        ("Authorization: Bearer abc.def", f"Authorization: {MASK}"),
        ("password=hunter2&user=bob", f"password={MASK}&user=bob"),
        ('{"apiToken": "a b c", "x": 1}', f'{{"apiToken": {MASK}, "x": 1}}'),
        ("{ password: 'hunter2', x: 1 }", f"{{ password: {MASK}, x: 1 }}"),
        (r'"{\"token\":\"abc\"}"', rf'"{{\"token\":{MASK}}}"'),
        ("DB_PASSWORD=hunter2", f"DB_PASSWORD={MASK}"),
        ("https://bob:hunter2@x.example/", f"https://bob:{MASK}@x.example/"),
        ("simAccount=08077052946 busy", f"simAccount={MASK} busy"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text, masked):
    assert mask_text(text, ["simAccount"]) == masked


@pytest.mark.parametrize(
    "text",
    [
        "CARD_DECLINED: insufficient funds",
        "Error: TOKEN_EXPIRED: log in again",
        "WHMCS_ERROR: connect ETIMEDOUT 10.0.0.7:443",
        "the password is wrong",
        "http://host:8080/path",
    ],
)
def test_plain_failures_stay_readable(text):
    assert mask_text(text) == text


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (
            "ACCOUNT_NOT_FOUND: Freebit knows no account 08040778179",
            f"ACCOUNT_NOT_FOUND: Freebit knows no account {MASK}",
        ),
        ("call 080-4077-8179 or +81 80 4077 8179", f"call {MASK} or +{MASK}"),
        ("order 4711 of 2024-01-15 failed on port 54321", None),
        ("simAccount=123 busy", f"simAccount={MASK} busy"),
    ],
)
def test_without_the_jobs_data_long_numbers_of_a_queue_that_redacts_are_masked(reason, shown):
    assert mask_reason(reason, ["simAccount"]) == (shown or reason)
    if "simAccount" not in reason:
        assert mask_reason(reason) == reason, "a queue that redacts nothing of its own"


def test_with_the_jobs_data_its_own_values_are_masked_and_no_more():
    data = {"simAccount": "08040778179"}
    text = "no account 08040778179 in batch 20240115103000"
    assert mask_reason(text, ["simAccount"], data) == f"no account {MASK} in batch 20240115103000"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("WHMCS_ERROR", "WHMCS_ERROR"),
        ("TOKEN_EXPIRED", "TOKEN_EXPIRED"),
        ("(no reason)", "(no reason)"),
        ("Authorization: Bearer abc.def", f"Authorization: {MASK}"),
        ("no sim 08040778179", f"no sim {MASK}"),
    ],
)
def test_a_failure_code_as_people_see_it(code, shown):
    assert shown_code(code, ["simAccount"]) == shown
    assert carries(code, ["simAccount"]) is (code == shown)


@pytest.mark.parametrize(
    "piece", ["a", "token", "token ", "password=", "://a:", "Bearer ", '\\"', "1 ", "12-"]
)
def test_long_texts_take_no_time(piece):
    began = time.perf_counter()
    mask_reason(piece * (1_000_000 // len(piece)), ["simAccount"])
    assert time.perf_counter() - began < 2


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_masking_is_json_again_and_settles(value):
    masked = mask(value)
    json.dumps(masked)
    assert mask(masked) == masked


@given(st.text(min_size=8, max_size=40, alphabet=st.characters(categories=["L", "N"])), _JSON)
def test_no_secret_survives(secret, other):
    data = {"other": other, "deep": [{"accessToken": secret}]}
    shown = json.dumps(mask(data), ensure_ascii=False)
    assert secret not in json.dumps(mask({"deep": data["deep"]}), ensure_ascii=False)
    assert MASK in shown
    assert secret not in mask_text(f"failed with {secret} and", data=data)

"""The Lua twin of the failure code, inside a real server: the same vectors, and any text."""

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.bullmq_scripts import load
from bot.domain.failures import failure_code

VECTORS = json.loads(
    (Path(__file__).parents[1] / "unit" / "domain" / "failure_codes.json").read_text("utf-8")
)
SCRIPT = load("failure_code").text + "\nreturn failure_code(ARGV[1])"
ANY_SETTINGS = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None
)
PIECES = st.sampled_from(
    [
        *"\"'` #.-:\n\0\x017aA_é回💥",
        "ERR_",
        "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        "x" * 90,
        "回" * 340,
    ]
)


def test_the_script_passes_the_vectors(redis):
    assert [redis.eval(SCRIPT, 0, one["reason"]) for one in VECTORS] == [
        one["code"] for one in VECTORS
    ]


@ANY_SETTINGS
@given(reason=st.text())
def test_both_agree_on_any_text(redis, reason):
    clean = reason.encode("utf-8", "replace").decode()
    assert redis.eval(SCRIPT, 0, clean) == failure_code(reason)


@ANY_SETTINGS
@given(reason=st.lists(PIECES, max_size=30).map("".join))
def test_both_agree_on_texts_made_of_what_the_rules_are_about(redis, reason):
    assert redis.eval(SCRIPT, 0, reason) == failure_code(reason)


@ANY_SETTINGS
@given(reasons=st.lists(st.lists(PIECES, max_size=6).map("".join), min_size=2, max_size=12))
def test_what_one_call_remembers_changes_no_code(redis, reasons):
    script = load("failure_code").text + (
        "\nlocal codes = {}"
        "\nfor place, reason in ipairs(ARGV) do codes[place] = failure_code(reason) end"
        "\nreturn codes"
    )
    assert redis.eval(script, 0, *reasons) == [failure_code(reason) for reason in reasons]


@ANY_SETTINGS
@given(reason=st.binary())
def test_bytes_that_are_no_text_still_give_a_readable_code(valkey, reason):
    with valkey.client() as client:
        client.eval(SCRIPT, 0, reason)

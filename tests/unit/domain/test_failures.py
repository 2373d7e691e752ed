"""The failure code: the vectors that the Lua twin passes too, and what holds for any text."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.failures import NO_REASON, failure_code

VECTORS = json.loads(Path(__file__).with_name("failure_codes.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: repr(vector["reason"][:30]))
def test_a_reason_has_the_code_of_the_vectors(vector):
    assert failure_code(vector["reason"]) == vector["code"]


def test_a_missing_reason_has_a_code_of_its_own():
    assert failure_code(None) == NO_REASON


@given(st.text())
def test_a_code_is_short_and_has_no_control_characters(reason):
    code = failure_code(reason)
    assert 0 < len(code) <= 101
    assert not any(sign < " " or sign == "\x7f" for sign in code)


@given(st.integers(min_value=0), st.integers(min_value=0))
def test_numbers_make_no_difference(one, other):
    assert failure_code(f"order {one} timed out") == failure_code(f"order {other} timed out")


@given(
    st.text(
        alphabet=st.characters(exclude_characters='"\r\n', exclude_categories=("Cs",)), max_size=200
    )
)
def test_what_is_quoted_makes_no_difference(value):
    assert failure_code(f'no product "{value}" found') == failure_code('no product "x" found')


@given(st.from_regex(r"[A-Z][A-Z0-9]{0,20}_[A-Z0-9_]{1,20}", fullmatch=True), st.text())
def test_a_leading_upper_snake_word_is_the_code_whatever_follows(word, rest):
    assert failure_code(f"{word}: {rest}") == word


def test_a_very_long_reason_costs_no_more_than_its_beginning():
    assert failure_code("x" * 1_000_000) == "x" * 100 + "…"

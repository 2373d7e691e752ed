"""Ids and sizes in sentences, and what is at a dotted path."""

import pytest

from bot.domain.archives import say_size
from bot.domain.listing import listed, state_word
from bot.domain.subjects import value_at


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([], ""),
        (["1"], "1"),
        (["1", "2"], "1 and 2"),
        (["1", "2", "3"], "1, 2 and 3"),
        (list("123456"), "1, 2, 3, 4, 5 and 1 more"),
        (["*b*", "<!here>", "`"], "b, !here and ?"),
        (["order_12", "_it_", "repeat:fire:17"], "order_12, it_ and repeat\u2236fire:17"),
        (["x" * 80], f"{'x' * 59}…"),
    ],
)
def test_a_few_ids_are_named_without_format(ids, said):
    assert listed(ids) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(812, "812 bytes"), (1_229, "1.2 KB"), (12_288, "12 KB"), (256_000_000, "256 MB")],
)
def test_sizes(count, said):
    assert say_size(count) == said


def test_states_are_called_what_people_call_them():
    assert [state_word(one) for one in ("wait", "failed")] == ["waiting", "failed"]


@pytest.mark.parametrize(
    ("data", "path", "value"),
    [
        ({"a": {"b": "x"}}, "a.b", "x"),
        ({"a": 17}, "a", "17"),
        ({"a": True}, "a", None),
        ({"a": ""}, "a", None),
        ({"a": [1]}, "a.b", None),
        ("text", "a", None),
        (None, "a", None),
    ],
)
def test_what_is_at_a_path(data, path, value):
    assert value_at(data, path) == value


def test_of_a_sample_the_others_are_counted_from_the_total():
    assert listed(list("1234567"), total=2_817) == "1, 2, 3, 4, 5 and 2,812 more"
    assert listed(["1", "2"], total=2) == "1 and 2"

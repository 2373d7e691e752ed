"""Words as phones and people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.commandline import join, split
from bot.errors import UsageError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("   ", []),
        ("  failed   orders  ", ["failed", "orders"]),
        ("retry orders —error WHMCS_ERROR", ["retry", "orders", "--error", "WHMCS_ERROR"]),
        ("failed “my queue” --name ‘a b’", ["failed", "my queue", "--name", "a b"]),
        ("job\u00a0orders\t4711", ["job", "orders", "4711"]),
        ("silence orders 1h don't wake me", ["silence", "orders", "1h", "don't", "wake", "me"]),
        ("silence orders 1h don’t", ["silence", "orders", "1h", "don't"]),
    ],
)
def test_split(text, words):
    assert split(text) == words


def test_an_open_quote_is_told():
    with pytest.raises(UsageError, match="A quote is not closed"):
        split('failed "orders')


@given(
    st.lists(
        st.text(
            alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\"'“”„‘’—–\u00a0")
        )
    )
)
def test_what_is_joined_is_split_again(words):
    assert split(join(words)) == words


@given(st.text())
def test_any_text_is_words_or_a_usage_error(text):
    try:
        words = split(text)
    except UsageError:
        return
    assert all(isinstance(word, str) for word in words)

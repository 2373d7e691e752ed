"""The words of a command: split as a person types them, joined as a button carries them."""

from __future__ import annotations

from collections.abc import Iterable

from bot.errors import UsageError

_CURLY = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "—": "--", "–": "-", "\u00a0": " "}
)


def split(text: str) -> list[str]:
    """Split into words at white space; quotes at a word's start keep a phrase whole.

    Phones turn `--` into a dash and quotes into curly ones: both are taken back.

    Raises:
        UsageError: a quote is not closed.
    """
    words: list[str] = []
    rest = text.encode("utf-8", "replace").decode().translate(_CURLY).strip()
    while rest:
        if rest[0] in "\"'":
            end = rest.find(rest[0], 1)
            if end < 0:
                raise UsageError(f"A quote is not closed: {rest[:60]}")
            words.append(rest[1:end])
            rest = rest[end + 1 :].lstrip()
        else:
            word, _, rest = rest.partition(" ") if " " in rest else (rest, "", "")
            words.extend(word.split())
            rest = rest.lstrip()
    return words


def join(words: Iterable[str]) -> str:
    """Join words so that `split` gives them back (a word with both kinds of quotes loses one)."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    if word and not any(sign.isspace() for sign in word) and word[0] not in "\"'":
        return word
    return f'"{word}"' if '"' not in word else "'" + word.replace("'", "") + "'"

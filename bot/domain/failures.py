"""The failure code: what failed jobs are grouped by.

The same definition runs inside Redis (`bot/adapters/lua/failure_code.lua`), where failures are
counted without loading them. One file of vectors tests both. In words:

1. The reason's leading control characters and spaces are dropped. Nothing left: `NO_REASON`.
2. A leading UPPER_SNAKE word (a capital, then capitals, digits and `_`, 3 to 100 characters, not
   followed by a letter or digit) is the code, if it holds a `_`, or if a `:` or the end follows.
3. Else the first line (of the first 1000 bytes), made the same for failures of one kind: white
   space squeezed; UUIDs become `#`, quoted values `"…"`, words that hold a digit `#`, and so
   do chains of these such as dates, addresses and decimals; at most 100 characters, then `…`.

Letters, digits and white space are ASCII's here; other characters are left as they are.
"""

from __future__ import annotations

import re
from typing import Final

NO_REASON: Final = "(no reason)"
"""The code of a job that failed without saying why."""

OTHER: Final = "(other)"
"""Stands for the groups beyond the number that one report lists; it cannot be filtered by."""

_MOST_BYTES: Final = 1000
_MOST_CHARACTERS: Final = 100
_LONGEST_WORD: Final = 100

_LEADING: Final = re.compile(rb"[\x00-\x20\x7f]*")
_WORD: Final = re.compile(rb"[A-Z][A-Z0-9_]{2,}(?![A-Za-z0-9_])")
_FIRST_LINE: Final = re.compile(rb"[^\r\n]*")
_SPACE: Final = re.compile(rb"[\x00-\x20\x7f]+")
_QUOTED: Final = (
    (re.compile(rb'"[^"]*"'), b"\x01"),
    (re.compile(rb'"[^"]*\Z'), b"\x01"),
    (re.compile(rb"`[^`]*`"), b"\x01"),
)
_APOSTROPHES: Final = re.compile(rb"([^A-Za-z0-9])'[^']*'")
_UUID: Final = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_WITH_DIGIT: Final = re.compile(rb"(?<![A-Za-z0-9])[A-Za-z]*[0-9][A-Za-z0-9]*")
_CHAIN: Final = re.compile(rb"#[#.,:-]*#")


def failure_code(reason: str | None) -> str:
    """The code of a failed reason; see the module for the rules."""
    raw = (reason or "").encode("utf-8", "replace")
    text = _cut(raw[_end(_LEADING, raw) :])
    if not text:
        return NO_REASON
    word = _leading_word(text)
    if word is not None:
        return word
    text = _SPACE.sub(b" ", text[: _end(_FIRST_LINE, text)]).removesuffix(b" ")
    text = _mask_numbers(_mask_quoted(_UUID.sub(b"#", text)))
    code = text.replace(b"\x01", '"…"'.encode()).decode()
    return code if len(code) <= _MOST_CHARACTERS else code[:_MOST_CHARACTERS] + "…"


def _end(pattern: re.Pattern[bytes], text: bytes) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _cut(text: bytes) -> bytes:
    """The first bytes, never ending inside a character."""
    return text[:_MOST_BYTES].decode("utf-8", "ignore").encode()


def _leading_word(text: bytes) -> str | None:
    match = _WORD.match(text)
    if match is None or len(match[0]) > _LONGEST_WORD:
        return None
    following = text[match.end() : match.end() + 1]
    if following in (b"", b":") or b"_" in match[0]:
        return match[0].decode()
    return None


def _mask_quoted(text: bytes) -> bytes:
    for pattern, mask in _QUOTED:
        text = pattern.sub(mask, text)
    return _APOSTROPHES.sub(rb"\1" + b"\x01", b" " + text)[1:]


def _mask_numbers(text: bytes) -> bytes:
    return _CHAIN.sub(b"#", _WITH_DIGIT.sub(b"#", text))
